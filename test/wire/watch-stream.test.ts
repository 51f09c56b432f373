// What a watch's stream may say that it should not, and what follows: nothing is missed, nothing
// stops, and the problem is told once with the object's name.

import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { eventually, startWorld } from './world.ts'
import { status } from './fake-api-server.ts'

const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`

describe('a watch', () => {
  test('tells of an object that is made, changed and deleted', async () => {
    await using world = await startWorld()
    world.server.put('a', { size: 1 })
    world.server.put('a', { size: 2 })
    world.server.put('b')
    world.server.remove('b')
    await world.agrees()
    await eventually(() => expect(world.changes).toHaveLength(4))
    expect(world.changes.map(({ origin }) => origin)).toEqual(['watch', 'watch', 'watch', 'watch'])
    expect(world.store.get({ namespace: 'default', name: 'a' })?.spec).toEqual({ size: 2 })
    expect(world.problems).toEqual([])
  })

  test('that the server cut in the middle of a line goes on without missing an object', async () => {
    await using world = await startWorld()
    world.server.put('before')
    await world.agrees()
    world.server.unheard(() => world.server.put('cut'))
    world.server.write('{"type":"ADDED","object":{"apiVersion":"example.dev/v1","kind":"Wid')
    world.server.endWatches()
    await world.agrees()
    expect(world.names()).toEqual(['before', 'cut'])
    expect(world.server.count('list')).toBe(1)
    expect(world.problems).toEqual([])
  })

  test('that brings a line which is not JSON gets the event again, and names the object', async () => {
    await using world = await startWorld()
    world.server.unheard(() => world.server.put('broken'))
    world.server.write('{"type":"ADDED","object":{"metadata":{"name":"broken",}}\n')
    await world.agrees()
    expect(world.server.count('list')).toBe(1)
    expect(world.problems).toMatchObject([{ during: 'watch', object: 'broken', times: 1 }])
  })

  test('that brings the same broken line again and again is told once and lists instead', async () => {
    await using world = await startWorld()
    const broken = '{"type":"MODIFIED","object":{"metadata":{"name":"stubborn"\n'
    for (const _ of [1, 2]) {
      world.server.next('watch', (response, _asked, proceed) => {
        proceed()
        response.write(broken)
      })
    }
    world.server.unheard(() => world.server.put('stubborn'))
    world.server.write(broken)
    await world.agrees()
    await eventually(() => expect(world.server.count('list')).toBeGreaterThan(1))
    expect(world.problems.filter(({ object }) => object === 'stubborn')).toHaveLength(1)
    world.server.put('after')
    await world.agrees()
  })

  test('understands an object whose line comes in single bytes, with characters cut in two', async () => {
    await using world = await startWorld()
    const name = 'geräte-€-𝄞'
    const object = world.server.unheard(() => world.server.put('utf8', { name }))
    for (const byte of Buffer.from(line('ADDED', object))) {
      world.server.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await world.agrees()
    expect(world.store.list()[0]?.spec).toEqual({ name })
  })

  test('understands several events and half of another in one chunk', async () => {
    await using world = await startWorld()
    const [a, b, c] = ['a', 'b', 'c'].map((name) =>
      world.server.unheard(() => world.server.put(name)),
    )
    const bytes = Buffer.from(line('ADDED', a) + line('ADDED', b) + line('ADDED', c))
    world.server.write(bytes.subarray(0, bytes.length - 60))
    await eventually(() => expect(world.names()).toEqual(['a', 'b']))
    world.server.write(bytes.subarray(bytes.length - 60))
    await world.agrees()
  })

  test('passes over empty lines and line breaks of Windows', async () => {
    await using world = await startWorld()
    const object = world.server.unheard(() => world.server.put('a'))
    world.server.write(`\n\r\n${line('ADDED', object).trim()}\r\n\n`)
    await world.agrees()
    expect(world.problems).toEqual([])
  })

  test('takes an object of 5 MB', async () => {
    await using world = await startWorld()
    world.server.put('big', { blob: 'x'.repeat(5_000_000) })
    world.server.put('small')
    await world.agrees()
    expect(world.problems).toEqual([])
  })

  test('refuses a line without an end before it fills the memory', async () => {
    await using world = await startWorld({ reflector: { maxLineBytes: 100_000 } })
    world.server.write('x'.repeat(200_000))
    await eventually(() =>
      expect(world.problems).toMatchObject([{ message: expect.stringMatching(/longer than/) }]),
    )
    world.server.put('after')
    await world.agrees()
  })

  test('that brings an object without metadata recovers the object and says so', async () => {
    await using world = await startWorld()
    world.server.unheard(() => world.server.put('whole'))
    world.server.event('ADDED', { apiVersion: 'example.dev/v1', kind: 'Widget', spec: {} })
    await world.agrees()
    expect(world.problems).toMatchObject([{ message: expect.stringMatching(/has no name/) }])
  })

  test('that brings an event without an object, or no object at all, recovers', async () => {
    await using world = await startWorld()
    world.server.write('{"type":"ADDED"}\n')
    await eventually(() => expect(world.server.count('watch')).toBe(2))
    world.server.write('null\n')
    await eventually(() => expect(world.server.count('watch')).toBe(3))
    world.server.put('after')
    await world.agrees()
    expect(world.problems).toHaveLength(1)
  })

  test('that brings an event of an unknown type lists, and names the object', async () => {
    await using world = await startWorld()
    const object = world.server.unheard(() => world.server.put('odd'))
    world.server.event('REPLACED', object)
    await world.agrees()
    expect(world.server.count('list')).toBe(2)
    expect(world.problems).toMatchObject([
      { object: 'default/odd', message: expect.stringMatching(/REPLACED/) },
    ])
    expect(world.missed).toEqual([])
  })

  test('that brings a bookmark without a version recovers', async () => {
    await using world = await startWorld()
    world.server.event('BOOKMARK', { kind: 'Widget', metadata: {} })
    await eventually(() => expect(world.server.count('watch')).toBe(2))
    world.server.put('after')
    await world.agrees()
  })

  test.each([
    ['500', status(500, 'InternalError')],
    ['429', status(429, 'TooManyRequests')],
    ['an error without a code', { kind: 'Status' }],
  ])('that ends in ERROR %s resumes and says so', async (_, error) => {
    await using world = await startWorld()
    world.server.put('a')
    await world.agrees()
    world.server.event('ERROR', error) // and the stream stays open
    await eventually(() => expect(world.server.count('watch')).toBe(2))
    world.server.put('b')
    await world.agrees()
    expect(world.problems).toMatchObject([{ during: 'watch', times: 1 }])
  })

  test.each([
    ['at once', 0, 0],
    ['after a pause, when the last list is young,', 10_000, 1],
  ])('that ends in ERROR 410 lists %s and takes it for no fault', async (_, calmMs, count) => {
    const pauses: number[] = []
    await using world = await startWorld({
      reflector: { calmMs, sleep: async (_, ms) => void pauses.push(ms) },
    })
    world.server.unheard(() => world.server.put('meanwhile'))
    world.server.compact()
    world.server.event('ERROR', status(410, 'Expired'))
    world.server.endWatches()
    await world.agrees()
    expect(world.server.count('list')).toBe(2)
    expect(pauses).toHaveLength(count)
    expect(world.problems).toEqual([]) // the server forgets: nobody did wrong
    expect(world.missed).toEqual([])
  })

  test('that ends in ERROR 410 on a stream which stays open is not blind until it closes', async () => {
    await using world = await startWorld()
    world.server.unheard(() => world.server.put('meanwhile'))
    world.server.compact()
    world.server.event('ERROR', status(410, 'Expired'))
    await world.agrees()
    await eventually(() => expect(world.server.watches.size).toBe(1))
  })

  test('that waits as long as an ERROR 429 asks for', async () => {
    const pauses: number[] = []
    await using world = await startWorld({
      reflector: { sleep: async (_, ms) => void pauses.push(ms) },
    })
    world.server.event('ERROR', status(429, 'TooManyRequests', { retryAfterSeconds: 7 }))
    await eventually(() => expect(world.server.count('watch')).toBe(2))
    expect(pauses).toEqual([7_000])
  })

  test('keeps fields that nobody here knows', async () => {
    await using world = await startWorld()
    world.server.put('a', { newIn140: { deep: [{ x: 1 }] } })
    await world.agrees()
    expect(world.store.list()[0]?.spec).toEqual({ newIn140: { deep: [{ x: 1 }] } })
  })

  test('drops managedFields and the last applied configuration, and nothing else', async () => {
    await using world = await startWorld()
    const object = world.server.unheard(() => world.server.put('a'))
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'x' }
    const metadata = { ...object.metadata, managedFields: [{}], annotations, odd: 1 }
    world.server.event('ADDED', { ...object, metadata })
    await eventually(() => expect(world.store.size).toBe(1))
    expect(world.store.list()[0]?.metadata).toEqual({
      ...object.metadata,
      annotations: { mine: 'x' },
      odd: 1,
    })
  })

  test('goes on when the log that it reports to throws', async () => {
    const warned = once(process, 'warning')
    await using world = await startWorld({
      reflector: {
        report() {
          throw new Error('the disk is full')
        },
      },
    })
    world.server.write('{ broken\n')
    await eventually(() => expect(world.server.count('watch')).toBe(2))
    world.server.put('after')
    await world.agrees()
    expect(String(await warned)).toContain('a hook of the reflector threw')
  })

  test('goes on when a listener throws, and the other listeners are told', async () => {
    const thrown: unknown[] = []
    await using world = await startWorld({
      store: { onListenerError: (error) => thrown.push(error) },
    })
    world.store.onChange(() => {
      throw new Error('a listener that is broken')
    })
    const heard: unknown[] = []
    world.store.onChange((change) => heard.push(change))
    world.server.put('a')
    world.server.put('b')
    await world.agrees()
    expect(thrown).toHaveLength(2)
    expect(heard).toHaveLength(2)
    expect(world.server.count('watch')).toBe(1)
  })
})
