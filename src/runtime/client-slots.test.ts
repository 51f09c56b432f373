import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Slots, type Lane } from './client-slots.ts'

const { signal } = new AbortController()

/** Lets promises settle. */
const tick = () => new Promise((resolve) => setImmediate(resolve))

/** Takes a slot and remembers who had one, in order. */
function entering(slots: Slots) {
  const order: string[] = []
  const enter = async (lane: Lane, who: string) => {
    const leave = await slots.take(signal, lane)
    order.push(who)
    return leave
  }
  return { order, enter }
}

describe('slots', () => {
  test('let a revocation in when the others are full, and before those who wait longer', async () => {
    const slots = new Slots({ limit: 2, reserved: 1 })
    const { order, enter } = entering(slots)
    const first = await enter('normal', 'first')
    void enter('normal', 'waits')
    const revoke = await enter('revoke', 'revoke')
    void enter('revoke', 'revoke waits')
    first()
    await tick()
    expect(order).toEqual(['first', 'revoke', 'revoke waits'])
    revoke()
    await tick()
    expect(order).toEqual(['first', 'revoke', 'revoke waits']) // one is taken: for others full
    expect([slots.taken, slots.waiting]).toEqual([1, 1])
  })

  test('let nothing begin beside a revocation, until it is answered or somebody has waited long enough', async () => {
    const slots = new Slots({ limit: 4, reserved: 1, patienceMs: 20 })
    const { order, enter } = entering(slots)
    const answered = await enter('revoke', 'revocation')
    void enter('normal', 'status')
    const second = await enter('revoke', 'another')
    answered()
    await tick()
    expect(order).toEqual(['revocation', 'another'])
    second()
    await tick()
    expect(order).toEqual(['revocation', 'another', 'status'])

    void enter('revoke', 'one without an answer')
    await enter('normal', 'lease')
    expect(order.slice(3)).toEqual(['one without an answer', 'lease'])
    expect([slots.taken, slots.waiting]).toEqual([3, 0])
  })

  test('are given back once, however often it is said', async () => {
    const slots = new Slots({ limit: 3, reserved: 0 })
    const leave = await slots.take(signal, 'normal')
    await slots.take(signal, 'normal')
    leave()
    leave()
    expect(slots.taken).toBe(1)
  })

  test('that would all be reserved are a mistake', () => {
    expect(() => new Slots({ limit: 4, reserved: 4 })).toThrow(RangeError)
  })

  test('are never more than the limit, nobody is forgotten, and those who give up leave', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(
          fc.record({
            lane: fc.constantFrom<Lane>('revoke', 'normal'),
            next: fc.constantFrom('leave', 'stay', 'give up'),
          }),
        ),
        async (limit, calls) => {
          const slots = new Slots({ limit, reserved: limit > 1 ? 1 : 0 })
          const held: (() => void)[] = []
          let left = 0
          let gaveUp = 0
          for (const { lane, next } of calls) {
            const life = new AbortController()
            void slots.take(life.signal, lane).then(
              (leave) => held.push(leave),
              () => gaveUp++,
            )
            if (next === 'give up') life.abort()
            await tick()
            expect(slots.taken).toBeLessThanOrEqual(limit)
            if (next !== 'leave' || held.length === 0) continue
            held.shift()?.()
            left++
          }
          await tick()
          while (held.length > 0) {
            held.shift()?.()
            left++
            await tick()
            expect(slots.taken).toBeLessThanOrEqual(limit)
          }
          expect(left + gaveUp).toBe(calls.length)
          expect([slots.taken, slots.waiting]).toEqual([0, 0])
        },
      ),
    ))
})
