// Every organization has one shard, whoever asks, and the shards have equally many.
import { describe, expect, test } from 'vitest'
import { customerNamespace, leaseOf, partnerNamespace } from '../api/names.ts'
import { organizationOfKey, shardOf } from './shards.ts'
import { controllerNames } from './lanes.ts'

const names = Array.from({ length: 10_000 }, (_, at) => `customer-of-lumen-${at}`)

describe('shards', () => {
  test.each([1, 2, 3, 7, 16])(
    '%i of them have equally many organizations, within a tenth',
    (shards) => {
      const counts = Array.from({ length: shards }, () => 0)
      for (const name of names)
        counts[shardOf(name, shards)] = (counts[shardOf(name, shards)] ?? 0) + 1
      const share = names.length / shards
      for (const count of counts) expect(Math.abs(count - share) / share).toBeLessThan(0.1)
    },
  )

  test('stay where they are from version to version', () => {
    const some = ['northwind', 'contoso', 'tailspin', 'fabrikam', 'lumen', 'a', 'Ünïcode']
    expect(some.map((name) => shardOf(name, 16))).toEqual([4, 13, 8, 10, 11, 1, 12])
  })

  test('are ranges: with twice as many each one is cut in two', () => {
    for (const name of names) expect(Math.floor(shardOf(name, 6) / 2)).toBe(shardOf(name, 3))
  })

  test('have a lease each, and the first has the name of a single one', () => {
    expect([0, 1, 2].map((shard) => leaseOf('tenantry', shard))).toEqual([
      'tenantry',
      'tenantry-1',
      'tenantry-2',
    ])
  })
})

test('all that is done for one customer is done in one shard, whatever the key', () => {
  const keys = {
    customers: 'northwind',
    partners: 'northwind',
    grants: 'northwind',
    links: 'northwind',
    members: customerNamespace('northwind'),
    devices: `${customerNamespace('northwind')}/batch-1`,
  }
  for (const name of controllerNames) expect(organizationOfKey(name, keys[name])).toBe('northwind')
  expect(organizationOfKey('members', partnerNamespace('fabrikam'))).toBe('fabrikam')
  expect(organizationOfKey('members', 'somewhere')).toBe('somewhere')
})
