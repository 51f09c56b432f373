// Which keys a change concerns. A key is all that is passed on: what happened is forgotten, and the
// run reads everything anew. Too many keys cost a run without a write; too few cost a promise.

import type { OrganizationRef } from '../access/organization.ts'
import type { OrganizationMember, PartnerOrganization } from '../api/kinds.generated.ts'
import type { CustomerOrganization } from '../api/kinds.generated.ts'
import {
  annotations,
  customerNamespace,
  isOurs,
  labels,
  organizationOf,
  partnerNamespace,
} from '../api/names.ts'
import { keyOf, type Change, type KubeObject, type Queue } from '../runtime/index.ts'
import { refOf } from '../access/directory.ts'
import { partnerIsOut } from '../access/facts.ts'
import { customersOf, namedIn, type Stores } from './stores.ts'

export const lanes = ['revoke', 'delete', 'change', 'new', 'resync'] as const
export type Lane = (typeof lanes)[number]

export const controllerNames = [
  'customers',
  'partners',
  'members',
  'grants',
  'links',
  'devices',
] as const

export type Queues = Readonly<Record<(typeof controllerNames)[number], Queue>>

export function connectTriggers(stores: Stores, queues: Queues): void {
  const about = concerns(stores, queues)
  stores.customers.onChange((change) => {
    const lane = laneOf(change, 'change')
    const [customer] = bothOf(change)
    if (customer && concernsDevices(change)) {
      enqueueDevices(stores, queues, customerNamespace(customer.metadata.name))
      for (const { metadata } of stores.devices.by('source', customer.metadata.name)) {
        queues.devices.add(keyOf(metadata), 'resync')
      }
    }
    if (isStatusAlone(change)) {
      for (const { metadata, status } of bothOf(change)) {
        about.oneCustomer(metadata.name, lane)
        if (status?.partner?.name !== undefined) queues.partners.add(status.partner.name, lane)
      }
      about.people(newlyKept(change), lane)
      return
    }
    for (const object of bothOf(change)) {
      about.organization(refOf(object), lane)
      about.people(namedIn(object), lane)
      // One customer less: who waited for a place may have it.
      const from = object.metadata.annotations?.[annotations.createdFrom]
      if (!change.after && from !== undefined) about.requestsIn(from, lane)
      if (object.spec.parentRef) about.customer(object.spec.parentRef.name, lane)
      const partner = object.status?.partner?.name ?? object.spec.partner?.partnerRef.name
      if (partner !== undefined) queues.partners.add(partner, lane)
    }
    if (patternChanged(change)) about.everybody(lane)
  })
  stores.partners.onChange((change) => {
    const lane = laneOf(change, 'revoke')
    // The count of customers alone must not run all of them.
    if (isStatusAlone(change)) {
      for (const { metadata } of bothOf(change)) queues.partners.add(metadata.name, lane)
      about.people(newlyKept(change), lane)
      return
    }
    // One write of the partner's own run voids what all of its customers gave: they sweep later.
    const outByOneWrite = change.after !== undefined && partnerIsOut(change.after)
    for (const object of bothOf(change)) {
      const { name } = object.metadata
      queues.partners.add(name, lane)
      queues.members.add(partnerNamespace(name), lane)
      about.customersOf(name, outByOneWrite ? 'resync' : lane)
      about.people(namedIn(object), outByOneWrite ? 'resync' : lane)
    }
    if (patternChanged(change)) about.everybody(lane)
  })
  stores.members.onChange((change) => {
    const lane = laneOf(change, 'revoke')
    // What status keeps follows from the decision that everybody has come to already.
    if (isStatusAlone(change)) {
      for (const { metadata } of bothOf(change)) queues.members.add(metadata.namespace ?? '', lane)
      return
    }
    for (const object of bothOf(change)) {
      about.namespace(object, lane)
      about.people([object.spec.user], lane)
    }
  })
  stores.identityProviders.onChange((change) => {
    if (isStatusAlone(change)) return
    for (const object of bothOf(change)) about.namespace(object, laneOf(change, 'revoke'))
  })
  stores.grants.onChange((change) => {
    if (isStatusAlone(change)) return
    for (const object of bothOf(change)) about.namespace(object, laneOf(change, 'revoke'))
  })
  stores.namespaces.onChange((change) => {
    for (const { metadata } of bothOf(change)) {
      const ref = organizationOf(metadata.name)
      if (ref) about.organization(ref, laneOf(change, 'change'))
    }
  })
  stores.devices.onChange((change) => {
    const lane = laneOf(change, 'change')
    for (const { metadata } of bothOf(change)) {
      queues.devices.add(`${metadata.namespace ?? ''}/${metadata.name}`, lane)
      about.owner(metadata.namespace, lane)
      // What it had its siblings may have.
      if (!change.after) enqueueDevices(stores, queues, metadata.namespace ?? '')
    }
  })
  stores.links.onChange((change) => {
    for (const link of bothOf(change)) {
      const { name, labels: marks } = link.metadata
      // One that a person has made asks for the customer of its own name.
      const customer = isOurs(link) ? marks?.[labels.customer] : name
      if (customer !== undefined) queues.links.add(customer, laneOf(change, 'change'))
    }
  })
  const children = [
    stores.quotas,
    stores.limitRanges,
    stores.networkPolicies,
    stores.roleBindings,
    stores.jobs,
    ...stores.secrets.map(({ store }) => store),
  ]
  for (const store of children) {
    store.onChange((change: Change<KubeObject>) => {
      for (const { metadata } of bothOf(change)) {
        about.owner(metadata.namespace, laneOf(change, 'change'))
      }
    })
  }
  stores.roles.onChange((change) => {
    const named = bothOf(change).map((role) => new Set(customersOf(role)))
    // One person's list names many customers: only those of whom it says something else now.
    for (const customer of named.flatMap((names) => [...names])) {
      if (named.length === 2 && named.every((names) => names.has(customer))) continue
      queues.customers.add(customer, laneOf(change, 'change'))
      queues.grants.add(customer, laneOf(change, 'change'))
    }
  })
  stores.clusterRoleBindings.onChange((change) => {
    for (const { metadata } of bothOf(change)) {
      const customer = metadata.labels?.[labels.customer]
      if (customer !== undefined) about.oneCustomer(customer, laneOf(change, 'change'))
    }
  })
  stores.clusterRoles.onChange((change) => {
    const lane = laneOf(change, 'change')
    for (const { metadata } of bothOf(change)) {
      const partner = metadata.labels?.[labels.partner]
      const customer = metadata.labels?.[labels.customer]
      if (customer !== undefined) about.oneCustomer(customer, lane)
      else if (partner === undefined)
        about.everybody(lane) // a template of the chart
      else about.customersOf(partner, lane)
    }
  })
}

