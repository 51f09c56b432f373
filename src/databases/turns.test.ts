// Turns: never more at once than places, nobody forgotten, nobody waits behind who has left.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KeyedTurns, Turns } from './turns.ts'

const { signal } = new AbortController()

describe('turns', () => {
  test('let in no more at once than there are places, and everybody in the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }),
        async (places, steps) => {
          const turns = new Turns(places)
          let inside = 0
          let most = 0
          const done = await Promise.all(
            steps.map((ticks) =>
              turns.run(signal, async () => {
                inside += 1
                most = Math.max(most, inside)
                for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve()
                inside -= 1
              }),
            ),
          )
          expect(done).toHaveLength(steps.length)
          expect(most).toBeLessThanOrEqual(places)
          expect(turns.idle).toBe(true)
        },
      ),
    )
  })

  test('are taken in the order of asking', async () => {
    const turns = new Turns(1)
    const order: number[] = []
    await Promise.all([1, 2, 3].map((n) => turns.run(signal, async () => order.push(n))))
    expect(order).toEqual([1, 2, 3])
  })

  test('go to who is patient when nobody works and nobody waits, one at a time', async () => {
    const turns = new Turns(2)
    const order: string[] = []
    const say = (word: string) => async () => {
      await Promise.resolve()
      order.push(word)
    }
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    await Promise.all([
      turns.run(signal, () => gate),
      turns.run(signal, say('patient 1'), 'patient'),
      turns.run(signal, say('patient 2'), 'patient'),
      turns.run(signal, say('usual 1')),
      turns.run(signal, say('usual 2')).then(open),
    ])
    expect(order).toEqual(['usual 1', 'usual 2', 'patient 1', 'patient 2'])
    expect(turns.idle).toBe(true)
  })

  test('pass over whoever was aborted while waiting', async () => {
    const turns = new Turns(1)
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const impatient = new AbortController()
    const first = turns.run(signal, () => gate)
    const second = turns.run(impatient.signal, async () => 'second')
    const third = turns.run(signal, async () => 'third')
    impatient.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    open()
    await first
    expect(await third).toBe('third')
    expect(turns.idle).toBe(true)
  })

  test('are given on after a failure', async () => {
    const turns = new Turns(1)
    const failing = turns.run(signal, async () => {
      throw new Error('broken')
    })
    await expect(failing).rejects.toThrow('broken')
    expect(await turns.run(signal, async () => 'next')).toBe('next')
  })
})

describe('turns per key', () => {
  test('hold up the same key and no other', async () => {
    const turns = new KeyedTurns()
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const order: string[] = []
    const first = turns.run(signal, 'a', async () => {
      await gate
      order.push('a1')
    })
    const second = turns.run(signal, 'a', async () => order.push('a2'))
    await turns.run(signal, 'b', async () => order.push('b'))
    open()
    await Promise.all([first, second])
    expect(order).toEqual(['b', 'a1', 'a2'])
  })
})
