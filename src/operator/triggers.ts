// Which keys a change concerns. A key is all that is passed on: what happened is forgotten, and the
// run reads everything anew. Too many keys cost a run without a write; too few cost a promise.

import { partnerIsOut } from '../access/facts.ts'
import { refOf } from '../access/directory.ts'
import {
  annotations,
  customerNamespace,
  isOurs,
  labels,
  organizationOf,
  partnerNamespace,
} from '../api/names.ts'
import { keyOf, type Change, type KubeObject } from '../runtime/index.ts'
import {
  bothOf,
  concernsDevices,
  isStatusAlone,
  isWantedOtherwise,
  laneOf,
  newlyKept,
  patternChanged,
} from './changes.ts'
import { concerns, enqueueDevices } from './concerns.ts'
import type { Additions, Lane } from './lanes.ts'
import { customersOf, namedIn, type Stores } from './stores.ts'

/** A customer's count of devices, and a partner's of customers, may be so late, in ms: a thousand that come at once are not a thousand writes. */
const countAfterMs = 1_000
/** What a partner's one write has ended already is swept so much later, in ms. */
const afterOneWriteMs = 50

export function connectTriggers(stores: Stores, queues: Additions): void {
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
        const partner = status?.partner?.name
        if (partner !== undefined) queues.partners.addAfter(partner, lane, countAfterMs)
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
      // Rights lead downward: one more or less below says nothing to those who are beside it.
      if (object.spec.parentRef) about.oneCustomer(object.spec.parentRef.name, lane)
      const partner = object.status?.partner?.name ?? object.spec.partner?.partnerRef.name
      if (partner !== undefined) queues.partners.addAfter(partner, lane, countAfterMs)
    }
    if (patternChanged(change)) about.everybody(lane)
  })
  stores.partners.onChange((change) => {
    const lane = laneOf(change, 'revoke')
    // The count of customers alone must not run all of them.
    if (isStatusAlone(change)) {
      for (const { metadata } of bothOf(change)) {
        queues.partners.addAfter(metadata.name, lane, countAfterMs)
      }
      about.people(newlyKept(change), lane)
      return
    }
    const outByOneWrite = change.after !== undefined && partnerIsOut(change.after)
    const others = (urgency: Lane) => {
      for (const object of bothOf(change)) {
        about.customersOf(object.metadata.name, urgency)
        about.people(namedIn(object), urgency)
      }
    }
    for (const { metadata } of bothOf(change)) {
      queues.partners.add(metadata.name, lane)
      queues.members.add(partnerNamespace(metadata.name), lane)
    }
    // One write of the partner's own run voids what all of its customers gave: it is done before thousands of them are so much as
    // listed, and they sweep later.
    if (outByOneWrite) setTimeout(() => others('resync'), afterOneWriteMs).unref()
    else others(lane)
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
    const lane = laneOf(change, 'revoke')
    for (const object of bothOf(change)) {
      about.namespace(object, lane)
      // Also when it is gone: its deadlines and what is counted of it go with it.
      const ref = organizationOf(object.metadata.namespace ?? '')
      if (ref?.kind === 'customer') queues.grants.add(ref.name, lane)
    }
  })
  stores.namespaces.onChange((change) => {
    for (const { metadata } of bothOf(change)) {
      const ref = organizationOf(metadata.name)
      if (ref) about.organization(ref, laneOf(change, 'change'))
    }
  })
  stores.devices.onChange((change) => {
    const lane = laneOf(change, 'change')
    const { before, after } = change
    const [{ metadata } = { metadata: undefined }] = bothOf(change)
    if (!metadata) return
    const key = keyOf(metadata)
    // While a run goes on it is what writes, and it knows that: to run again would read a thousand devices to find nothing. Whether
    // the watch or the answer tells first is chance.
    if (isWantedOtherwise(change) || !queues.devices.isRunning(key)) queues.devices.add(key, lane)
    // Another replica has moved devices; what this one moves it says itself.
    const source = after?.spec.from?.customer
    const hasMoved = before?.status?.moved !== after?.status?.moved
    if (source !== undefined && hasMoved && change.origin !== 'own') {
      enqueueDevices(stores, queues, customerNamespace(source))
    }
    if (!after) {
      // What it had its siblings may have.
      enqueueDevices(stores, queues, metadata.namespace ?? '')
      about.owner(metadata.namespace, lane)
    } else if (before?.status?.assigned !== after.status?.assigned) {
      const ref = organizationOf(metadata.namespace ?? '')
      if (ref?.kind !== 'customer') return
      // The first ones are shown at once.
      const { devices = 0 } = stores.customers.get({ name: ref.name })?.status ?? {}
      queues.customers.addAfter(ref.name, lane, devices === 0 ? 0 : countAfterMs)
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
  const isolating = [
    stores.quotas,
    stores.limitRanges,
    stores.networkPolicies,
    ...stores.secrets.map(({ store }) => store),
  ]
  for (const store of isolating) {
    store.onChange((change: Change<KubeObject>) => {
      for (const { metadata } of bothOf(change)) {
        about.owner(metadata.namespace, laneOf(change, 'change'))
      }
    })
  }
  // What the status of a grant is about.
  for (const store of [stores.roleBindings, stores.jobs]) {
    store.onChange((change: Change<KubeObject>) => {
      for (const { metadata } of bothOf(change)) {
        const lane = laneOf(change, 'change')
        about.owner(metadata.namespace, lane)
        about.grantIn(metadata.namespace, lane)
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
  stores.permissions.onChange((change) => {
    const [role] = bothOf(change)
    for (const member of role ? stores.members.by('permission', role.metadata.name) : []) {
      about.namespace(member, laneOf(change, 'revoke'))
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
      else {
        // Its end is the partner's deadline; and one that another replica has made of a partner that is out goes again.
        queues.partners.add(partner, lane)
        about.customersOf(partner, lane)
      }
    }
  })
}