/** What is looked at before anybody is let in: whatever somebody may have to be put out of. */
export function firstKeys(
  stores: Stores,
): readonly { readonly queue: 'customers' | 'partners'; readonly key: string }[] {
  const customers = new Set(stores.customers.list().map(({ metadata }) => metadata.name))
  for (const { metadata } of stores.roleBindings.list()) {
    const ref = organizationOf(metadata.namespace ?? '')
    if (ref?.kind === 'customer') customers.add(ref.name)
  }
  for (const { metadata } of stores.clusterRoles.list()) {
    const customer = metadata.labels?.[labels.customer]
    if (customer !== undefined) customers.add(customer)
  }
  const partners = new Set(stores.partners.list().map(({ metadata }) => metadata.name))
  for (const { metadata } of stores.clusterRoles.list()) {
    const partner = metadata.labels?.[labels.partner]
    if (partner !== undefined) partners.add(partner)
  }
  return [
    ...[...partners].map((key) => ({ queue: 'partners' as const, key })),
    ...[...customers].map((key) => ({ queue: 'customers' as const, key })),
  ]
}

/** Everything, for the leader that takes over. */
export function enqueueAll(stores: Stores, queues: Queues): void {
  concerns(stores, queues).everybody('resync')
  for (const { metadata } of stores.devices.list()) queues.devices.add(keyOf(metadata), 'resync')
}

/** All assignments of one customer. */
export function enqueueDevices(stores: Stores, queues: Queues, namespace: string): void {
  for (const { metadata } of stores.devices.byNamespace(namespace)) {
    queues.devices.add(keyOf(metadata), 'resync')
  }
}

/** Licenses, levels, where the database is and whether it is there: all that assignments read of their customer. */
function concernsDevices({ before, after }: Change<CustomerOrganization>): boolean {
  const read = (customer: CustomerOrganization | undefined) =>
    customer && [
      customer.metadata.uid,
      customer.metadata.deletionTimestamp,
      customer.spec.licenses,
      customer.spec.informationLevel,
      customer.spec.database?.enabled,
      customer.status?.database,
      customer.status?.conditions?.find(({ type }) => type === 'DatabaseReady')?.status,
    ]
  return JSON.stringify(read(before)) !== JSON.stringify(read(after))
}

