import { describe, expect, test } from 'vitest'
import type { KubeObject } from './object.ts'
import { sharing } from './store-sharing.ts'

type Thing = KubeObject & { readonly spec?: { readonly size: number; readonly text?: string } }

function thing(name: string, spec?: Thing['spec'], labels?: Record<string, string>): Thing {
  const metadata = { name, namespace: 'ns', ...(labels && { labels }) }
  return { apiVersion: 'example.dev/v1', kind: 'Thing', metadata, ...(spec && { spec }) }
}

describe('parts that objects have in common', () => {
  test('are one and the same, and nothing else of the objects changes', () => {
    const share = sharing<Thing>('spec')
    const whole = [1, 2].map((n) => thing(`t${n}`, { size: 1 }, { owner: 'x' }))
    const [a, b] = whole.map(share)
    expect([a, b]).toEqual(whole)
    expect(a?.spec).toBe(b?.spec)
    expect(a?.metadata.labels).toBe(b?.metadata.labels)
  })

  test('are not shared by objects that differ in them', () => {
    const share = sharing<Thing>('spec')
    expect(share(thing('a', { size: 1 })).spec).toEqual({ size: 1 })
    expect(share(thing('b', { size: 2 })).spec).toEqual({ size: 2 })
  })

  test('may be missing', () => {
    const share = sharing<Thing>('spec')
    expect(share(thing('a'))).toEqual(thing('a'))
    expect('spec' in share(thing('a'))).toBe(false)
  })

  test('stay as long as they are met, whatever else comes', () => {
    const share = sharing<Thing>('spec')
    const first = share(thing('first', { size: 0 }))
    for (let size = 1; size < 1_000; size += 1) {
      share(thing('other', { size }))
      share(thing('again', { size: 0 }))
    }
    expect(share(thing('last', { size: 0 })).spec).toBe(first.spec)
  })

  test('leave the object alone that was given', () => {
    const share = sharing<Thing>('spec')
    share(thing('a', { size: 1 }))
    const given = Object.freeze(thing('b', { size: 1 }))
    const { spec } = given
    share(given)
    expect(given.spec).toBe(spec)
  })
})
