// Whom a change concerns: too few keys would cost a promise, keys of all siblings the square of their number.
import { expect, test } from 'vitest'
import { recordAdditions } from '../../test/support/additions.ts'
import type { CustomerOrganization } from '../api/kinds.generated.ts'
import { makeStores } from './stores.ts'
import { connectTriggers } from './triggers.ts'

function start() {
  const stores = makeStores()
  const { queues, added, clear } = recordAdditions()
  connectTriggers(stores, queues)
  let version = 0
  /** The keys that the change makes run, by controller. */
  const observe = (type: 'ADDED' | 'MODIFIED' | 'DELETED', name: string, parent?: string) => {
    clear()
    version += 1
    const customer = {
      apiVersion: 'tenantry.dev/v1alpha1',
      kind: 'CustomerOrganization',
      metadata: { name, uid: name, resourceVersion: `${version}`, generation: version },
      spec: { displayName: name, ...(parent !== undefined && { parentRef: { name: parent } }) },
    } as CustomerOrganization
    stores.customers.observe(type, customer)
    return added()
  }
  return { observe }
}

test('a nested customer that comes or goes runs its parent, and none of those who are beside it', () => {
  const { observe } = start()
  observe('ADDED', 'group')
  observe('ADDED', 'north', 'group')
  observe('ADDED', 'south', 'group')
  expect(observe('ADDED', 'west', 'group')).toMatchObject({
    customers: ['group', 'west'],
    links: ['group', 'west'],
  })
  expect(observe('DELETED', 'west', 'group')).toMatchObject({ customers: ['group', 'west'] })
})

test('a customer that changes runs all that are nested in it, however deep', () => {
  const { observe } = start()
  observe('ADDED', 'group')
  observe('ADDED', 'north', 'group')
  observe('ADDED', 'harbour', 'north')
  expect(observe('MODIFIED', 'group').customers).toEqual(['group', 'harbour', 'north'])
  expect(observe('DELETED', 'north', 'group').customers).toEqual(['group', 'harbour', 'north'])
})
