import { describe, expect, test } from 'vitest'
import { Index } from './store-index.ts'

type Item = { readonly values: readonly string[] }

describe('an index', () => {
  test('finds none, one and many, and forgets values that nobody has', () => {
    const index = new Index<Item>(({ values }) => values)
    const [one, two] = [{ values: ['x'] }, { values: ['x', 'y'] }]
    index.add(one)
    expect(index.get('x')).toEqual([one])
    index.add(two)
    expect(index.get('x')).toEqual([one, two])
    expect(index.get('y')).toEqual([two])
    index.remove(one)
    index.remove(two)
    expect(index.get('x')).toEqual([])
    expect([...index.values]).toEqual([])
  })

  test('holds an object once that names a value twice', () => {
    const index = new Index<Item>(({ values }) => values)
    const item = { values: ['x', 'x'] }
    index.add(item)
    expect(index.get('x')).toEqual([item])
    index.remove(item)
    expect(index.get('x')).toEqual([])
  })
})
