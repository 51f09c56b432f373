// The question that spares a write: the same wish, the same thing there.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashOf, holds, same, stamped } from './intent.ts'
import type { KubeObject } from './object.ts'

const json = fc.jsonValue({ maxDepth: 3 })

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, shuffled(inner)])
  return Object.fromEntries(entries.toReversed())
}

describe('the hash of a wish', () => {
  test('does not depend on the order of its keys', () => {
    fc.assert(fc.property(json, (value) => hashOf(value) === hashOf(shuffled(value))))
  })

  test('changes with a field, its absence and the order of a list', () => {
    const hashes = [{ a: 1, b: [1, 2] }, { a: 1, b: [2, 1] }, { a: 1 }, { a: '1', b: [1, 2] }, {}]
    expect(new Set(hashes.map(hashOf)).size).toBe(hashes.length)
    expect(hashOf({ a: 1, b: undefined })).toBe(hashOf({ a: 1 }))
  })

  test('is 22 characters of an annotation and no part of what it is made from', () => {
    const object: KubeObject = { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'a' } }
    const { annotations } = stamped(object, 'example.dev/hash').metadata
    expect(annotations?.['example.dev/hash']).toMatch(/^[\w-]{22}$/)
    expect(object.metadata).toEqual({ name: 'a' })
  })
})

describe('what is there', () => {
  test.each<[string, unknown, unknown, boolean]>([
    ['more fields than wanted', { a: 1, b: 2 }, { a: 1 }, true],
    ['a field with another value', { a: 2 }, { a: 1 }, false],
    ['no such field', {}, { a: 1 }, false],
    ['a longer list', { a: [1, 2] }, { a: [1] }, false],
    ['a list in another order', { a: [2, 1] }, { a: [1, 2] }, false],
    ['more fields in an element of a list', { a: [{ n: 1, g: '' }] }, { a: [{ n: 1 }] }, true],
    ['a quantity in other words', { cpu: '1' }, { cpu: '1000m' }, false],
    ['nothing for an empty list', {}, { a: [] }, true],
    ['nothing for an empty map', {}, { a: {} }, true],
    ['nothing for a map of empty things', {}, { a: { b: [] } }, true],
    ['something for an empty list', { a: [1] }, { a: [] }, false],
    ['nothing for a false', {}, { a: false }, false],
    ['a text for a number', { a: '1' }, { a: 1 }, false],
    ['a map for a list', { a: {} }, { a: [1] }, false],
    ['null for a map', { a: null }, { a: { b: 1 } }, false],
  ])('with %s', (_, found, wanted, answer) => {
    expect(holds(found, wanted)).toBe(answer)
  })

  test('holds itself, whatever it is', () => {
    fc.assert(fc.property(json, (value) => holds(value, value) && same(value, shuffled(value))))
  })
})
