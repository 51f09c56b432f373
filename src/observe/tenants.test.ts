// What is counted of customers, and which ends count as a lag of ours.
import { Registry } from '@prometheus-io/client'
import { expect, test } from 'vitest'
import type { CustomerOrganization, PartnerOrganization } from '../api/kinds.generated.ts'
import { labels } from '../api/names.ts'
import type { ClusterRole } from '../api/resources.ts'
import { observeTenants } from './tenants.ts'

const begun = Date.parse('2026-11-25T12:00:00Z')

type Change<T> = { readonly before?: T; readonly after?: T }

function cache<T>(objects: readonly T[] = []) {
  const listeners: ((change: Change<T>) => void)[] = []
  return {
    list: () => objects,
    onChange: (listener: (change: Change<T>) => void) => listeners.push(listener),
    change: (change: Change<T>) => listeners.forEach((listener) => listener(change)),
  }
}

function start(objects: readonly CustomerOrganization[] = []) {
  const registry = new Registry()
  const customers = cache(objects)
  const clusterRoles = cache<ClusterRole>()
  const clock = { time: begun, now: () => clock.time }
  observeTenants(
    registry,
    { customers, clusterRoles, partners: cache<PartnerOrganization>() },
    clock,
  )
  const value = async (series: string) => {
    const line = (await registry.metrics())
      .split('\n')
      .find((each) => each.startsWith(`${series} `))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
  return { value, customers, clusterRoles, clock }
}

function customer(name: string, status: object = {}): CustomerOrganization {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'CustomerOrganization',
    metadata: { name },
    spec: {},
    status,
  }
}

function linked(state: 'Linked' | 'Releasing' | 'Vacant', epoch: number, since: string) {
  return customer('northwind', { partner: { state, epoch, since } })
}

function roleEnding(atMs: number): ClusterRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'tenantry:fabrikam:full', labels: { [labels.end]: String(atMs / 1000) } },
  }
}

test('customers are counted by reason, by link, and by how soon their access ends', async () => {
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'Ready',
    message: '',
    lastTransitionTime: '',
  }
  const { value } = start([
    customer('new'),
    customer('a', { conditions: [ready], partner: { state: 'Linked', epoch: 1 } }),
    customer('b', { conditions: [ready], until: '2026-11-26T11:00:00Z' }),
    customer('c', { until: '2026-12-20T12:00:00Z' }),
    customer('past', { until: '2026-11-25T11:59:00Z' }),
  ])
  expect(await value('tenantry_customers{ready="True",reason="Ready"}')).toBe(2)
  expect(await value('tenantry_customers{ready="Unknown",reason="New"}')).toBe(3)
  expect(await value('tenantry_customer_links{state="Linked"}')).toBe(1)
  expect(await value('tenantry_customer_links{state="Releasing"}')).toBe(0)
  expect(await value('tenantry_partner_access_ending{days="1"}')).toBe(1)
  expect(await value('tenantry_partner_access_ending{days="30"}')).toBe(2)
})

test('a hand-over counts once, and its release from the moment when it began', async () => {
  const { value, customers, clock } = start()
  customers.change({ after: linked('Vacant', 0, '2026-11-25T12:00:00Z') })
  const states = [
    linked('Vacant', 0, '2026-11-25T12:00:00Z'),
    linked('Linked', 1, '2026-11-25T12:00:00Z'),
    linked('Releasing', 1, '2026-11-25T12:00:10Z'),
    linked('Vacant', 1, '2026-11-25T12:00:14Z'),
    linked('Linked', 2, '2026-11-25T12:00:14Z'),
  ]
  clock.time = begun + 14_000
  for (const [index, after] of states.entries()) {
    const before = states[index - 1]
    if (before) customers.change({ before, after })
  }
  expect(await value('tenantry_hand_overs_total')).toBe(1)
  expect(await value('tenantry_release_seconds_count')).toBe(1)
  expect(await value('tenantry_release_seconds_sum')).toBe(4)
})

test('only the end of a window is a lag: not what was taken away before, nor what ended before us', async () => {
  const { value, clusterRoles, clock } = start()
  clock.time = begun + 60_000
  clusterRoles.change({ before: roleEnding(begun + 59_500 - 500) }) // a second late
  clusterRoles.change({ before: roleEnding(begun + 61_000) }) // the cluster was first
  clusterRoles.change({ before: roleEnding(begun + 3_600_000) }) // the grant was edited
  clusterRoles.change({ before: roleEnding(begun - 3_600_000) }) // nobody ran then
  expect(await value('tenantry_revocation_lag_seconds_count')).toBe(2)
  expect(await value('tenantry_revocation_lag_seconds_sum')).toBe(1)
})
