// What the operator keeps of the cluster, and by what it looks things up.

import type { CustomerOrganization, PartnerOrganization } from '../api/kinds.generated.ts'
import { customerOfSecret, isOurs, labels, managedBy } from '../api/names.ts'
import { resources, type RbacRole, type SecretMetadata } from '../api/resources.ts'
import { applicationRoles } from '../databases/names.ts'
import { Store, type KubeObject, type Selection } from '../runtime/index.ts'

const ours: Selection = { labelSelector: `${labels.managedBy}=${managedBy}` }

/** Templates of the chart, and the copies that technicians' bindings name. */
const technicianRoles: Selection = { labelSelector: `${labels.template} in (technician,copy)` }

export type Stores = ReturnType<typeof makeStores>

export function makeStores() {
  return {
    partners: new Store(resources.partners, { indexes: { owner: ownersOf } }),
    customers: new Store(resources.customers, {
      indexes: {
        owner: ownersOf,
        uid: ({ metadata }) => (metadata.uid === undefined ? [] : [metadata.uid]),
        parent: ({ spec }) => (spec.parentRef ? [spec.parentRef.name] : []),
        linkedPartner: ({ status }) => (status?.partner?.name ? [status.partner.name] : []),
      },
    }),
    members: new Store(resources.members, { indexes: { user: ({ spec }) => [spec.user] } }),
    identityProviders: new Store(resources.identityProviders),
    grants: new Store(resources.grants, {
      indexes: { partner: ({ spec }) => [spec.partnerRef.name] },
    }),
    devices: new Store(resources.devices),
    links: new Store(resources.links, {
      indexes: {
        customer: (link) => (isOurs(link) ? valueOf(link.metadata.labels, labels.customer) : []),
      },
    }),
    namespaces: new Store(resources.namespaces, { metadataOnly: true }),
    quotas: new Store(resources.quotas),
    limitRanges: new Store(resources.limitRanges),
    networkPolicies: new Store(resources.networkPolicies),
    roleBindings: new Store(resources.roleBindings),
    jobs: new Store(resources.jobs),
    clusterRoles: new Store(resources.clusterRoles, {
      indexes: {
        partner: ({ metadata }) => valueOf(metadata.labels, labels.partner),
      },
    }),
    roles: new Store(resources.roles, { indexes: { customer: customersOf } }),
    /** One store per fixed name: the operator may list Secrets of these names and no others. */
    secrets: applicationRoles.map((role) => ({
      name: `database-${role}`,
      store: new Store<SecretMetadata>(resources.secrets, { metadataOnly: true }),
    })),
  }
}

/** Calls `fill` for each store with what belongs into it. */
export function fillEach<R>(
  stores: Stores,
  fill: <T extends KubeObject>(store: Store<T>, selection: Selection) => R,
): readonly R[] {
  return [
    fill(stores.partners, {}),
    fill(stores.customers, {}),
    fill(stores.members, {}),
    fill(stores.identityProviders, {}),
    fill(stores.grants, {}),
    fill(stores.devices, {}),
    fill(stores.links, {}),
    fill(stores.namespaces, {}),
    fill(stores.quotas, ours),
    fill(stores.limitRanges, ours),
    fill(stores.networkPolicies, ours),
    fill(stores.roleBindings, ours),
    fill(stores.jobs, ours),
    fill(stores.clusterRoles, technicianRoles),
    fill(stores.roles, ours),
    ...stores.secrets.map(({ name, store }) =>
      fill(store, { fieldSelector: `metadata.name=${name}` }),
    ),
  ]
}

type Marks = Readonly<Record<string, string>> | undefined

function ownersOf({ spec }: CustomerOrganization | PartnerOrganization): readonly string[] {
  return spec.owners ?? []
}

/** The customers in whose databases the person of this Role has logins. */
export function customersOf({ rules }: RbacRole): readonly string[] {
  const names = (rules ?? []).flatMap(({ resourceNames }) => resourceNames ?? [])
  return names.map(customerOfSecret).filter((name) => name !== undefined)
}

function valueOf(marks: Marks, label: string): readonly string[] {
  const value = marks?.[label]
  return value === undefined ? [] : [value]
}
