// Our own writes count at once, and late news of the watch do not undo them.

import { describe, expect, test, vi } from 'vitest'
import { eventually, startWorld } from './world.ts'
import { status, type Widget } from './fake-api-server.ts'

const a = { namespace: 'default', name: 'a' }

describe('an own write', () => {
  test('is read back at once, and the watch that brings it later changes nothing', async () => {
    await using world = await startWorld()
    const made = world.server.unheard(() => world.server.put('a', { size: 1 }))
    world.store.put(made)
    expect(world.store.get(a)?.spec).toEqual({ size: 1 })
    world.server.event('ADDED', made)
    world.server.put('b')
    await world.agrees()
    expect(world.changes.map(({ origin }) => origin)).toEqual(['own', 'watch'])
  })

  test('is not even read again when the watch brings it', async () => {
    await using world = await startWorld()
    const made = world.server.unheard(() => world.server.put('a', { size: 1 }))
    world.store.put(made)
    const read = vi.spyOn(JSON, 'parse')
    world.server.event('ADDED', made)
    await eventually(() => expect(world.store.version).toBe(made.metadata.resourceVersion))
    const lines = read.mock.calls.map(([text]) => text).filter((text) => text.includes('ADDED'))
    read.mockRestore()
    expect(lines).toEqual([])
    world.server.put('a', { size: 2 })
    await world.agrees()
  })

  test('says nothing about what another writes with its version in an annotation', async () => {
    await using world = await startWorld()
    const made = world.server.unheard(() => world.server.put('a', { size: 1 }))
    world.store.put(made)
    const other = world.server.unheard(() => world.server.put('b', { size: 2 }))
    const { resourceVersion = '' } = made.metadata
    const metadata = { annotations: { resourceVersion }, ...other.metadata }
    world.server.event('ADDED', { ...other, metadata })
    await eventually(() => expect(world.store.size).toBe(2))
  })

  test('that is newer than the watch is not overwritten by older events', async () => {
    await using world = await startWorld()
    const [first, second, third] = [1, 2, 3].map((size) =>
      world.server.unheard(() => world.server.put('a', { size })),
    )
    if (third) world.store.put(third)
    world.server.event('ADDED', first)
    world.server.event('MODIFIED', second)
    world.server.put('marker')
    await eventually(() => expect(world.store.size).toBe(2))
    expect(world.store.get(a)?.spec).toEqual({ size: 3 })
    expect(world.changes.filter(({ after }) => after?.metadata.name === 'a')).toHaveLength(1)
  })

  test('that is newer than a list which was under way is not lost', async () => {
    await using world = await startWorld()
    world.server.compact()
    world.server.next('list', (_response, _asked, proceed) => {
      proceed() // the page is on its way
      const made = world.server.unheard(() => world.server.put('a', { size: 9 }))
      world.store.put(made)
    })
    world.server.event('ERROR', status(410, 'Expired'))
    await eventually(() => expect(world.server.count('watch')).toBe(2))
    expect(world.store.get(a)?.spec).toEqual({ size: 9 })
    await world.agrees()
    expect(world.missed).toEqual([])
  })

  test('whose answer comes after the watch told the deletion does not bring the object back', async () => {
    await using world = await startWorld()
    const made = world.server.put('a')
    await world.agrees()
    world.server.remove('a')
    await world.agrees()
    world.store.put(made) // the answer was slow
    expect(world.store.get(a)).toBeUndefined()
  })
})

describe('an own deletion', () => {
  test('is gone at once, and a late MODIFIED of that uid does not bring it back', async () => {
    await using world = await startWorld()
    const made = world.server.put('a', { size: 1 })
    await world.agrees()
    const late = world.server.unheard(() => world.server.put('a', { size: 2 }))
    world.server.unheard(() => world.server.remove('a'))
    world.store.forget(made)
    expect(world.store.get(a)).toBeUndefined()
    world.server.event('MODIFIED', late)
    world.server.put('marker')
    await eventually(() => expect(world.names()).toEqual(['marker']))
  })

  test('does not hide an object that was made anew under the same name', async () => {
    await using world = await startWorld()
    const made = world.server.put('a')
    await world.agrees()
    world.store.forget(made)
    world.server.remove('a')
    world.server.put('a', { anew: true })
    await world.agrees()
    expect(world.store.get(a)?.spec).toEqual({ anew: true })
  })

  test('of an older object leaves the newer one alone', async () => {
    await using world = await startWorld()
    const old = world.server.put('a')
    world.server.remove('a')
    world.server.put('a')
    await world.agrees()
    world.store.forget(old)
    expect(world.store.get(a)).toBeDefined()
  })

  test('that a list under way has not seen yet is not undone by it', async () => {
    await using world = await startWorld()
    const made = world.server.put('a')
    await world.agrees()
    world.server.compact()
    world.server.next('list', (_response, _asked, proceed) => {
      proceed()
      world.server.remove('a')
      world.store.forget(made)
    })
    world.server.event('ERROR', status(410, 'Expired'))
    await eventually(() => expect(world.server.count('watch')).toBe(2))
    await world.agrees()
    expect(world.names()).toEqual([])
    expect(world.changes.filter(({ after }) => after)).toHaveLength(1)
  })

  test('that a later list contradicts gives way: the object is there', async () => {
    await using world = await startWorld()
    const made: Widget = world.server.put('a')
    await world.agrees()
    world.store.forget(made) // wrongly
    world.server.unheard(() => world.server.put('b'))
    world.server.compact()
    world.server.reset()
    await world.agrees()
    expect(world.names()).toEqual(['a', 'b'])
  })
})
