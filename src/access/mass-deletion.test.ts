// How many deletions are too many. Holds NOTHING-LOST.
import { describe, expect, test } from 'vitest'
import { isMassDeletion } from './mass-deletion.ts'

const minute = 60_000

describe('the deletion of a customer', () => {
  test.each([
    ['alone goes on', [0], 10, 0, false],
    ['with four others goes on', [0, 1, 2, 3, 4], 10, 2, false],
    ['with five others waits', [0, 1, 2, 3, 4, 5], 10, 2, true],
    ['with seven of 100 customers goes on', [0, 1, 2, 3, 4, 5, 6], 100, 0, false],
    ['with ten of 100 others waits', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 100, 10, true],
    [
      'with five others over an hour goes on',
      [0, 10, 20, 30, 40, 50].map((at) => at * minute),
      10,
      20 * minute,
      false,
    ],
    [
      'between two small groups goes on',
      [0, 1, 2, 11, 12, 13].map((at) => at * minute),
      10,
      2 * minute,
      false,
    ],
    [
      'at the end of a large group waits',
      [0, 1, 2, 3, 4, 9.9].map((at) => at * minute),
      10,
      9.9 * minute,
      true,
    ],
    [
      'long before a large group goes on',
      [0, 20, 20, 20, 20, 20, 20].map((at) => at * minute),
      10,
      0,
      false,
    ],
  ])('%s', (_says, times, total, deletedAt, waits) => {
    expect(isMassDeletion(deletedAt, { times, total })).toBe(waits)
  })
})
