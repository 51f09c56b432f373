import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyOf, type KubeObject } from './object.ts'
import { Shelves } from './store-shelves.ts'

const namespaces = fc.constantFrom(undefined, 'north', 'south')
const names = fc.integer({ min: 0, max: 12 }).map((number) => `n${number}`)
const step = fc.record({ namespace: namespaces, name: names, keep: fc.boolean() })

describe('shelves', () => {
  test('hold what a Map by namespace and name holds, be they empty, of one, of few or of many', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const shelves = new Shelves<KubeObject>()
        const model = new Map<string, KubeObject>()
        for (const { namespace, name, keep } of steps) {
          const ref = { name, ...(namespace !== undefined && { namespace }) }
          const object = { apiVersion: 'v1', kind: 'Widget', metadata: ref }
          const key = keyOf(ref)
          if (keep) expect(shelves.set(object)).toBe(model.get(key))
          else expect(shelves.remove(ref)).toBe(model.has(key))
          if (keep) model.set(key, object)
          else model.delete(key)
          expect(shelves.get(ref)).toBe(model.get(key))
        }
        expect(shelves.size).toBe(model.size)
        expect(new Set(shelves.all())).toEqual(new Set(model.values()))
        const north = [...model.values()].filter(({ metadata }) => metadata.namespace === 'north')
        expect(new Set(shelves.in('north'))).toEqual(new Set(north))
      }),
      { numRuns: 2_000 },
    )
  })
})
