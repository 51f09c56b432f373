// The slots against a Map, with keys that are few enough to collide and to come again.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KeySlots } from './key-slots.ts'

describe('slots of keys', () => {
  test('are as a Map says, whatever is taken and released', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 39 }), fc.boolean())
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const slots = new KeySlots()
        const model = new Map<string, number>()
        for (const [n, takes] of steps) {
          const key = `k${n}`
          const known = model.get(key)
          expect(slots.slotOf(key)).toBe(known)
          if (takes && known === undefined) model.set(key, slots.take(key))
          if (!takes && known !== undefined) {
            slots.release(known)
            model.delete(key)
          }
        }
        expect(slots.size).toBe(model.size)
        expect(new Set(model.values()).size).toBe(model.size)
        for (let n = 0; n < 40; n++) expect(slots.slotOf(`k${n}`)).toBe(model.get(`k${n}`))
        for (const [key, slot] of model) expect(slots.keyOf(slot)).toBe(key)
      }),
      { numRuns: 2_000 },
    )
  })

  test('stay small when keys come and go', () => {
    const slots = new KeySlots()
    for (let n = 0; n < 10_000; n++) slots.release(slots.take(`customer-${n}`))
    expect(slots.take('last')).toBe(0)
  })
})
