// Answers the core's questions from whatever holds the objects: the operator's caches, or files.
// Holds ISOLATED, ONE-HOME: what stands in a namespace that an organization does not own is nobody's
// word, and claims nobody.

import type {
  CustomerOrganization,
  IdentityProvider,
  OrganizationMember,
  PartnerAccessGrant,
  PartnerOrganization,
} from '../api/kinds.generated.ts'
import { customerNamespace, labels, organizationOf } from '../api/names.ts'
import { parseTime } from '../api/time.ts'
import type { LedgerView } from './backdated.ts'
import {
  memberClaim,
  ownerClaim,
  ownersOf,
  recordClaim,
  type Directory,
  type PolicyName,
} from './facts.ts'
import type { Claim, OrganizationRef } from './organization.ts'
import type { Pattern, patternsOf } from './usernames.ts'

export type OrganizationObject = CustomerOrganization | PartnerOrganization

/** Plain look-ups; each answers from what is there and judges nothing. */
export type Shelves = {
  readonly customer: (name: string) => CustomerOrganization | undefined
  readonly partner: (name: string) => PartnerOrganization | undefined
  /** Organizations whose `spec.owners` name the person, or whose status keeps it as SuperAdmin. */
  readonly ownedBy: (person: string) => readonly OrganizationObject[]
  readonly membersIn: (namespace: string) => readonly OrganizationMember[]
  readonly membersNamed: (person: string) => readonly OrganizationMember[]
  /** The one named `sso`. */
  readonly identityProvider: (namespace: string) => IdentityProvider | undefined
  /** The one named `partner`. */
  readonly grant: (namespace: string) => PartnerAccessGrant | undefined
  /** `undefined`: there is no such namespace. */
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined
  /** Left out: none. Manifests in files are taken as somebody wrote them who may. */
  readonly lacksImpersonation?: () => boolean
  /** Left out: all that are named. */
  readonly offersPermission?: Directory['offersPermission']
  readonly ledger?: (customer: CustomerOrganization) => LedgerView | undefined
  readonly policyIsMissing?: (policy: PolicyName) => boolean
  /** May be kept between two changes of an organization. */
  readonly patterns: () => ReturnType<typeof patternsOf>
}

export function directoryOver(shelves: Shelves): Directory {
  const owned = (namespace: string) => ownerOf(shelves, namespace) !== undefined
  return {
    customer: shelves.customer,
    partner: shelves.partner,
    members: (namespace) => (owned(namespace) ? shelves.membersIn(namespace) : []),
    identityProvider: (namespace) =>
      owned(namespace) ? shelves.identityProvider(namespace) : undefined,
    grant: (customer) => {
      const namespace = customerNamespace(customer)
      return owned(namespace) ? shelves.grant(namespace) : undefined
    },
    claimsOn: (person) => claimsOn(shelves, person),
    fitting: (person) => shelves.patterns().fitting(person),
    patternIsLater: (organization) => shelves.patterns().isLater(organization),
    policyIsMissing: (policy) => shelves.policyIsMissing?.(policy) ?? false,
    lacksImpersonation: () => shelves.lacksImpersonation?.() ?? false,
    offersPermission: (kind, permission) => shelves.offersPermission?.(kind, permission) ?? true,
    ledger: (customer) => shelves.ledger?.(customer),
  }
}

/** The organization that exists and whose mark the namespace carries. */
export function ownerOf(
  { customer, partner, namespaceLabels }: Shelves,
  namespace: string,
): OrganizationRef | undefined {
  const ref = organizationOf(namespace)
  if (!ref || namespaceLabels(namespace)?.[labels[ref.kind]] !== ref.name) return undefined
  const exists = ref.kind === 'customer' ? customer(ref.name) : partner(ref.name)
  return exists ? ref : undefined
}

function claimsOn(shelves: Shelves, person: string): readonly Claim[] {
  return [
    ...shelves
      .ownedBy(person)
      .flatMap((object) => [
        ...(ownersOf(object).includes(person) ? [ownerClaim(refOf(object), object, person)] : []),
        ...(object.status?.superAdmin?.user === person ? [recordClaim(refOf(object), object)] : []),
      ]),
    ...shelves.membersNamed(person).flatMap((member) => {
      const organization = ownerOf(shelves, member.metadata.namespace ?? '')
      return organization && !member.metadata.deletionTimestamp
        ? [memberClaim(organization, member)]
        : []
    }),
  ]
}

export function refOf({ kind, metadata }: OrganizationObject): OrganizationRef {
  return { kind: kind === 'CustomerOrganization' ? 'customer' : 'partner', name: metadata.name }
}

export function patternIn(object: OrganizationObject): readonly Pattern[] {
  const { prefix = '', suffix = '' } = object.spec.usernames ?? {}
  if (prefix === '' && suffix === '') return []
  const { uid = '', creationTimestamp } = object.metadata
  const since = (creationTimestamp && parseTime(creationTimestamp)) || Number.MAX_SAFE_INTEGER
  return [{ organization: refOf(object), since, uid, prefix, suffix }]
}
