// Everything that bears on one customer, read from the caches. Judges nothing.

import { letsPeopleIn } from '../access/bindings.ts'
import { creatorOf, type Creator } from '../access/creator.ts'
import { decidedBy } from '../access/backdated.ts'
import { ancestryIn, knownAbout, restoreIsConfirmed } from '../access/facts.ts'
import type { Known } from '../access/access.ts'
import type { Ancestry } from '../access/hierarchy.ts'
import type { Deletions } from '../access/mass-deletion.ts'
import type {
  CustomerOrganization,
  IdentityProvider,
  PartnerAccessGrant,
} from '../api/kinds.generated.ts'
import {
  customerNamespace,
  labels,
  partnerNamespace,
  technicianTemplate,
  type TechnicianScope,
} from '../api/names.ts'
import type {
  ClusterRole,
  ClusterRoleBinding,
  Job,
  Namespace,
  RbacRole,
  RoleBinding,
} from '../api/resources.ts'
import type { Basis } from '../databases/control/ledger-changes.ts'
import type { Ports } from './ports.ts'

export type Seen = {
  readonly object: CustomerOrganization
  readonly known: Known
  readonly ancestry: Ancestry
  readonly namespace: string
  /** The namespace of that name, whoever made it. */
  readonly namespaceObject: Namespace | undefined
  readonly grant: PartnerAccessGrant | undefined
  /** The RoleBindings in the namespace that carry our mark. */
  readonly bindings: readonly RoleBinding[]
  /** The dead man's switches in the namespace. */
  readonly jobs: readonly Job[]
  readonly templates: Readonly<Record<TechnicianScope, ClusterRole | undefined>>
  /** What lets technicians act as people of this customer. */
  readonly impersonations: {
    readonly roles: readonly ClusterRole[]
    readonly bindings: readonly ClusterRoleBinding[]
  }
  /** Names of the members of the partner that is being taken out, if any. */
  readonly leavingPeople: readonly string[]
  /** Names of the members who have asked for a login of their own in the database. */
  readonly databaseLogins: ReadonlySet<string>
  /** Who wrote each member down, by the member's user name, as far as that is known. */
  readonly creators: ReadonlyMap<string, Creator>
  /** Where the customer's people sign in. */
  readonly identityProvider: IdentityProvider | undefined
  /** The namespace of the grant's partner is that partner's. */
  readonly partnerIsHome: boolean
  /** What lets people read the Secrets of their logins in this customer's database, in all namespaces. */
  readonly loginRoles: readonly RbacRole[]
  /** The e-mail address of a partner's contact. */
  readonly partnerContact: (partner: string) => string | undefined
  readonly nestedCustomers: readonly string[]
  readonly devices: number
  /** By what access is decided, as the ledger remembers it. */
  readonly basis: Basis
  /** Undefined while this customer is not being deleted. */
  readonly deletions: Deletions | undefined
}

export function gather(ports: Ports, name: string): Seen | undefined {
  const { stores, directory } = ports
  const object = stores.customers.get({ name })
  if (!object) return undefined
  const namespace = customerNamespace(name)
  const known = knownAbout(directory, object, ports.skewMs())
  const assignments = stores.devices.byNamespace(namespace)
  return {
    object,
    known,
    ancestry: ancestryIn(directory, name),
    namespace,
    namespaceObject: stores.namespaces.get({ name: namespace }),
    grant: directory.grant(name),
    bindings: stores.roleBindings.byNamespace(namespace).filter(letsPeopleIn),
    jobs: stores.jobs.byNamespace(namespace),
    templates: {
      Full: templateOf(ports, 'Full'),
      ReadOnly: templateOf(ports, 'ReadOnly'),
      Impersonate: templateOf(ports, 'Impersonate'),
    },
    impersonations: {
      roles: stores.clusterRoles.by('customer', name),
      bindings: stores.clusterRoleBindings.by('customer', name),
    },
    leavingPeople: leavingPeople(ports, known),
    databaseLogins: new Set(
      directory
        .members(namespace)
        .filter(({ spec }) => spec.databaseLogin)
        .map(({ metadata }) => metadata.name),
    ),
    creators: new Map(
      directory.members(namespace).flatMap((member) => {
        const creator = creatorOf(directory, member)
        return creator ? [[member.spec.user, creator]] : []
      }),
    ),
    identityProvider: directory.identityProvider(namespace),
    partnerIsHome: isPartnersOwn(ports, known.partner?.ref.name),
    loginRoles: stores.roles.by('customer', name),
    partnerContact: (partner) => directory.partner(partner)?.spec.contact?.email,
    basis: basisOf(ports, object, known),
    nestedCustomers: stores.customers.by('parent', name).map(({ metadata }) => metadata.name),
    deletions: object.metadata.deletionTimestamp
      ? ports.departures.among(stores.customers)
      : undefined,
    devices: assignments.reduce((sum, { status }) => sum + (status?.assigned ?? 0), 0),
  }
}

function basisOf({ isGone }: Ports, object: CustomerOrganization, known: Known): Basis {
  const { uid: customer = '', name: customerName } = object.metadata
  const accepts = restoreIsConfirmed(object)
  return { customer, customerName, objects: decidedBy(known), isGone, accepts }
}

function templateOf({ stores }: Ports, scope: TechnicianScope): ClusterRole | undefined {
  return stores.clusterRoles.get({ name: technicianTemplate(scope) })
}

function isPartnersOwn({ stores }: Ports, partner: string | undefined): boolean {
  if (partner === undefined) return false
  const metadata = stores.namespaces.get({ name: partnerNamespace(partner) })?.metadata
  return metadata?.labels?.[labels.partner] === partner && !metadata.deletionTimestamp
}

function leavingPeople({ directory }: Ports, { link }: Known): readonly string[] {
  if (link.state !== 'Releasing') return []
  const partner = directory.partner(link.partner)
  return [
    ...directory.members(partnerNamespace(link.partner)).map(({ spec }) => spec.user),
    ...(partner?.spec.owners ?? []),
  ]
}
