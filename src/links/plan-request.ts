// Links that people have made to create a customer: what becomes of each. Pure.
// Holds ISOLATED (a name that is taken says so, and nothing about whose it is), NOTHING-LOST (a
// namespace that is there already is never given to a customer that somebody asks for).
//
//   link, no such customer   -> customer, the creator's name on it
//   customer of a partner    -> its first grant, once its namespace is there: Managed, the creator
//                               is its first technician; written once, since it counts as an epoch
//   customer linked or nested -> the link is the customer's listing, kept by plan.ts
//
// A crash after any of these writes resumes at the next: each is decided from what is there.

import { ancestryOf } from '../access/hierarchy.ts'
import { standingsOf } from '../access/members.ts'
import { partnerObjection } from '../access/partner-objection.ts'
import type { Partner } from '../access/organization.ts'
import { conditionsFrom, isFalse, type Finding } from '../api/conditions.ts'
import type {
  CustomerLink,
  CustomerLinkStatus,
  CustomerOrganization,
  PartnerAccessGrant,
} from '../api/kinds.generated.ts'
import {
  annotations,
  apiVersion,
  customerNamespace,
  grantName,
  labels,
  selfLinkName,
} from '../api/names.ts'
import type { Verdict } from '../api/reasons.ts'
import type { EpochMs } from '../api/time.ts'
import type { Creator, Request, Seen } from './gather.ts'

export type RequestStep = {
  readonly link: CustomerLink
  readonly status: CustomerLinkStatus
  readonly findings: readonly Finding[]
}

export type NewCustomer = {
  readonly customer: CustomerOrganization
  /** Where the quota of customers is counted. */
  readonly namespace: string
  readonly link: CustomerLink
}

export type RequestPlan = {
  /** At most one: of several that ask for a name the oldest that may have it. */
  readonly create: NewCustomer | undefined
  readonly firstGrant: PartnerAccessGrant | undefined
  readonly say: readonly RequestStep[]
}

export function planRequests(
  seen: Seen,
  listed: readonly CustomerLink[],
  { maxCustomers, now }: { readonly maxCustomers: number; readonly now: EpochMs },
): RequestPlan {
  let create: NewCustomer | undefined
  const say: RequestStep[] = []
  for (const request of seen.requests) {
    const { link } = request
    if (listed.some((each) => isSame(each, link))) continue
    const why = create ? nameTaken(link) : objection(seen, request, maxCustomers)
    if (!why && !seen.object) create = newCustomer(request)
    say.push(stepOf(seen, link, why ?? isBeingMade(link), now))
  }
  return { create, firstGrant: firstGrant(seen), say }
}

/** Who created the link: as status keeps it, or as it says at first sight, when status is empty. */
export function createdBy({ metadata, status }: CustomerLink): string | undefined {
  return status ? status.createdBy : metadata.annotations?.[annotations.createdBy]
}

/** Of a link that cannot create anything for want of room: what the writer says who counts last. */
export function quotaExceeded(maxCustomers: number): Verdict {
  return {
    reason: 'QuotaExceeded',
    message: `This organization has created ${maxCustomers} customers, as many as it may. Ask the platform to raise links.maxCustomers, or to delete customers; then this goes on by itself.`,
  }
}

export function stepOf(
  { policyIsMissing }: Pick<Seen, 'policyIsMissing'>,
  link: CustomerLink,
  why: Verdict,
  now: EpochMs,
): RequestStep {
  const findings = [isFalse('Ready', why.reason, why.message)]
  const creator = policyIsMissing && !link.status ? undefined : createdBy(link)
  return {
    link,
    findings,
    status: {
      ...(creator !== undefined && { createdBy: creator }),
      conditions: conditionsFrom(findings, link.status?.conditions, { now, generation: undefined }),
    },
  }
}

type Check = (seen: Seen, request: Request, maxCustomers: number) => Verdict | undefined

/** In the order in which we tell it; what tells of others comes after what tells of oneself alone. */
const checks: readonly Check[] = [
  organizationIsMissing,
  policyWasMissing,
  nameIsTaken,
  partnerMayNot,
  parentMayNot,
  quotaIsUsedUp,
]

function objection(seen: Seen, request: Request, maxCustomers: number): Verdict | undefined {
  for (const check of checks) {
    const why = check(seen, request, maxCustomers)
    if (why) return why
  }
  return undefined
}

function organizationIsMissing(_seen: Seen, { link, creator }: Request): Verdict | undefined {
  if (creator) return undefined
  return {
    reason: 'OrganizationNotFound',
    message: `Namespace ${link.metadata.namespace ?? ''} belongs to no organization that exists. Create the organization, or this link elsewhere.`,
  }
}

