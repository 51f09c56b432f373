import { describe, expect, test } from 'vitest'
import { backoff } from './backoff.ts'

function delays(count: number, random: number): number[] {
  const next = backoff({ now: () => 0, random: () => random })
  return Array.from({ length: count }, next)
}

describe('a backoff', () => {
  test('doubles from 0.8 s to 30 s', () => {
    expect(delays(8, 1)).toEqual([800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000])
  })

  test('spreads a fleet over half of each delay', () => {
    expect(delays(2, 0)).toEqual([400, 800])
  })

  test('begins anew after two minutes without a failure, not before', () => {
    let now = 0
    const next = backoff({ now: () => now, random: () => 1 })
    next()
    now += 120_000
    expect(next()).toBe(1_600)
    now += 120_001
    expect(next()).toBe(800)
  })

  test('stays at its longest however long it lasts', () => {
    expect(delays(5_000, 1).at(-1)).toBe(30_000)
  })
})
