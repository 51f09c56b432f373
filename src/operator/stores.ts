// What the operator keeps of the cluster, and by what it looks things up.

import type {
  CustomerOrganization,
  DeviceAssignment,
  PartnerOrganization,
} from '../api/kinds.generated.ts'
import { annotations, customerOfSecret, isOurs, labels, managedBy } from '../api/names.ts'
import { resources, type RbacRole, type SecretMetadata } from '../api/resources.ts'
import { applicationRoles } from '../databases/names.ts'
import { RecentAssignments } from '../devices/recent.ts'
import { sharing, Store, type Change, type KubeObject, type Selection } from '../runtime/index.ts'

/** What belongs into a store, and how many objects are asked for at a time. */
export type Listing = Selection & { readonly pageSize?: number }

const ours: Selection = { labelSelector: `${labels.managedBy}=${managedBy}` }

/** Templates of the chart, the copies that technicians' bindings name, and what lets them act as others. */
const technicianRoles: Selection = {
  labelSelector: `${labels.template} in (technician,copy,impersonation)`,
}

/** What the platform adds to the roles of the chart. */
const offered: Selection = { labelSelector: labels.permission }

/** What the chart brings; other policies of the cluster are nobody's business here. */
const ofTheChart: Selection = { labelSelector: `app.kubernetes.io/name=${managedBy}` }

export type Stores = ReturnType<typeof makeStores>

export function makeStores() {
  const recentAssignments = new RecentAssignments()
  return {
    partners: new Store(resources.partners, { indexes: { owner: namedIn } }),
    customers: new Store(resources.customers, {
      indexes: {
        owner: namedIn,
        uid: uidsOf,
        parent: ({ spec }) => (spec.parentRef ? [spec.parentRef.name] : []),
        createdFrom: ({ metadata }) => valueOf(metadata.annotations, annotations.createdFrom),
        linkedPartner: ({ status }) => (status?.partner?.name ? [status.partner.name] : []),
      },
    }),
    members: new Store(resources.members, {
      indexes: {
        user: ({ spec }) => [spec.user],
        permission: ({ spec }) => spec.permissions ?? [],
      },
    }),
    identityProviders: new Store(resources.identityProviders),
    grants: new Store(resources.grants, {
      indexes: { partner: ({ spec }) => [spec.partnerRef.name] },
    }),
    /** Without the lists: a million devices would not fit into memory. A run reads its own where it was not told just now. */
    devices: new Store(resources.devices, {
      indexes: { source: ({ spec }) => (spec.from ? [spec.from.customer] : []) },
      project: (object) => {
        recentAssignments.keep(object)
        return withoutDevices(object)
      },
    }),
    recentAssignments,
    links: new Store(resources.links, {
      indexes: {
        customer: (link) => (isOurs(link) ? valueOf(link.metadata.labels, labels.customer) : []),
        request: (link) => (isOurs(link) ? [] : [link.metadata.name]),
      },
    }),
    namespaces: new Store(resources.namespaces, { metadataOnly: true }),
    quotas: new Store(resources.quotas, { project: sharing('spec', 'status') }),
    limitRanges: new Store(resources.limitRanges, { project: sharing('spec') }),
    networkPolicies: new Store(resources.networkPolicies, { project: sharing('spec') }),
    roleBindings: new Store(resources.roleBindings, { project: sharing('roleRef', 'subjects') }),
    jobs: new Store(resources.jobs),
    clusterRoles: new Store(resources.clusterRoles, {
      indexes: {
        partner: ({ metadata }) => valueOf(metadata.labels, labels.partner),
        customer: ({ metadata }) => valueOf(metadata.labels, labels.customer),
      },
    }),
    clusterRoleBindings: new Store(resources.clusterRoleBindings, {
      indexes: { customer: ({ metadata }) => valueOf(metadata.labels, labels.customer) },
    }),
    roles: new Store(resources.roles, { indexes: { customer: customersOf } }),
    permissions: new Store(resources.clusterRoles, { metadataOnly: true }),
    policies: new Store(resources.policies, { metadataOnly: true }),
    policyBindings: new Store(resources.policyBindings, {
      indexes: { policy: ({ spec }) => (spec?.policyName === undefined ? [] : [spec.policyName]) },
    }),
    /** One store per fixed name: the operator may list Secrets of these names and no others. */
    secrets: applicationRoles.map((role) => ({
      name: `database-${role}`,
      store: new Store<SecretMetadata>(resources.secrets, { metadataOnly: true }),
    })),
  }
}

