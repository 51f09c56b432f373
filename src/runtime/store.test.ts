import { describe, expect, test } from 'vitest'
import type { KubeObject, ResourceOf } from './object.ts'
import { Store, type Change, type StoreOptions } from './store.ts'

type Thing = KubeObject & { readonly spec?: { readonly owner?: string; readonly size?: number } }

const things: ResourceOf<Thing> = {
  group: 'example.dev',
  version: 'v1',
  kind: 'Thing',
  plural: 'things',
  namespaced: true,
}

function thing(
  name: string,
  resourceVersion: string,
  spec?: Thing['spec'],
  uid = `u-${name}`,
): Thing {
  const metadata = { name, namespace: 'ns', uid, resourceVersion }
  return { apiVersion: 'example.dev/v1', kind: 'Thing', metadata, ...(spec ? { spec } : {}) }
}

function storeOf(objects: readonly Thing[], options: StoreOptions<Thing> = {}) {
  const store = new Store<Thing>(things, options)
  store.replace(objects, '100', store.listStarts())
  const changes: Change<Thing>[] = []
  store.onChange((change) => changes.push(change))
  return { store, changes }
}

const a = { namespace: 'ns', name: 'a' }

describe('a store', () => {
  test('is synced only after a whole list, even an empty one', () => {
    const store = new Store<Thing>(things)
    store.observe('ADDED', thing('a', '1'))
    expect(store.synced).toBe(false)
    store.replace([], '5', store.listStarts())
    expect(store.synced).toBe(true)
    expect(store.size).toBe(0)
  })

  test('finds objects by namespace and by what they refer to, as they change', () => {
    const indexes = { owner: ({ spec }: Thing) => (spec?.owner ? [spec.owner] : []) }
    const { store } = storeOf([thing('a', '1', { owner: 'x' }), thing('b', '2', { owner: 'x' })], {
      indexes,
    })
    expect(store.by('owner', 'x')).toHaveLength(2)
    store.observe('MODIFIED', thing('a', '101', { owner: 'y' }))
    expect(store.by('owner', 'x')).toMatchObject([{ metadata: { name: 'b' } }])
    expect(store.by('owner', 'y')).toMatchObject([{ metadata: { name: 'a' } }])
    store.observe('DELETED', thing('b', '102', { owner: 'x' }))
    expect(store.by('owner', 'x')).toEqual([])
    expect(store.byNamespace('ns')).toHaveLength(1)
    expect(store.byNamespace('other')).toEqual([])
  })

  test('says so when it is asked for an index that it does not have', () => {
    expect(() => storeOf([]).store.by('colour', 'red')).toThrow('Thing has no index colour')
  })

  test('compares versions as numbers, beyond what a number holds', () => {
    const { store } = storeOf([thing('a', '9007199254740999', { size: 1 })])
    store.observe('MODIFIED', thing('a', '9007199254740998', { size: 0 }))
    expect(store.get(a)?.spec?.size).toBe(1)
    store.observe('MODIFIED', thing('a', '10000000000000000', { size: 2 }))
    expect(store.get(a)?.spec?.size).toBe(2)
  })

  test('takes the latest word where versions have no order', () => {
    const { store } = storeOf([thing('a', 'opaque-b', { size: 1 })])
    store.observe('MODIFIED', thing('a', 'opaque-a', { size: 2 }))
    expect(store.get(a)?.spec?.size).toBe(2)
  })

  test('takes an object back that left the selector and met it again', () => {
    const { store } = storeOf([thing('a', '1')])
    store.observe('DELETED', thing('a', '101')) // not gone: it lost its label
    expect(store.get(a)).toBeUndefined()
    store.observe('ADDED', thing('a', '102'))
    expect(store.get(a)).toBeDefined()
  })

  test('counts as missed what the watch had claimed to be past, and nothing else', () => {
    const { store } = storeOf([thing('a', '10'), thing('b', '20')])
    store.advance('200')
    const late = [thing('a', '150', { size: 1 }), thing('b', '20'), thing('c', '250')]
    expect(store.replace(late, '300', store.listStarts())).toEqual({ changed: 2, missed: 1 })
  })

  test('counts a deletion as missed when the list is of the moment that the watch had reached', () => {
    const { store } = storeOf([thing('a', '10'), thing('b', '20')])
    store.advance('200')
    expect(store.replace([thing('a', '10')], '200', store.listStarts()).missed).toBe(1)
    expect(store.replace([], '300', store.listStarts())).toEqual({ changed: 1, missed: 0 })
  })

  test('keeps neither data nor spec of what it holds as metadata only', () => {
    const { store } = storeOf([], { metadataOnly: true })
    store.put(thing('a', '101', { size: 1 }))
    expect(store.get(a)).toEqual({ ...thing('a', '101') })
  })

  test('keeps only the fields of its projection', () => {
    const project = ({ apiVersion, kind, metadata }: Thing): Thing => ({
      apiVersion,
      kind,
      metadata,
    })
    const { store } = storeOf([], { project })
    store.observe('ADDED', thing('a', '101', { size: 1 }))
    expect(store.get(a)?.spec).toBeUndefined()
  })

  test('cannot be written into when it is frozen', () => {
    const { store } = storeOf([], { freeze: true })
    store.put(thing('a', '101', { size: 1 }))
    expect(() => Object.assign(store.get(a)?.spec ?? {}, { size: 2 })).toThrow(TypeError)
  })

  test('leaves the object that was handed in as it was', () => {
    const { store } = storeOf([])
    const metadata = { ...thing('a', '101').metadata, managedFields: [{}] }
    const object = { ...thing('a', '101'), metadata }
    store.put(object)
    expect(object.metadata.managedFields).toHaveLength(1)
    expect(store.get(a)?.metadata).not.toHaveProperty('managedFields')
  })

  test('tells a listener what was there, what is there, and who said so; until it goes', () => {
    const { store, changes } = storeOf([thing('a', '1')])
    const heard: unknown[] = []
    const leave = store.onChange((change) => heard.push(change))
    store.put(thing('a', '101'))
    leave()
    store.forget(thing('a', '101'))
    expect(heard).toHaveLength(1)
    expect(changes).toEqual([
      { before: thing('a', '1'), after: thing('a', '101'), origin: 'own' },
      { before: thing('a', '101'), origin: 'own' },
    ])
  })

  test('does not show what was before an object that we made anew, nor before that', () => {
    const { store } = storeOf([])
    store.put(thing('a', '103', { size: 3 }, 'second'))
    store.put(thing('a', '102', { size: 2 }, 'first')) // its answer was slow
    store.forget(thing('a', '103', {}, 'second'))
    store.observe('ADDED', thing('a', '101', { size: 1 }, 'first'))
    expect(store.size).toBe(0)
    store.observe('DELETED', thing('a', '102', { size: 2 }, 'first'))
    store.observe('ADDED', thing('a', '105', {}, 'third'))
    expect(store.get(a)?.metadata.uid).toBe('third')
  })

  test('forgets by uid alone, and not somebody else with that name', () => {
    const { store } = storeOf([thing('a', '1')])
    store.forget({ metadata: { ...a, uid: 'of another' } })
    expect(store.size).toBe(1)
    store.forget({ metadata: { ...a, uid: 'u-a' } })
    expect(store.size).toBe(0)
  })
})
