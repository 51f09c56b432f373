// Everything that bears on one customer's grant. Judges nothing.

import type { Known } from '../access/access.ts'
import { knownAbout } from '../access/facts.ts'
import type { PartnerAccessGrant } from '../api/kinds.generated.ts'
import { annotations, customerNamespace } from '../api/names.ts'
import type { Job } from '../api/resources.ts'
import type { Ports } from './ports.ts'

export type Seen = {
  readonly object: PartnerAccessGrant
  readonly namespace: string
  /** `undefined`: the namespace belongs to no customer that exists. */
  readonly known: Known | undefined
  /** The dead man's switches in the namespace. */
  readonly jobs: readonly Job[]
  /** User names of the partners' people who have, or may have, a login in the database. */
  readonly listed: readonly string[]
  /** User names of technicians of whom the API server may still remember that they may act as somebody here. */
  readonly acting: readonly string[]
  readonly signInURL: string | undefined
}

export function gather(ports: Ports, customer: string): Seen | undefined {
  const object = ports.directory.grant(customer)
  if (!object) return undefined
  const organization = ports.stores.customers.get({ name: customer })
  const namespace = customerNamespace(customer)
  return {
    object,
    namespace,
    jobs: ports.stores.jobs.byNamespace(namespace),
    listed: ports.stores.roles
      .by('customer', customer)
      .filter(({ metadata }) => metadata.namespace !== namespace)
      .flatMap(({ metadata }) => metadata.annotations?.[annotations.user] ?? []),
    acting: ports.stores.clusterRoles
      .by('customer', customer)
      .flatMap(({ metadata }) => metadata.annotations?.[annotations.user] ?? []),
    known: organization && knownAbout(ports.directory, organization, ports.skewMs()),
    signInURL: ports.signInURL
      ?.replaceAll('{customer}', customer)
      .replaceAll('{partner}', object.spec.partnerRef.name),
  }
}