/**
 * Whether an object by which access is decided was seen to go. What a cache has never had may only not have come yet: after a
 * change of leaders another replica may have let somebody in by it.
 */
export function rememberGone({ customers, partners, members, grants }: Stores) {
  const gone = new Set<string>()
  for (const store of [customers, partners, members, grants]) {
    store.onChange(({ before, after }: Change<KubeObject>) => {
      const uid = before?.metadata.uid
      if (uid !== undefined && uid !== after?.metadata.uid) gone.add(uid)
    })
  }
  return (uid: string): boolean => gone.has(uid)
}

/** Calls `fill` for each store with what belongs into it. */
export function fillEach<R>(
  stores: Stores,
  fill: <T extends KubeObject>(store: Store<T>, listing: Listing) => R,
): readonly R[] {
  return [
    fill(stores.partners, {}),
    fill(stores.customers, {}),
    fill(stores.members, {}),
    fill(stores.identityProviders, {}),
    fill(stores.grants, {}),
    // A thousand devices are some 150 kB, and a list is parsed page by page: 500 of them took 464 MiB.
    fill(stores.devices, { pageSize: 20 }),
    fill(stores.links, {}),
    fill(stores.namespaces, {}),
    fill(stores.quotas, ours),
    fill(stores.limitRanges, ours),
    fill(stores.networkPolicies, ours),
    fill(stores.roleBindings, ours),
    fill(stores.jobs, ours),
    fill(stores.clusterRoles, technicianRoles),
    fill(stores.clusterRoleBindings, ours),
    fill(stores.roles, ours),
    fill(stores.permissions, offered),
    fill(stores.policies, ofTheChart),
    fill(stores.policyBindings, ofTheChart),
    ...stores.secrets.map(({ name, store }) =>
      fill(store, { fieldSelector: `metadata.name=${name}` }),
    ),
  ]
}

/** Its own, and that of the customer whose database it was given. */
export function uidsOf({ metadata, status }: CustomerOrganization): readonly string[] {
  const uids = [metadata.uid, status?.database?.madeFor]
  return uids.filter((uid) => uid !== undefined)
}

function withoutDevices({ spec, status, ...rest }: DeviceAssignment): DeviceAssignment {
  const { rejected: _, ...counts } = { rejected: undefined, ...status }
  return { ...rest, spec: { ...spec, devices: [] }, ...(status && { status: counts }) }
}

type Marks = Readonly<Record<string, string>> | undefined

/** Whom the object itself claims: its owners, and the SuperAdmin whom status keeps. */
export function namedIn({
  spec,
  status,
}: CustomerOrganization | PartnerOrganization): readonly string[] {
  const kept = status?.superAdmin?.user
  return [...new Set([...(spec.owners ?? []), ...(kept === undefined ? [] : [kept])])]
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

/** The stores of the three fixed names as one: a Secret's name says which of them has it. */
export function secretsIn(stores: Stores) {
  const storeOf = (name: string) => stores.secrets.find((each) => each.name === name)?.store
  return {
    get: (ref: { readonly namespace?: string; readonly name: string }) =>
      storeOf(ref.name)?.get(ref),
    put: (object: Parameters<(typeof stores.secrets)[number]['store']['put']>[0]) =>
      storeOf(object.metadata.name)?.put(object),
  }
}
