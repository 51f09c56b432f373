// Answers the core's questions from the caches. Holds ISOLATED, ONE-HOME: what stands in a namespace
// that an organization does not own is nobody's word, and claims nobody.

import { memberClaim, ownerClaim, type Directory } from '../access/facts.ts'
import type { Claim, OrganizationRef } from '../access/organization.ts'
import { patternsOf, type Pattern } from '../access/usernames.ts'
import type { CustomerOrganization, PartnerOrganization } from '../api/kinds.generated.ts'
import {
  customerNamespace,
  grantName,
  identityProviderName,
  labels,
  organizationOf,
} from '../api/names.ts'
import { parseTime } from '../api/time.ts'
import type { Stores } from './stores.ts'

export function directoryOver(stores: Stores): Directory {
  const patterns = cachedPatterns(stores)
  const owned = (namespace: string) => ownerOf(stores, namespace) !== undefined
  return {
    customer: (name) => stores.customers.get({ name }),
    partner: (name) => stores.partners.get({ name }),
    members: (namespace) => (owned(namespace) ? stores.members.byNamespace(namespace) : []),
    identityProvider: (namespace) =>
      owned(namespace)
        ? stores.identityProviders.get({ namespace, name: identityProviderName })
        : undefined,
    grant: (customer) => {
      const namespace = customerNamespace(customer)
      return owned(namespace) ? stores.grants.get({ namespace, name: grantName }) : undefined
    },
    claimsOn: (person) => claimsOn(stores, person),
    fitting: (person) => patterns().fitting(person),
    patternIsLater: (organization) => patterns().isLater(organization),
  }
}

/** The organization that exists and whose mark the namespace carries. */
export function ownerOf(stores: Stores, namespace: string): OrganizationRef | undefined {
  const ref = organizationOf(namespace)
  if (!ref) return undefined
  const marks = stores.namespaces.get({ name: namespace })?.metadata.labels
  if (marks?.[labels[ref.kind]] !== ref.name) return undefined
  const store = ref.kind === 'customer' ? stores.customers : stores.partners
  return store.get(ref) ? ref : undefined
}

function claimsOn(stores: Stores, person: string): readonly Claim[] {
  const { customers, partners, members } = stores
  return [
    ...customers.by('owner', person).map((object) => ownerClaim(refOf(object), object, person)),
    ...partners.by('owner', person).map((object) => ownerClaim(refOf(object), object, person)),
    ...members.by('user', person).flatMap((member) => {
      const organization = ownerOf(stores, member.metadata.namespace ?? '')
      return organization && !member.metadata.deletionTimestamp
        ? [memberClaim(organization, member)]
        : []
    }),
  ]
}

export function refOf({
  kind,
  metadata,
}: CustomerOrganization | PartnerOrganization): OrganizationRef {
  return { kind: kind === 'CustomerOrganization' ? 'customer' : 'partner', name: metadata.name }
}

/** Made anew when a pattern has changed, not on every question. */
function cachedPatterns(stores: Stores) {
  let current: ReturnType<typeof patternsOf> | undefined
  const drop = () => {
    current = undefined
  }
  stores.customers.onChange(drop)
  stores.partners.onChange(drop)
  return () => (current ??= patternsOf(allPatterns(stores)))
}

function allPatterns({ customers, partners }: Stores): readonly Pattern[] {
  return [...customers.list(), ...partners.list()].flatMap((object) => {
    const { prefix = '', suffix = '' } = object.spec.usernames ?? {}
    if (prefix === '' && suffix === '') return []
    const { uid = '', creationTimestamp } = object.metadata
    const since = (creationTimestamp && parseTime(creationTimestamp)) || Number.MAX_SAFE_INTEGER
    return [{ organization: refOf(object), since, uid, prefix, suffix }]
  })
}
