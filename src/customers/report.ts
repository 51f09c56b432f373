// From plan and facts to the status of a customer. Holds PROVEN, QUIET: what is said was checked in
// this run, and an unchanged customer yields an equal status. No countdown, no attempt, no duration.

import { standingsOf } from '../access/members.ts'
import { superAdminStatus } from '../access/last-super-admin.ts'
import { partnerIn, sameLink, type Link } from '../access/link.ts'
import { ownersStatus } from '../access/owners.ts'
import { annotations } from '../api/names.ts'
import { conditionsFrom, isFalse, isTrue, readyFrom, type Finding } from '../api/conditions.ts'
import type { CustomerOrganizationStatus } from '../api/kinds.generated.ts'
import type { Verdict } from '../api/reasons.ts'
import { formatTime, type EpochMs } from '../api/time.ts'
import type { DatabaseFact } from './database.ts'
import type { Facts } from './apply.ts'
import type { Seen } from './gather.ts'
import type { Plan } from './plan.ts'

export type Report = {
  readonly status: CustomerOrganizationStatus
  readonly findings: readonly Finding[]
  /** A new state of the link goes in only over the version of the object that was read. */
  readonly guarded: boolean
}

const needed = ['NamespaceReady', 'AccessReady', 'DatabaseReady', 'Isolated']

export function report(seen: Seen, plan: Plan, facts: Facts, now: EpochMs): Report {
  const { object } = seen
  const before = object.status
  const link = linkAfter(plan, facts)
  const findings = findingsOf(seen, plan, facts, link)
  const owners = ownersStatus(seen.known.customer, before?.owners, now)
  const superAdmin = superAdminStatus(seen.known.customer, before?.superAdmin, now)
  const leftByPartner = leftBehind(seen, link)
  const { uid, generation } = object.metadata
  const status: CustomerOrganizationStatus = {
    ...(generation !== undefined && { observedGeneration: generation }),
    ...(uid !== undefined && { customerID: uid }),
    namespace: plan.namespace,
    access: link.state === 'Releasing' ? 'Releasing' : plan.accessColumn,
    ...(plan.until !== undefined && { until: plan.until }),
    portal: seen.known.customer.portalActive ? 'On' : 'Off',
    devices: seen.devices,
    partner: partnerStatus(before?.partner, link, { left: plan.left, now }),
    ...(leftByPartner.length > 0 && { leftByPartner }),
    database: databaseStatus(before?.database, facts.database, now),
    ...(superAdmin && { superAdmin }),
    ...(owners.length > 0 && { owners }),
    conditions: conditionsFrom(findings, before?.conditions, { now, generation }),
  }
  return { status, findings, guarded: !sameLink(link, plan.link) }
}

/** The link moves on only with the proof in hand (ONE-PARTNER). */
function linkAfter(plan: Plan, { revoked, proof, people, ledger }: Facts): Link {
  const { link, nextLink } = plan
  if (sameLink(link, nextLink) || nextLink.state === 'Releasing') return nextLink
  const somebodyIsIn =
    revoked !== 'done' ||
    people.state === 'Unproven' ||
    ledger.state === 'Unwritten' ||
    plan.impersonation.isRemembered ||
    !proof ||
    proof.open.some(({ about }) => about === 'partner')
  return somebodyIsIn || plan.bindings.revoke.length > 0 ? link : nextLink
}

function partnerStatus(
  before: CustomerOrganizationStatus['partner'],
  link: Link,
  { left, now }: Pick<Plan, 'left'> & { readonly now: EpochMs },
): NonNullable<CustomerOrganizationStatus['partner']> {
  const name = partnerIn(link)
  const moved = !before || before.state !== link.state || before.epoch !== link.epoch
  return {
    state: link.state,
    epoch: link.epoch,
    ...(name !== undefined && { name }),
    ...(left !== undefined && { left }),
    since: !moved && before.since ? before.since : formatTime(now),
  }
}

/** As many as fit; who is removed makes room for the next. */
const mostLeftBehind = 100

/** Whom people of a partner wrote down that is out by now: the customer is to look at them. */
function leftBehind({ creators }: Seen, link: Link) {
  return [...creators]
    .flatMap(([user, creator]) =>
      creator.partner === undefined || creator.partner === partnerIn(link)
        ? []
        : [{ user, partner: creator.partner, createdBy: creator.user }],
    )
    .toSorted((a, b) => (a.user < b.user ? -1 : 1))
    .slice(0, mostLeftBehind)
}

type DatabaseStatus = NonNullable<CustomerOrganizationStatus['database']>

function databaseStatus(
  before: CustomerOrganizationStatus['database'],
  fact: DatabaseFact | undefined,
  now: EpochMs,
): DatabaseStatus {
  if (!fact) return before ?? { state: 'Pending' }
  switch (fact.state) {
    case 'Off':
      return { ...before, state: 'Off' }
    case 'Kept':
      return { ...before, state: before?.server === undefined ? 'Off' : 'Retained' }
    case 'Placed':
      return {
        server: fact.server,
        pool: fact.pool,
        ...(fact.madeFor !== undefined && { madeFor: fact.madeFor }),
        state: 'Placed',
        placedAt: formatTime(now),
      }
    case 'Ready':
      return {
        ...before,
        name: fact.name,
        state: 'Ready',
        ...(fact.rotatedAt !== undefined && { rotatedAt: formatTime(fact.rotatedAt) }),
      }
    case 'Failed':
      return { ...before, state: before?.server === undefined ? 'Pending' : 'NotReady' }
  }
}