function concerns(stores: Stores, queues: Queues) {
  function oneCustomer(name: string, lane: Lane): void {
    queues.customers.add(name, lane)
    queues.grants.add(name, lane)
    queues.links.add(name, lane)
  }

  /** The customer and all that are nested in it: rights lead downward. */
  function customer(name: string, lane: Lane): void {
    const seen = new Set([name])
    for (const each of seen) {
      oneCustomer(each, lane)
      for (const { metadata } of stores.customers.by('parent', each)) seen.add(metadata.name)
    }
  }

  function customersOf(partner: string, lane: Lane): void {
    const names = new Set(
      stores.customers.by('linkedPartner', partner).map(({ metadata }) => metadata.name),
    )
    for (const { metadata } of stores.grants.by('partner', partner)) {
      const ref = organizationOf(metadata.namespace ?? '')
      if (ref) names.add(ref.name)
    }
    for (const name of names) customer(name, lane)
  }

  function organization({ kind, name }: OrganizationRef, lane: Lane): void {
    if (kind === 'customer') {
      queues.members.add(customerNamespace(name), lane)
      requestsIn(customerNamespace(name), lane)
      customer(name, lane)
      return
    }
    queues.members.add(partnerNamespace(name), lane)
    requestsIn(partnerNamespace(name), lane)
    queues.partners.add(name, lane)
    customersOf(name, lane)
  }

  /** Customers that people of this namespace have asked for. */
  function requestsIn(namespace: string, lane: Lane): void {
    for (const link of stores.links.byNamespace(namespace)) {
      if (!isOurs(link)) queues.links.add(link.metadata.name, lane)
    }
  }

  function owner(namespace: string | undefined, lane: Lane): void {
    const ref = organizationOf(namespace ?? '')
    if (!ref) return
    if (ref.kind === 'partner') queues.partners.add(ref.name, lane)
    else {
      queues.customers.add(ref.name, lane)
      queues.grants.add(ref.name, lane)
    }
  }

  function namespace({ metadata }: KubeObject, lane: Lane): void {
    const ref = organizationOf(metadata.namespace ?? '')
    if (ref) organization(ref, lane)
    else if (metadata.namespace !== undefined) queues.members.add(metadata.namespace, lane)
  }

  /** ONE-HOME: a claim that comes or goes decides about the same person elsewhere. */
  function people(names: readonly string[], lane: Lane): void {
    for (const name of names) {
      const claimants: readonly (CustomerOrganization | PartnerOrganization)[] = [
        ...stores.customers.by('owner', name),
        ...stores.partners.by('owner', name),
      ]
      for (const object of claimants) organization(refOf(object), lane)
      const members: readonly OrganizationMember[] = stores.members.by('user', name)
      for (const member of members) namespace(member, lane)
    }
  }

  function everybody(lane: Lane): void {
    for (const { metadata } of stores.partners.list()) {
      queues.partners.add(metadata.name, lane)
      queues.members.add(partnerNamespace(metadata.name), lane)
    }
    for (const { metadata } of stores.customers.list()) {
      queues.members.add(customerNamespace(metadata.name), lane)
      customer(metadata.name, lane)
    }
    for (const link of stores.links.list()) {
      if (!isOurs(link)) queues.links.add(link.metadata.name, lane)
    }
  }

  return {
    oneCustomer,
    customer,
    customersOf,
    organization,
    requestsIn,
    owner,
    namespace,
    people,
    everybody,
  }
}

function bothOf<T>({ before, after }: Change<T>): readonly T[] {
  return [before, after].filter((object) => object !== undefined)
}

/** What may take something away is `urgent`; the first list is work that nobody waits for. */
function laneOf({ before, after, origin }: Change<KubeObject>, urgent: Lane): Lane {
  if (origin === 'list' && !before) return 'resync'
  if (!after || after.metadata.deletionTimestamp) return urgent === 'revoke' ? urgent : 'delete'
  return before ? urgent : 'new'
}

/** Nobody has wished for anything else: only what the operator itself says has changed. */
function isStatusAlone({ before, after }: Change<KubeObject>): boolean {
  if (!before || !after || before.metadata.uid !== after.metadata.uid) return false
  const [was, is] = [before.metadata, after.metadata]
  return (
    was.generation === is.generation &&
    was.deletionTimestamp === is.deletionTimestamp &&
    JSON.stringify([was.annotations, was.finalizers]) ===
      JSON.stringify([is.annotations, is.finalizers])
  )
}

/** ONE-HOME: whom status keeps as the last SuperAdmin is claimed by that, and whom it lets go no more. */
function newlyKept({
  before,
  after,
}: Change<CustomerOrganization | PartnerOrganization>): readonly string[] {
  const [was, is] = [before, after].map((object) => object?.status?.superAdmin?.user)
  return was === is ? [] : [was, is].filter((name) => name !== undefined)
}

function patternChanged({
  before,
  after,
}: Change<CustomerOrganization | PartnerOrganization>): boolean {
  const was = before?.spec.usernames
  const is = after?.spec.usernames
  return was?.prefix !== is?.prefix || was?.suffix !== is?.suffix
}
