// When a look at a server may judge a customer's database.
import { expect, test } from 'vitest'
import { Motion } from './motion.ts'

test('what is worked on is not still, nor what was worked on since the look began', async () => {
  let clock = 0
  const motion = new Motion(() => clock)
  expect(motion.stillSince('northwind', 0)).toBe(true)
  const { promise, resolve } = Promise.withResolvers<void>()
  const work = motion.during('northwind', () => promise)
  const other = motion.during('northwind', async () => {})
  await other
  clock = 1
  expect(motion.stillSince('northwind', 1)).toBe(false)
  expect(motion.stillSince('contoso', 1)).toBe(true)
  clock = 2
  resolve()
  await work
  expect(motion.stillSince('northwind', 1)).toBe(false)
  expect(motion.stillSince('northwind', 2)).toBe(false)
  expect(motion.stillSince('northwind', 3)).toBe(true)
})
