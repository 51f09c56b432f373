// How far the deletion of a customer may go. Holds NOTHING-LOST.
import { describe, expect, test } from 'vitest'
import { now, seen } from '../../test/support/seen.ts'
import type { Seen } from './gather.ts'
import { planDeletion } from './plan-deletion.ts'
import { planCustomer } from './plan.ts'

const deletedAt = '2026-12-01T12:00:00Z'
const alone = { times: [Date.parse(deletedAt)], total: 10 }
const oneOfMany = { times: Array.from({ length: 6 }, () => Date.parse(deletedAt)), total: 10 }

function deleted(
  change: Partial<Seen> = {},
  { annotations = {}, ready }: { readonly annotations?: object; readonly ready?: string } = {},
): Seen {
  const { object } = seen()
  const condition = {
    type: 'Ready',
    status: 'False' as const,
    reason: ready ?? '',
    message: '',
    lastTransitionTime: deletedAt,
  }
  return seen(
    {
      deletions: alone,
      ...change,
      object: {
        ...object,
        metadata: {
          ...object.metadata,
          deletionTimestamp: deletedAt,
          annotations: { ...annotations },
        },
        ...(ready !== undefined && { status: { conditions: [condition] } }),
      },
    },
    { link: { state: 'Vacant', epoch: 1 } },
  )
}

const confirmed = { annotations: { 'tenantry.dev/confirm-delete': 'northwind' } }
const forAnother = { annotations: { 'tenantry.dev/confirm-delete': 'contoso' } }

describe('a customer that is deleted', () => {
  test.each([
    ['goes', deleted(), 'Closing'],
    ['with nested customers is held', deleted({ nestedCustomers: ['pier-7'] }), 'Held'],
    ['with devices is held', deleted({ devices: 3 }), 'Held'],
    ['as one of many is paused', deleted({ deletions: oneOfMany }), 'Paused'],
    ['stays paused when time has passed', deleted({}, { ready: 'MassDeletion' }), 'Paused'],
    ['goes when confirmed', deleted({ deletions: oneOfMany, devices: 3 }, confirmed), 'Closing'],
    [
      'is not confirmed by the name of another',
      deleted({ deletions: oneOfMany }, forAnother),
      'Paused',
    ],
  ])('%s', (_says, given, state) => {
    expect(planDeletion(given).state).toBe(state)
  })

  test.each([
    ['goes', deleted(), 'remove'],
    ['is paused', deleted({ deletions: oneOfMany }), 'keep'],
    ['is held', deleted({ devices: 3 }), 'keep'],
  ])('that %s has its finalizer in that state: %#', (_says, given, finalizer) => {
    expect(planCustomer(given, now).finalizer).toBe(finalizer)
  })

  test('has nobody let in any more, paused or not; held, it goes on as before', () => {
    const entering = (given: Seen) => planCustomer(given, now).bindings.grant.length
    expect(entering(deleted())).toBe(0)
    expect(entering(deleted({ deletions: oneOfMany }))).toBe(0)
    expect(entering(deleted({ devices: 3 }))).toBeGreaterThan(0)
  })
})
