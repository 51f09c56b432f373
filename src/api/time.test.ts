// Clocks that differ, and durations as the CRDs allow them.
import { describe, expect, it, test } from 'vitest'
import { countedSkew, parseDuration } from './time.ts'

it.each([
  [undefined, 0],
  [5_000, 0],
  [-5_000, 0],
  [5_001, 10_000],
  [-10_001, -20_000],
])('a skew of %s ms counts as %s ms', (skewMs, counted) => {
  expect(countedSkew(skewMs)).toBe(counted)
})

describe('a duration', () => {
  test.each([
    ['720h', 2_592_000],
    ['1h30m', 5_400],
    ['90s', 90],
    ['0s', 0],
  ])('%s has its seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds)
  })

  test.each(['', '1', '1d', '-1h', '1h ', '1.5h'])('%j is none', (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError)
  })
})
