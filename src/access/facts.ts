// From the objects of the API to what the core knows. Reads, and judges nothing: every answer
// about who may enter is in access.ts.

import type {
  CustomerOrganization,
  IdentityProvider,
  OrganizationMember,
  PartnerAccessGrant,
  PartnerOrganization,
} from '../api/kinds.generated.ts'
import { annotations, customerNamespace, partnerNamespace } from '../api/names.ts'
import type { Condition, ObjectMeta } from '../api/object.ts'
import { parseTime, type EpochMs } from '../api/time.ts'
import type { Known } from './access.ts'
import type { Dated, LedgerView } from './backdated.ts'
import type { Grant } from './grant.ts'
import { ancestryOf, type Ancestry } from './hierarchy.ts'
import type { Link } from './link.ts'
import {
  sameOrganization,
  type Claim,
  type Customer,
  type MemberFact,
  type Organization,
  type OrganizationRef,
  type Partner,
  type Person,
} from './organization.ts'

/** How the core looks things up; the operator answers from its caches, the CLI from files. */
export type Directory = {
  readonly customer: (name: string) => CustomerOrganization | undefined
  readonly partner: (name: string) => PartnerOrganization | undefined
  readonly members: (namespace: string) => readonly OrganizationMember[]
  readonly identityProvider: (namespace: string) => IdentityProvider | undefined
  readonly grant: (customer: string) => PartnerAccessGrant | undefined
  /** Every claim in the cluster on a person. */
  readonly claimsOn: (person: string) => readonly Claim[]
  /** Organizations whose user name pattern fits. */
  readonly fitting: (person: string) => readonly OrganizationRef[]
  /** True when an older organization's pattern overlaps this one's. */
  readonly patternIsLater: (organization: OrganizationRef) => boolean
  /** The chart's policy of that name is not in force: what is written now, anybody may have written. */
  readonly policyIsMissing: (policy: PolicyName) => boolean
  /** Whether the cluster does not know constrained impersonation. */
  readonly lacksImpersonation: () => boolean
  /** Whether the platform offers this ClusterRole to the members of such organizations. */
  readonly offersPermission: (kind: OrganizationRef['kind'], permission: string) => boolean
  /** Undefined: there is no ledger, or it was not read yet. */
  readonly ledger: (customer: CustomerOrganization) => LedgerView | undefined
}

/** The policies whose absence the core minds. */
export type PolicyName = 'tenantry-members' | 'tenantry-grants' | 'tenantry-created-by'

/** Everything that bears on who may enter this customer. */
export function knownAbout(directory: Directory, object: CustomerOrganization, skewMs = 0): Known {
  const ancestry = ancestryIn(directory, object.metadata.name)
  const grant = directory.grant(object.metadata.name)
  const partner = grant && directory.partner(grant.spec.partnerRef.name)
  return {
    customer: customerFacts(directory, object),
    ancestors: (ancestry.outcome === 'found' ? ancestry.ancestors : [])
      .map((name) => directory.customer(name))
      .filter((parent) => parent !== undefined)
      .map((parent) => ancestorFacts(directory, parent)),
    link: linkOf(object),
    grant: grant && grantFacts(directory, object, grant),
    partner: partner && partnerFacts(directory, partner),
    skewMs,
    lacksImpersonation: directory.lacksImpersonation(),
    ledger: restoreIsConfirmed(object) ? undefined : directory.ledger(object),
  }
}

/** What is nested in a customer holds its deletion, before anybody loses anything, until somebody confirms it. */
function ancestorFacts(directory: Directory, object: CustomerOrganization): Customer {
  const { annotations: notes, deletionTimestamp, name } = object.metadata
  const isConfirmed = notes?.[annotations.confirmDelete] === name
  return {
    ...customerFacts(directory, object),
    deleting: deletionTimestamp !== undefined && isConfirmed,
  }
}

export function ancestryIn(directory: Directory, customer: string): Ancestry {
  return ancestryOf(customer, (name) => {
    const object = directory.customer(name)
    if (!object) return 'missing'
    const parent = object.spec.parentRef?.name
    return parent === undefined ? 'top' : { parent }
  })
}

export function customerFacts(directory: Directory, object: CustomerOrganization): Customer {
  const ref = { kind: 'customer', name: object.metadata.name } as const
  return {
    ...organizationFacts(directory, ref, object),
    portalActive: object.spec.portal?.active ?? object.spec.origin !== 'CRM',
  }
}