function findingsOf(seen: Seen, plan: Plan, facts: Facts, link: Link): readonly Finding[] {
  const findings = [
    namespaceReady(plan, facts),
    accessReady(plan, facts, link),
    databaseReady(facts),
    isolated(plan, facts),
    partnerLinked(plan, facts, link),
    portalActive(seen),
    hasAdmin(seen),
  ]
  return [...findings, ready(plan, findings)]
}

function ready(plan: Plan, findings: readonly Finding[]): Finding {
  if (plan.blocked) return failing('Ready', plan.blocked)
  // A grant that waits for a partner is unfinished business; a customer without one is whole.
  const waits = plan.linkWaits || plan.link.state === 'Releasing'
  return readyFrom(findings, waits ? [...needed, 'PartnerLinked'] : needed)
}

function failing(type: string, { reason, message }: Verdict): Finding {
  return isFalse(type, reason, message)
}

function namespaceReady({ namespace, namespaceStep, blocked }: Plan, facts: Facts): Finding {
  if (blocked) return failing('NamespaceReady', blocked)
  if (namespaceStep.step === 'leave') return failing('NamespaceReady', namespaceStep.why)
  if (facts.namespace === 'there')
    return isTrue('NamespaceReady', 'Ready', `Namespace ${namespace} is in place.`)
  return failing(
    'NamespaceReady',
    facts.namespace?.why ?? {
      reason: 'NamespaceMissing',
      message: `Namespace ${namespace} is not made yet.`,
    },
  )
}

function accessReady(plan: Plan, facts: Facts, link: Link): Finding {
  if (plan.blocked && !facts.proof) return failing('AccessReady', plan.blocked)
  if (facts.revoked === 'failed') {
    return isFalse(
      'AccessReady',
      'AccessUnproven',
      `Somebody who must leave could not be taken out of ${plan.namespace}. The operator tries again; its log says what the API server answered.`,
    )
  }
  if (link.state === 'Linked' && plan.link.state !== 'Linked') {
    // PROVEN: status has just made it possible; whoever gets in by it was not asked about yet.
    return isFalse('AccessReady', 'Proving', `The people of ${link.partner} are let in next.`)
  }
  const open = facts.proof?.open ?? []
  if (!facts.proof) return isFalse('AccessReady', 'Proving', 'Nobody has been asked about yet.')
  if (open.length === 0 && facts.people.state === 'Unproven' && facts.people.leaves) {
    return failing('AccessReady', facts.people.why)
  }
  if (open.length === 0 && facts.ledger.state === 'Unwritten' && facts.ledger.leaves) {
    return failing('AccessReady', facts.ledger.why)
  }
  if (open.length === 0 && plan.heldBack.length > 0) {
    return isFalse(
      'AccessReady',
      'OlderThanLedger',
      `${some(plan.heldBack)}: what lets them in is older than what the access ledger has seen of it, as after a restore of the cluster from a backup, so they are held back. Apply the current manifests; or, having looked at them, annotate customer ${plan.name} with ${annotations.confirmRestored}=${plan.name}.`,
    )
  }
  if (open.length === 0) {
    const asked = plan.questions.length - 1
    return isTrue(
      'AccessReady',
      'Proven',
      asked === 0
        ? 'Nobody enters, and the API server confirms it.'
        : 'The API server was asked about each person, and answers as it should.',
    )
  }
  if (open.some(({ about }) => about === 'anybody')) {
    return failing('AccessReady', everybodyIsIn(plan))
  }
  const still = open.filter(({ expected }) => !expected).map(({ person }) => person)
  if (still.length > 0) {
    return failing('AccessReady', whyStillIn(plan, facts.proof, still))
  }
  const missing = open.map(({ person }) => person)
  return isFalse(
    'AccessReady',
    'Proving',
    `The API server does not let ${some(missing)} into ${plan.namespace} yet. It is asked again.`,
  )
}

/** The API server needs a moment to learn of a deletion; a yes after that comes from elsewhere. */
const patience = 4

function whyStillIn(
  { name, namespace }: Plan,
  { misses }: NonNullable<Facts['proof']>,
  people: readonly string[],
): Verdict {
  const who = some(people)
  if (misses < patience) {
    return {
      reason: 'ReleaseUnproven',
      message: `The API server still lets ${who} into ${namespace}. It is asked again.`,
    }
  }
  return {
    reason: 'ForeignAccess',
    message: `The API server lets ${who} into ${namespace} by a binding that Tenantry did not make. Remove it, and this goes on by itself; or, if the platform wants it so, annotate customer ${name} with ${annotations.confirmForeignAccess}=<names by commas>.`,
  }
}

