import { expect, test } from 'vitest'
import { countOverlaps } from './overlaps.ts'

const handOvers = [
  { to: 0, begun: 0 },
  { to: 1, begun: 100 },
  { to: 0, begun: 200 },
]
const yes = (...times: readonly number[]) => times.map((at) => ({ at, allowed: true }))
const no = (at: number) => ({ at, allowed: false })

test('one after the other is no overlap, however long nobody is in', () => {
  const first = [...yes(10, 50, 105), no(110), ...yes(250)]
  const second = [no(50), ...yes(150, 190, 201), no(210)]
  expect(countOverlaps([first, second], handOvers)).toBe(0)
})

test('whom a prober missed does not make up for an overlap elsewhere', () => {
  const first = yes(10, 140, 150) // let in again, or still in, when the other is in
  const second = yes(130, 160) // and nobody saw the first in the last one
  expect(countOverlaps([first, second], handOvers)).toBe(1)
})

test('both told yes in one millisecond is an overlap', () => {
  expect(countOverlaps([yes(130), yes(130)], handOvers)).toBe(1)
})

test('a yes after the next hand-over has begun counts there', () => {
  expect(countOverlaps([yes(10, 205), yes(150, 210)], handOvers)).toBe(1)
})
