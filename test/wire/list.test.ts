// The list that everything begins with, and the one that repairs: whole or not at all.

import { describe, expect, test } from 'vitest'
import { eventually, startWorld } from './world.ts'
import { answer, status, type FakeApiServer, type Script } from './fake-api-server.ts'

const many = (count: number) => (server: FakeApiServer) => {
  for (let i = 0; i < count; i++) server.put(`w${String(i).padStart(4, '0')}`)
}

describe('a list', () => {
  test('of three pages arrives whole, from one moment', async () => {
    await using world = await startWorld({
      reflector: { pageSize: 10 },
      prepare(server) {
        many(25)(server)
        server.next('list', (_response, _asked, proceed) => {
          proceed()
          server.put('w9999') // after the first page: the watch brings it, not the list
        })
      },
    })
    await world.agrees()
    expect(world.server.count('list')).toBe(3)
    expect(world.changes.filter(({ origin }) => origin === 'list')).toHaveLength(25)
    expect(world.changes.filter(({ origin }) => origin === 'watch')).toHaveLength(1)
  })

  test('does not show half of itself when a page fails, and counts as synced only at the end', async () => {
    await using world = await startWorld({
      reflector: { pageSize: 10 },
      synced: false,
      prepare(server) {
        many(25)(server)
        server.next('list', (_response, _asked, proceed) => proceed())
        server.next('list', (response) => response.destroy()) // twice: a GET is dialled again once
        server.next('list', (response) => {
          expect(world.store.synced).toBe(false)
          expect(world.store.size).toBe(0)
          response.destroy()
        })
      },
    })
    await world.reflector.whenSynced(world.signal)
    expect(world.store.synced).toBe(true)
    expect(world.store.size).toBe(25)
    expect(world.server.count('list')).toBe(6)
    expect(world.problems).toMatchObject([{ during: 'list' }])
  })

  test('whose continue token went stale begins anew', async () => {
    await using world = await startWorld({
      reflector: { pageSize: 10 },
      prepare(server) {
        many(25)(server)
        server.next('list', (_response, _asked, proceed) => {
          proceed()
          server.put('w9999')
          server.compact()
        })
      },
    })
    await world.agrees()
    expect(world.server.count('list')).toBe(1 + 1 + 3)
  })

  test('whose continue token goes stale every time is asked for in one piece', async () => {
    const stale: Script = (response) => answer(response, 410, status(410, 'Expired'))
    const first: Script = (_response, _asked, proceed) => proceed()
    await using world = await startWorld({
      reflector: { pageSize: 10 },
      prepare(server) {
        many(25)(server)
        for (const script of [first, stale, first, stale]) server.next('list', script)
      },
    })
    expect(world.server.count('list')).toBe(5)
    expect(world.server.asked.findLast(({ kind }) => kind === 'list')?.query.has('limit')).toBe(
      false,
    )
  })

  test.each([429, 500])('that is refused with %i waits as Retry-After says', async (code) => {
    const waits: number[] = []
    await using world = await startWorld({
      client: { sleep: async (_, ms) => void waits.push(ms) },
      prepare: (server) =>
        server.next('list', (response) =>
          answer(response, code, status(code, 'TooManyRequests'), { 'retry-after': '2' }),
        ),
    })
    expect(waits).toEqual([2_000])
    expect(world.store.synced).toBe(true)
    expect(world.problems).toEqual([])
  })

  test('that is refused without Retry-After is tried again after a pause that grows', async () => {
    const pauses: number[] = []
    await using world = await startWorld({
      reflector: {
        backoff: { firstMs: 100, random: () => 1 },
        sleep: async (_, ms) => void pauses.push(ms),
      },
      prepare(server) {
        for (let i = 0; i < 3; i++) {
          server.next('list', (response) => answer(response, 500, status(500, 'InternalError')))
        }
      },
    })
    expect(pauses).toEqual([100, 200, 400])
    expect(world.problems).toMatchObject([{ during: 'list', resource: 'widgets.example.dev' }])
  })

  test('that is forbidden is told with the words of the server, and tried again', async () => {
    await using world = await startWorld({
      prepare: (server) =>
        server.next('list', (response) => answer(response, 403, status(403, 'Forbidden'))),
    })
    expect(world.problems).toMatchObject([
      { message: expect.stringMatching(/403 Forbidden: refused by the script/) },
    ])
  })

  test('that is not JSON, is no list, or stops halfway never counts as empty', async () => {
    await using world = await startWorld({
      prepare(server) {
        many(3)(server)
        server.next('list', (response) => {
          response.writeHead(200, { 'content-type': 'application/json' })
          response.end('{"items":[')
        })
        server.next('list', (response) => answer(response, 200, { kind: 'WidgetList' }))
        server.next('list', (response) => {
          response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' })
          response.write('{"metadata":{"resourceVersion":"9"},"items":[]')
          setTimeout(() => response.destroy(), 5)
        })
      },
    })
    expect(world.store.size).toBe(3)
    expect(world.changes.every(({ before }) => before === undefined)).toBe(true)
  })

  test('keeps what can be read of objects of which one has no metadata', async () => {
    await using world = await startWorld({
      prepare(server) {
        server.next('list', (response) => {
          const good = server.unheard(() => server.put('good'))
          const metadata = { resourceVersion: server.version }
          answer(response, 200, { kind: 'WidgetList', metadata, items: [{ spec: {} }, null, good] })
        })
      },
    })
    expect(world.names()).toEqual(['good'])
    expect(world.problems).toMatchObject([
      { during: 'object', message: expect.stringMatching(/has no name/) },
    ])
  })

  test('of nothing, with items that are null, counts as a whole list', async () => {
    await using world = await startWorld({
      prepare: (server) =>
        server.next('list', (response) =>
          answer(response, 200, { metadata: { resourceVersion: server.version }, items: null }),
        ),
    })
    expect(world.store.synced).toBe(true)
  })

  test('tells of an object that was deleted and made anew in between as of two', async () => {
    await using world = await startWorld()
    const old = world.server.put('a')
    await world.agrees()
    world.server.unheard(() => {
      world.server.remove('a')
      world.server.put('a')
    })
    world.server.compact()
    world.server.reset()
    await world.agrees()
    expect(world.changes.slice(-2)).toMatchObject([
      { before: { metadata: { uid: old.metadata.uid } }, origin: 'list' },
      { after: { metadata: { uid: 'uid-2' } }, origin: 'list' },
    ])
    expect(world.changes.at(-2)?.after).toBeUndefined()
    expect(world.changes.at(-1)?.before).toBeUndefined()
  })

  test('after a gap says nothing of objects that did not change', async () => {
    await using world = await startWorld({ prepare: many(5) })
    world.server.unheard(() => world.server.put('w0001', { changed: true }))
    const before = world.changes.length
    world.server.compact()
    world.server.reset()
    await world.agrees()
    expect(world.changes.length - before).toBe(1)
  })

  test('of metadata asks for nothing else and keeps nothing else', async () => {
    await using world = await startWorld({
      store: { metadataOnly: true },
      prepare: (server) => server.put('a', { secret: 'x' }),
    })
    const [list, watch] = world.server.asked
    expect(list?.headers.accept).toContain('as=PartialObjectMetadataList;g=meta.k8s.io;v=v1')
    expect(watch?.headers.accept).toContain('as=PartialObjectMetadata;g=meta.k8s.io;v=v1')
    world.server.put('b', { secret: 'x' })
    world.store.put(
      await world.client.create(world.signal, world.store.resource, {
        metadata: { name: 'c', namespace: 'default' },
        spec: { secret: 'x' },
      }),
    )
    await world.agrees()
    expect(JSON.stringify(world.store.list())).not.toContain('secret')
    expect(world.store.list()[0]).toMatchObject({ apiVersion: 'example.dev/v1', kind: 'Widget' })
  })

  test('carries namespace and selectors, in list and watch alike', async () => {
    const selection = { namespace: 'team a', labelSelector: 'a=b,!c', fieldSelector: 'spec.x=y' }
    await using world = await startWorld({ reflector: selection })
    await eventually(() => expect(world.server.asked).toHaveLength(2))
    for (const { path, query } of world.server.asked) {
      expect(path).toBe('/apis/example.dev/v1/namespaces/team%20a/widgets')
      expect(query.get('labelSelector')).toBe('a=b,!c')
      expect(query.get('fieldSelector')).toBe('spec.x=y')
    }
  })
})