export function partnerFacts(directory: Directory, object: PartnerOrganization): Partner {
  const ref = { kind: 'partner', name: object.metadata.name } as const
  const identityProvider = directory.identityProvider(partnerNamespace(ref.name))
  return {
    ...organizationFacts(directory, ref, object),
    accredited: object.spec.accredited ?? false,
    suspended: object.spec.suspended ?? false,
    signInReady: identityProvider !== undefined && !identityProvider.metadata.deletionTimestamp,
  }
}

/** The partner's own object says that it is out everywhere; no other fact can mend that. */
export function partnerIsOut({ metadata, spec }: PartnerOrganization): boolean {
  return metadata.deletionTimestamp !== undefined || spec.suspended === true || !spec.accredited
}

/** The platform has looked at what a restore brought back, and wants it so. */
export function restoreIsConfirmed({ metadata }: CustomerOrganization): boolean {
  return metadata.annotations?.[annotations.confirmRestored] === metadata.name
}

/** What status has recorded; a customer without a record has no partner. */
export function linkOf(object: CustomerOrganization): Link {
  const recorded = object.status?.partner
  const epoch = recorded?.epoch ?? 0
  if (!recorded || recorded.state === 'Vacant' || recorded.name === undefined)
    return { state: 'Vacant', epoch }
  return { state: recorded.state, epoch, partner: recorded.name }
}

function grantFacts(
  directory: Directory,
  customer: CustomerOrganization,
  object: PartnerAccessGrant,
): Grant {
  const { metadata, spec } = object
  const { access } = spec
  return {
    object: dated(metadata),
    partner: spec.partnerRef.name,
    relationship: spec.relationship ?? 'Invited',
    mode: access?.mode ?? 'Continuous',
    window: bounds(access ?? {}),
    maxScope: access?.maxScope ?? 'Full',
    allowImpersonation: access?.allowImpersonation ?? false,
    technicians: (spec.technicians ?? []).map((entry) => ({
      name: entry.name,
      scope: entry.scope ?? 'Full',
      actsAs: entry.impersonate?.users ?? [],
      ...(entry.reason !== undefined && { reason: entry.reason }),
      ...bounds(entry),
    })),
    deleting: metadata.deletionTimestamp !== undefined,
    unguarded: grantIsUnguarded(directory, customer, object),
  }
}

/** Once found it stays so, whatever is changed later: a change of one part proves nothing of another. */
function grantIsUnguarded(
  directory: Directory,
  customer: CustomerOrganization,
  { metadata, status }: PartnerAccessGrant,
): boolean {
  const accepted = customer.metadata.annotations?.[annotations.confirmGrant]
  if (accepted === String(metadata.generation)) return false
  if (status?.conditions?.some(({ type }) => type === guardedCondition)) return true
  return directory.policyIsMissing('tenantry-grants') && isUnseen(metadata, status)
}

/** On a grant only while it is not: how status remembers. */
export const guardedCondition = 'Guarded'

type Seen = { readonly observedGeneration?: number; readonly conditions?: Condition[] } | undefined

/** Written since we last looked, with the policy in force. */
function isUnseen({ generation }: ObjectMeta, status: Seen): boolean {
  return status?.observedGeneration !== generation
}

function bounds(text: { readonly notBefore?: string; readonly notAfter?: string }) {
  return {
    ...(text.notBefore !== undefined && { notBefore: text.notBefore }),
    ...(text.notAfter !== undefined && { notAfter: text.notAfter }),
  }
}

type OrganizationObject = CustomerOrganization | PartnerOrganization

function organizationFacts(
  directory: Directory,
  ref: OrganizationRef,
  object: OrganizationObject,
): Organization {
  const namespace =
    ref.kind === 'customer' ? customerNamespace(ref.name) : partnerNamespace(ref.name)
  return {
    ref,
    ...dated(object.metadata),
    deleting: object.metadata.deletionTimestamp !== undefined,
    usernames: usernamesOf(directory, ref, object),
    ...lastSuperAdmin(directory, object),
    members: [
      ...ownersOf(object).map((user) => ownerFact(directory, ref, object, user)),
      ...directory.members(namespace).map((member) => memberFact(directory, ref, member)),
    ],
  }
}

function dated({ uid = '', generation }: ObjectMeta): Dated {
  return { uid, ...(generation !== undefined && { generation }) }
}

