// The outbox of a customer as its next status has it: how things stand now, beside how they stood at the
// last notice, so that a restart tells nobody twice. Pure. Holds QUIET, and PROVEN: a portal is open once
// the API server lets people in. What is told on which occasion is in occasions.ts.
//
// A platform that switches notifications on tells nobody of what has long been so: the first look at a
// customer that has a status records how things stand, and no more.

import { accessNow } from '../access/access.ts'
import { endingWithin, nextWarning } from '../access/ending.ts'
import { grantWindow } from '../access/grant.ts'
import { linkedPartner } from '../access/link.ts'
import { linkOf } from '../access/facts.ts'
import { conditionsFrom, isFalse, type Finding } from '../api/conditions.ts'
import type { EpochMs } from '../api/time.ts'
import type { Notice, Outbox, Told } from '../notify/notice.ts'
import { nextOutbox, type Reach } from '../notify/outbox.ts'
import type { Notify, Recipient } from '../notify/port.ts'
import type { Facts } from './apply.ts'
import type { Seen } from './gather.ts'
import { newsOf, type Change } from './occasions.ts'
import type { Plan } from './plan.ts'
import type { Report } from './report.ts'

type Turn = {
  readonly seen: Seen
  readonly plan: Pick<Plan, 'until' | 'linkWaits'>
  readonly facts: Pick<Facts, 'revoked' | 'proof' | 'people'>
  readonly now: EpochMs
}

/** The same report with an outbox in it, and with what could not be delivered. */
export function withNotices(notify: Notify | undefined, turn: Turn, said: Report): Report {
  if (!notify) return said
  const { seen, now } = turn
  const before = seen.object.status
  const told = before?.notifications?.told
  const isFirstLook = before?.observedGeneration !== undefined && told === undefined
  const wasOn = isFirstLook && before.portal === 'On'
  const present = standing(turn, said, told ?? (wasOn ? { portal: 'On' } : {}))
  const reach = reachOf(notify, seen)
  const outbox = nextOutbox(before?.notifications, {
    told: present,
    news: isFirstLook ? [] : newsOf(changeOf(turn, said, told ?? {}, present)),
    outcomes: notify.settled(seen.object.metadata.name),
    obsolete: present.halfProven ? [] : ['RevocationHalfProven'],
    reach,
    now,
  })
  const failure = notified(outbox, reach)
  const findings = failure ? [...said.findings, failure] : said.findings
  const { generation } = seen.object.metadata
  const conditions = conditionsFrom(findings, before?.conditions, { now, generation })
  return { ...said, findings, status: { ...said.status, notifications: outbox, conditions } }
}

/** The next moment at which somebody is to be told that an end is near. */
export function nextNotice({ known }: Seen, now: EpochMs): EpochMs | undefined {
  const window = known.grant && grantWindow(known.grant)
  return window && nextWarning(window, now)
}

type Reaching = Pick<Notify, 'reach' | 'portalURL'>

export function recipientOf(notify: Reaching, seen: Seen): Recipient {
  const { metadata, spec } = seen.object
  return {
    customer: metadata.name,
    customerID: metadata.uid ?? '',
    displayName: spec.displayName,
    portalURL: notify.portalURL.replaceAll('{customer}', metadata.name),
    contactName: spec.contact?.name,
    reach: reachOf(notify, seen),
  }
}

function reachOf({ reach }: Reaching, { object, partnerContact }: Seen): Reach {
  return {
    ...reach,
    contact: reach.mail ? object.spec.contact?.email : undefined,
    partner: reach.mail ? partnerContact : () => undefined,
  }
}

/** What is worth telling, as it is now; what is on its way keeps what was told last. */
function standing({ seen, plan, facts, now }: Turn, said: Report, told: Told): Told {
  const { known } = seen
  const link = linkOf({ ...seen.object, status: said.status })
  const partner = link.state === 'Releasing' ? told.partner : linkedPartner(link)
  const window = known.grant && grantWindow(known.grant)
  const isLinked = partner !== undefined && link.state === 'Linked'
  const endsWithinDays = isLinked && window ? endingWithin(window, now) : undefined
  const invited = invitedPartner(seen)
  const portal = portalNow(seen, said, told)
  return {
    ...(portal !== undefined && { portal }),
    ...(partner !== undefined && { partner }),
    ...(invited !== undefined && { invited }),
    // By the link that this run writes; the column of status shows it a run later.
    ...(isLinked && { access: accessNow({ ...known, link }, now) }),
    ...(isLinked && plan.until !== undefined && { until: plan.until }),
    ...(endsWithinDays !== undefined && { endsWithinDays }),
    ...(isHalfProven(facts) && { halfProven: true }),
    signIn: signInNow(seen),
  }
}

/** Its generation alone would be that of another one that was written anew. */
function signInNow({ identityProvider }: Seen): string {
  if (!identityProvider) return 'None'
  const { uid = '', generation = 0 } = identityProvider.metadata
  return `${uid}/${generation}`
}

function portalNow({ known }: Seen, { findings }: Report, told: Told): Told['portal'] {
  if (!known.customer.portalActive) return 'Off'
  const isOpen = ['NamespaceReady', 'AccessReady'].every((type) =>
    findings.some((finding) => finding.type === type && finding.status === 'True'),
  )
  // Whatever goes wrong later, this activation was told of.
  return isOpen ? 'On' : told.portal
}

function invitedPartner({ known: { grant } }: Seen): string | undefined {
  return grant && !grant.deleting && grant.relationship === 'Invited' ? grant.partner : undefined
}

/** Kubernetes is closed for whoever leaves, and the server with their logins does not answer. */
function isHalfProven({ revoked, proof, people }: Turn['facts']): boolean {
  const isClosed = revoked === 'done' && proof?.open.every(({ expected }) => expected) === true
  return isClosed && people.state === 'Unproven' && people.leaves && people.error !== undefined
}

function changeOf(
  { seen, plan, facts: { people } }: Turn,
  said: Report,
  was: Told,
  is: Told,
): Change {
  return {
    customer: seen.object.metadata.name,
    was,
    is,
    linkWaits: plan.linkWaits,
    unproven: people.state === 'Unproven' ? people.why : undefined,
    issuerURL: seen.identityProvider?.spec.issuerURL,
    leftBehind: (said.status.leftByPartner ?? []).filter(({ partner }) => partner === was.partner)
      .length,
  }
}

/** There only while something is wrong: the rest is no condition of a customer. */
function notified({ failed = [], pending = [] }: Outbox, reach: Reach): Finding | undefined {
  const last = failed.at(-1)
  if (last) {
    return isFalse(
      'Notified',
      'NotificationFailed',
      `${last.kind} (${last.id}) has not reached ${last.to}: ${last.reason}`,
    )
  }
  const waiting = (notice: Notice) => notice.to.includes('Contact') && reach.contact === undefined
  return pending.some(waiting)
    ? isFalse(
        'Notified',
        'NoContact',
        'Nobody was told that the portal is open: the customer has no e-mail address. Set spec.contact.email, and the message is sent.',
      )
    : undefined
}
