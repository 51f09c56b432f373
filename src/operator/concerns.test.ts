// Which assignments hear that devices were moved away: each one that does reads a list of up to a thousand.
import { expect, test } from 'vitest'
import { recordAdditions } from '../../test/support/additions.ts'
import type { DeviceAssignment } from '../api/kinds.generated.ts'
import { enqueueLeft } from './concerns.ts'
import { makeStores } from './stores.ts'

const namespace = 'customer-acme'

function start() {
  const stores = makeStores()
  for (const [name, ready] of [
    ['has-lost', 'True'],
    ['has-all', 'True'],
    ['waits', 'False'],
  ] as const) {
    const lastTransitionTime = '2026-01-01T00:00:00Z'
    const condition = { type: 'Ready', status: ready, reason: 'R', message: '', lastTransitionTime }
    const assignment = {
      apiVersion: 'tenantry.dev/v1alpha1',
      kind: 'DeviceAssignment',
      metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: '1' },
      spec: { devices: [] },
      status: { conditions: [condition] },
    } as DeviceAssignment
    stores.devices.put(assignment)
  }
  return { stores, ...recordAdditions() }
}

test('devices that were moved away concern the assignment that had them and those that wait', () => {
  const { stores, queues, added } = start()
  enqueueLeft(stores, queues, namespace, ['uid-has-lost', 'uid-of-another-customer'])
  expect(added()['devices']).toEqual([`${namespace}/has-lost`, `${namespace}/waits`])
})

test('they concern all assignments when nobody knows where they were', () => {
  const { stores, queues, added } = start()
  enqueueLeft(stores, queues, namespace, undefined)
  expect(added()['devices']).toHaveLength(3)
})
