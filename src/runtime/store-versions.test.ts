import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareVersions, isNewer, isOlder, isWithin } from './store-versions.ts'

test('versions are ordered as the numbers that they are, of any size', () => {
  const big = fc.bigInt({ min: 0n, max: 2n ** 80n })
  fc.assert(
    fc.property(big, big, (a, b) => {
      const order = compareVersions(String(a), String(b)) ?? NaN
      expect(Math.sign(order)).toBe(a < b ? -1 : a > b ? 1 : 0)
    }),
  )
})

test('versions that are no numbers have no order, and then nothing is older, newer or within', () => {
  for (const odd of [undefined, '', 'a', '01', '-1', '1.5', '1e3']) {
    expect(compareVersions(odd, '7')).toBeUndefined()
    expect([isOlder(odd, '7'), isNewer(odd, '7'), isWithin(odd, '7')]).toEqual([
      false,
      false,
      false,
    ])
  }
  expect(compareVersions('same', 'same')).toBe(0)
})
