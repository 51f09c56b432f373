// Everything that bears on the people of one namespace. Judges nothing.

import { creatorOf, type Creator } from '../access/creator.ts'
import { customerFacts, partnerFacts } from '../access/facts.ts'
import type { Organization } from '../access/organization.ts'
import type { IdentityProvider, OrganizationMember } from '../api/kinds.generated.ts'
import { organizationOf } from '../api/names.ts'
import type { Ports } from './ports.ts'

export type Seen = {
  /** `undefined`: the namespace belongs to no organization that exists. */
  readonly organization: Organization | undefined
  readonly members: readonly OrganizationMember[]
  readonly creatorOf: (member: OrganizationMember) => Creator | undefined
  readonly identityProviders: readonly IdentityProvider[]
}

export function gather({ stores, directory }: Ports, namespace: string): Seen {
  return {
    organization: organizationIn({ stores, directory }, namespace),
    members: stores.members.byNamespace(namespace),
    creatorOf: (member) => creatorOf(directory, member),
    identityProviders: stores.identityProviders.byNamespace(namespace),
  }
}

function organizationIn(
  { stores, directory }: Pick<Ports, 'stores' | 'directory'>,
  namespace: string,
): Organization | undefined {
  const ref = organizationOf(namespace)
  if (!ref) return undefined
  if (ref.kind === 'customer') {
    const customer = stores.customers.get(ref)
    return customer && customerFacts(directory, customer)
  }
  const partner = stores.partners.get(ref)
  return partner && partnerFacts(directory, partner)
}
