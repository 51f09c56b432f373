// Whom it concerns: the keys of one customer, of all that are nested in it, of a partner's customers, of a person's claims.

import { refOf } from '../access/directory.ts'
import type { OrganizationRef } from '../access/organization.ts'
import type {
  CustomerOrganization,
  CustomerOrganizationStatus,
  DeviceAssignmentStatus,
  OrganizationMember,
  PartnerOrganization,
} from '../api/kinds.generated.ts'
import {
  customerNamespace,
  isOurs,
  labels,
  organizationOf,
  partnerNamespace,
} from '../api/names.ts'
import { keyOf, type KubeObject } from '../runtime/index.ts'
import type { Additions, Lane } from './lanes.ts'
import type { Stores } from './stores.ts'

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
export function enqueueAll(stores: Stores, queues: Additions): void {
  concerns(stores, queues).everybody('resync')
  for (const { metadata } of stores.devices.list()) queues.devices.add(keyOf(metadata), 'resync')
}

/** Customers that wait for a PostgreSQL server which answers again: of one that has no place yet it may be any. */
export function enqueueWaiting(stores: Stores, queues: Additions, server: string): void {
  for (const { metadata, status } of stores.customers.list()) {
    const isThere = (status?.database?.server ?? server) === server
    if (isThere && !isReady(status)) queues.customers.add(metadata.name, 'change')
  }
}

/** All assignments of one customer. */
export function enqueueDevices(stores: Stores, queues: Additions, namespace: string): void {
  for (const { metadata } of stores.devices.byNamespace(namespace)) {
    queues.devices.add(keyOf(metadata), 'resync')
  }
}

/**
 * Assignments of one customer that have less than before, and those that wait for what may be free now: the others would read a
 * thousand devices each to find nothing.
 *
 * @param left UIDs of those that devices were moved away from; `undefined`: it is not known
 */
export function enqueueLeft(
  stores: Stores,
  queues: Additions,
  namespace: string,
  left: readonly string[] | undefined,
): void {
  for (const { metadata, status } of stores.devices.byNamespace(namespace)) {
    const hasLess = left === undefined || left.includes(metadata.uid ?? '')
    if (hasLess || !isReady(status)) queues.devices.add(keyOf(metadata), 'resync')
  }
}

function isReady(status: CustomerOrganizationStatus | DeviceAssignmentStatus | undefined): boolean {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
}

export function concerns(stores: Stores, queues: Additions) {
  function oneCustomer(name: string, lane: Lane): void {
    queues.customers.add(name, lane)
    grantIn(customerNamespace(name), lane)
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
    if (ref?.kind === 'partner') queues.partners.add(ref.name, lane)
    if (ref?.kind === 'customer') queues.customers.add(ref.name, lane)
  }

  /** Most customers have no partner, and no grant to run. */
  function grantIn(namespace: string | undefined, lane: Lane): void {
    const ref = organizationOf(namespace ?? '')
    if (ref?.kind !== 'customer' || stores.grants.byNamespace(namespace ?? '').length === 0) return
    queues.grants.add(ref.name, lane)
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
    grantIn,
    namespace,
    people,
    everybody,
  }
}