function usernamesOf(
  directory: Directory,
  ref: OrganizationRef,
  { spec }: OrganizationObject,
): Organization['usernames'] {
  if (!spec.usernames?.prefix && !spec.usernames?.suffix) return 'none'
  return directory.patternIsLater(ref) ? 'later' : 'own'
}

/** Read even when nobody has it any more: the core decides whether it counts. */
function lastSuperAdmin(directory: Directory, { metadata, status }: OrganizationObject) {
  const record = status?.superAdmin
  if (!record) return {}
  const fact: MemberFact = {
    source: 'record',
    object: record.user,
    uid: metadata.uid ?? '',
    since: parseTime(record.since) ?? Number.MAX_SAFE_INTEGER,
    person: personNamed(directory, record.user),
    role: undefined,
    recordedRole: undefined,
    deleting: false,
  }
  return { lastSuperAdmin: fact }
}

export function ownersOf({ spec }: OrganizationObject): readonly string[] {
  return [...new Set(spec.owners ?? [])]
}

function ownerFact(
  directory: Directory,
  ref: OrganizationRef,
  object: OrganizationObject,
  user: string,
): MemberFact {
  const claim = ownerClaim(ref, object, user)
  return {
    source: 'owner',
    object: user,
    uid: claim.uid,
    since: claim.since,
    person: personNamed(directory, user),
    role: 'SuperAdmin',
    recordedRole: undefined,
    deleting: false,
  }
}

function memberFact(
  directory: Directory,
  { kind }: OrganizationRef,
  { metadata, spec, status }: OrganizationMember,
) {
  return {
    source: 'member',
    object: metadata.name,
    ...dated(metadata),
    since: createdAt(metadata),
    person: personNamed(directory, spec.user),
    role: spec.role,
    recordedRole: status?.role,
    permissions: (spec.permissions ?? []).filter((each) => directory.offersPermission(kind, each)),
    deleting: metadata.deletionTimestamp !== undefined,
    unguarded: memberIsUnguarded(directory, metadata, status),
  } satisfies MemberFact
}

/** Until it is written again: whoever may do that with the policy in force has the right to all of it. */
function memberIsUnguarded(directory: Directory, metadata: ObjectMeta, status: Seen): boolean {
  if (isUnseen(metadata, status)) return directory.policyIsMissing('tenantry-members')
  return status?.conditions?.some(({ reason }) => reason === 'PolicyMissing') ?? false
}

function personNamed(directory: Directory, name: string): Person {
  return { name, claims: directory.claimsOn(name), fits: directory.fitting(name) }
}

/** What a line in `spec.owners` claims. Its age is in status, which saw it first. */
export function ownerClaim(
  organization: OrganizationRef,
  { metadata, status }: OrganizationObject,
  user: string,
): Claim {
  const record = status?.owners?.find((owner) => owner.user === user)
  return {
    organization,
    since: (record?.since && parseTime(record.since)) || createdAt(metadata),
    uid: metadata.uid ?? '',
    recorded: record?.home === true,
  }
}

/** The last SuperAdmin on record belongs here, with or without a member object. */
export function recordClaim(
  organization: OrganizationRef,
  { metadata, status }: OrganizationObject,
): Claim {
  return {
    organization,
    since: parseTime(status?.superAdmin?.since ?? '') ?? createdAt(metadata),
    uid: metadata.uid ?? '',
    recorded: true,
  }
}

export function memberClaim(
  organization: OrganizationRef,
  { metadata, status }: OrganizationMember,
): Claim {
  const home = status?.home?.organization
  return {
    organization,
    since: createdAt(metadata),
    uid: metadata.uid ?? '',
    recorded: home !== undefined && sameOrganization(parseHome(home), organization),
  }
}

/** Status keeps a home as `customer/acme` or `partner/nordic`. */
export function formatHome({ kind, name }: OrganizationRef): string {
  return `${kind}/${name}`
}

function parseHome(text: string): OrganizationRef {
  const [kind, name] = text.split('/')
  return { kind: kind === 'partner' ? 'partner' : 'customer', name: name ?? '' }
}

/** What has no creation time has not been accepted yet, so everything else is older. */
function createdAt({ creationTimestamp }: ObjectMeta): EpochMs {
  return (creationTimestamp && parseTime(creationTimestamp)) || Number.MAX_SAFE_INTEGER
}