/** Found at first sight, and kept: who created the link can never be told any more. */
function policyWasMissing({ policyIsMissing }: Seen, { link }: Request): Verdict | undefined {
  const before = link.status?.conditions?.some(({ reason }) => reason === 'PolicyMissing')
  if (!before && (link.status || !policyIsMissing)) return undefined
  return {
    reason: 'PolicyMissing',
    message:
      'The link was created while the policy tenantry-created-by was missing, so nobody can tell by whom. The platform applies the chart again; then delete the link and create it anew.',
  }
}

function nameIsTaken({ object, hasNamespace }: Seen, { link }: Request): Verdict | undefined {
  if (link.metadata.name === selfLinkName) return nameTaken(link)
  if (!object) return hasNamespace ? nameTaken(link) : undefined
  const isOwn = object.metadata.annotations?.[annotations.createdFrom] === link.metadata.namespace
  // Once it had a partner it is a customer like any other: what it is to this one its link says.
  return isOwn && (object.status?.partner?.epoch ?? 0) === 0 ? undefined : nameTaken(link)
}

function nameTaken({ metadata }: CustomerLink): Verdict {
  return {
    reason: 'NameTaken',
    message: `The name ${metadata.name} is taken. Create a link with another name, and delete this one.`,
  }
}

function partnerMayNot(_seen: Seen, { creator }: Request): Verdict | undefined {
  if (creator?.kind !== 'partner') return undefined
  return partnerObjection(creator.partner, creator.partner.ref.name)
}

function parentMayNot({ object, name }: Seen, { creator }: Request): Verdict | undefined {
  if (creator?.kind !== 'customer' || object) return undefined
  const { customer, ancestry } = creator
  const parent = customer.ref.name
  if (customer.deleting) {
    return { reason: 'Deleting', message: `Customer ${parent} is being deleted.` }
  }
  if (ancestry.outcome === 'broken') return ancestry.why
  const chain = [parent, ...ancestry.ancestors]
  const below = ancestryOf(name, (each) => {
    const above = each === name ? parent : chain[chain.indexOf(each) + 1]
    return above === undefined ? 'top' : { parent: above }
  })
  return below.outcome === 'broken' ? below.why : undefined
}

function quotaIsUsedUp(
  { object }: Seen,
  { created }: Request,
  maxCustomers: number,
): Verdict | undefined {
  return object || created < maxCustomers ? undefined : quotaExceeded(maxCustomers)
}

function isBeingMade({ metadata }: CustomerLink): Verdict {
  return {
    reason: 'CustomerNotReady',
    message: `Customer ${metadata.name} is being created.`,
  }
}

function newCustomer({ link, creator }: Request): NewCustomer | undefined {
  if (!creator) return undefined
  const { name, namespace = '' } = link.metadata
  const { displayName, domain, contact } = link.spec ?? {}
  const person = createdBy(link)
  return {
    link,
    namespace,
    customer: {
      apiVersion,
      kind: 'CustomerOrganization',
      metadata: {
        name,
        annotations: {
          [annotations.createdFrom]: namespace,
          ...(person !== undefined && { [annotations.createdBy]: person }),
        },
      },
      spec: {
        ...(displayName !== undefined && { displayName }),
        ...(domain !== undefined && { domain }),
        ...(contact && { contact }),
        ...originOf(creator),
      },
    },
  }
}

function originOf(creator: Creator): Pick<CustomerOrganization['spec'], 'origin' | 'parentRef'> {
  if (creator.kind === 'partner') return { origin: 'Partner' }
  return { origin: 'Parent', parentRef: { name: creator.customer.ref.name } }
}

/** Only for a customer that never had a partner: whoever has left is not brought back. */
function firstGrant(seen: Seen): PartnerAccessGrant | undefined {
  const { object, known, grant, creatingPartner: partner } = seen
  if (!object || !known || !partner || object.metadata.deletionTimestamp) return undefined
  if (object.spec.origin !== 'Partner' || object.spec.partner || grant) return undefined
  if (known.link.state !== 'Vacant' || known.link.epoch > 0) return undefined
  const { name } = object.metadata
  const namespace = customerNamespace(name)
  if (!seen.isHome(namespace, labels.customer, name)) return undefined
  return {
    apiVersion,
    kind: 'PartnerAccessGrant',
    metadata: { name: grantName, namespace },
    spec: {
      partnerRef: { name: partner.ref.name },
      relationship: 'Managed',
      technicians: firstTechnicians(object, partner),
    },
  }
}

/** The creator, as far as it is somebody of the partner: the platform may create a link, too. */
function firstTechnicians({ metadata }: CustomerOrganization, partner: Partner) {
  const person = metadata.annotations?.[annotations.createdBy]
  const isMember = standingsOf(partner).some(
    ({ member, holds }) => holds !== 'Nothing' && member.person.name === person,
  )
  return isMember && person !== undefined ? [{ name: person, scope: 'Full' as const }] : []
}

function isSame(a: CustomerLink, b: CustomerLink): boolean {
  return a.metadata.name === b.metadata.name && a.metadata.namespace === b.metadata.namespace
}
