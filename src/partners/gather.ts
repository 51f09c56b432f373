// Everything that bears on one partner, read from the caches. Judges nothing.

import { letsPeopleIn } from '../access/bindings.ts'
import { partnerFacts } from '../access/facts.ts'
import type { Partner } from '../access/organization.ts'
import type { PartnerOrganization } from '../api/kinds.generated.ts'
import { partnerNamespace } from '../api/names.ts'
import type { ClusterRole, Namespace, RoleBinding } from '../api/resources.ts'
import type { Ports } from './ports.ts'

export type Seen = {
  readonly object: PartnerOrganization
  readonly partner: Partner
  readonly namespace: string
  readonly namespaceObject: Namespace | undefined
  /** The RoleBindings in the namespace that carry our mark. */
  readonly bindings: readonly RoleBinding[]
  /** What technicians' bindings name: one per scope and end. */
  readonly roles: readonly ClusterRole[]
  /** Customers whose link names this partner, Linked or Releasing. */
  readonly customers: readonly string[]
}

export function gather({ stores, directory }: Ports, name: string): Seen | undefined {
  const object = stores.partners.get({ name })
  if (!object) return undefined
  const namespace = partnerNamespace(name)
  return {
    object,
    partner: partnerFacts(directory, object),
    namespace,
    namespaceObject: stores.namespaces.get({ name: namespace }),
    bindings: stores.roleBindings.byNamespace(namespace).filter(letsPeopleIn),
    roles: stores.clusterRoles.by('partner', name),
    customers: stores.customers.by('linkedPartner', name).map(({ metadata }) => metadata.name),
  }
}