function everybodyIsIn({ namespace }: Plan): Verdict {
  return {
    reason: 'ForeignAccess',
    message: `Everybody who signs in can read namespace ${namespace}. Remove the binding of system:authenticated that allows it.`,
  }
}

const namedAtMost = 10

function some(people: readonly string[]): string {
  const named = people.slice(0, namedAtMost).join(', ')
  const rest = people.length - namedAtMost
  return rest > 0 ? `${named} and ${rest} more` : named
}

function databaseReady({ database, people, retired }: Facts): Finding {
  if (retired?.state === 'Failed') return failing('DatabaseReady', retired.why)
  if (database?.state === 'Ready' && people.state === 'Unproven')
    return failing('DatabaseReady', people.why)
  switch (database?.state) {
    case undefined:
      return isFalse('DatabaseReady', 'Proving', 'The database has not been looked at yet.')
    case 'Off':
      return isTrue('DatabaseReady', 'DatabaseDisabled', 'The spec asks for no database.')
    case 'Kept':
      return isFalse('DatabaseReady', 'Deleting', 'The database is kept as it is.')
    case 'Placed':
      return isFalse('DatabaseReady', 'Proving', `The database is placed on ${database.server}.`)
    case 'Ready':
      return database.note
        ? isFalse('DatabaseReady', database.note.reason, database.note.message)
        : isTrue(
            'DatabaseReady',
            'Ready',
            'The database is in place and was checked by signing in.',
          )
    case 'Failed':
      return failing('DatabaseReady', database.why)
  }
}

function isolated(plan: Plan, facts: Facts): Finding {
  if (plan.blocked) return failing('Isolated', plan.blocked)
  if (!facts.isolated || !facts.proof) {
    return isFalse(
      'Isolated',
      'Proving',
      'Quota, limits and network policies are not in place yet.',
    )
  }
  if (facts.proof.open.some(({ about }) => about === 'anybody')) {
    return failing('Isolated', everybodyIsIn(plan))
  }
  const { database } = facts
  if (database?.state === 'Failed' && database.why.reason === 'DatabaseNotIsolated')
    return failing('Isolated', database.why)
  if (database?.state === 'Placed' || database?.state === 'Failed') {
    return isFalse(
      'Isolated',
      'Proving',
      'The namespace is isolated; the database was not checked yet. DatabaseReady says why.',
    )
  }
  return isTrue('Isolated', 'Proven', 'Namespace and database were checked.')
}

function partnerLinked(plan: Plan, facts: Facts, link: Link): Finding {
  if (link.state === 'Linked')
    return isTrue('PartnerLinked', 'Linked', `Partner ${link.partner} is linked.`)
  if (link.state === 'Releasing') {
    const still = (facts.proof?.open ?? [])
      .filter(({ about, expected }) => about === 'partner' && !expected)
      .map(({ person }) => person)
    if (still.length > 0 && facts.proof)
      return failing('PartnerLinked', whyStillIn(plan, facts.proof, still))
    if (facts.people.state === 'Unproven') return failing('PartnerLinked', facts.people.why)
    if (facts.ledger.state === 'Unwritten') return failing('PartnerLinked', facts.ledger.why)
    if (plan.impersonation.isRemembered) {
      return isFalse(
        'PartnerLinked',
        'ImpersonationRemembered',
        `A technician of partner ${link.partner} acted as somebody here just now; the API server may remember it for ten seconds. Nobody else is let in before.`,
      )
    }
    return isFalse(
      'PartnerLinked',
      'Releasing',
      `Partner ${link.partner} is being taken out. Nobody else is let in before that is proven.`,
    )
  }
  if (plan.linkWaits) return failing('PartnerLinked', plan.linkWaits)
  if (plan.left !== undefined) {
    return isFalse(
      'PartnerLinked',
      'PartnerLeft',
      `Partner ${plan.left} has ended the relationship. It is not linked again while spec.partner names it: name another partner there, or remove the field and let the customer invite one.`,
    )
  }
  if (plan.nextLink.state === 'Linked' && facts.people.state === 'Unproven')
    return failing('PartnerLinked', facts.people.why)
  if (plan.nextLink.state === 'Linked' && facts.ledger.state === 'Unwritten')
    return failing('PartnerLinked', facts.ledger.why)
  return isFalse('PartnerLinked', 'NoPartner', 'The customer has no partner.')
}

function portalActive({ known }: Seen): Finding {
  return known.customer.portalActive
    ? isTrue('PortalActive', 'Enabled', "The customer's own people may enter.")
    : isFalse(
        'PortalActive',
        'PortalOff',
        "The customer's own people are out. The platform sets spec.portal.active to true.",
      )
}

function hasAdmin({ known }: Seen): Finding {
  const admin = standingsOf(known.customer).find(
    ({ holds }) => holds === 'SuperAdmin' || holds === 'Admin',
  )
  return admin
    ? isTrue('HasAdmin', 'Enabled', 'Somebody administers the customer.')
    : isFalse(
        'HasAdmin',
        'NoAdmin',
        'Nobody administers the customer. Add an OrganizationMember in its namespace, or an owner in its spec.',
      )
}
