// What may happen to the connection under a watch. Where the server remembers, the watch resumes;
// where it does not, a list repairs; and what happened in the gap is late, not missed.

import { describe, expect, test } from 'vitest'
import { eventually, startWorld, widgets } from './world.ts'
import { answer, status } from './fake-api-server.ts'

describe('a watch', () => {
  test('whose connection is reset resumes without a list', async () => {
    await using world = await startWorld()
    world.server.put('a')
    await world.agrees()
    world.server.reset()
    world.server.put('b')
    await world.agrees()
    expect(world.server.count('list')).toBe(1)
    expect(world.problems).toHaveLength(1)
  })

  test('that the server closes in order resumes at once from the last event', async () => {
    await using world = await startWorld()
    world.server.put('a')
    await world.agrees()
    const { version } = world.server
    world.server.endWatches()
    await eventually(() => expect(world.server.count('watch')).toBe(2))
    expect(world.server.asked.at(-1)?.query.get('resourceVersion')).toBe(version)
    expect(world.problems).toEqual([])
  })

  test('that is closed at once, again and again, does not turn into a storm of dials', async () => {
    const pauses: number[] = []
    await using world = await startWorld({
      reflector: {
        shortMs: 1_000,
        backoff: { firstMs: 100, maxMs: 400, random: () => 1 },
        sleep: async (_, ms) => void pauses.push(ms),
      },
      prepare(server) {
        for (let i = 0; i < 4; i++) {
          server.next('watch', (response) => answer(response, 200, {}, {}))
        }
      },
    })
    await eventually(() => expect(world.server.watches.size).toBe(1))
    expect(pauses).toEqual([100, 200, 400, 400])
  })

  test('on which nothing comes any more is taken for dead and resumed', async () => {
    await using world = await startWorld({ reflector: { idleMs: 60 } })
    world.server.unheard(() => world.server.put('unheard')) // the stream is open, but deaf
    await world.agrees()
    expect(world.server.count('list')).toBe(1)
    expect(world.problems).toMatchObject([
      { message: expect.stringMatching(/not even a bookmark/) },
    ])
    expect(world.missed).toEqual([])
  })

  test('that is quiet stays open as long as bookmarks come', async () => {
    await using world = await startWorld({ reflector: { idleMs: 400 } })
    for (let i = 0; i < 8; i++) {
      await new Promise((resolve) => setTimeout(resolve, 80))
      world.server.bookmark()
    }
    expect(world.server.count('watch')).toBe(1)
  })

  test('whose connection is half open is found by the idle limit and resumes elsewhere', async () => {
    await using world = await startWorld({ reflector: { idleMs: 80 }, client: { timeoutMs: 80 } })
    world.server.freeze() // the other end is gone without a word: bytes go nowhere
    world.server.put('meanwhile')
    await world.agrees()
    expect(world.server.count('list')).toBe(1)
  })

  test('resumes from a bookmark where the last event is long compacted', async () => {
    await using world = await startWorld()
    world.server.put('a')
    await world.agrees()
    world.server.bookmark()
    await eventually(() => expect(world.store.version).toBe(world.server.version))
    world.server.compact()
    world.server.reset()
    await eventually(() => expect(world.server.count('watch')).toBe(2))
    world.server.put('b')
    await world.agrees()
    expect(world.server.count('list')).toBe(1)
  })

  test('that is refused with 410 lists, and what happened meanwhile is late, not missed', async () => {
    await using world = await startWorld()
    world.server.put('stays')
    world.server.put('goes')
    await world.agrees()
    world.server.unheard(() => {
      world.server.remove('goes')
      world.server.put('comes')
      world.server.put('stays', { changed: true })
    })
    world.server.compact()
    world.server.reset()
    await world.agrees()
    expect(world.server.count('list')).toBe(2)
    expect(world.missed).toEqual([])
    expect(world.changes.filter(({ origin }) => origin === 'list')).toHaveLength(3)
  })

  test('that hid an event while it looked healthy is found out by the next list and counted', async () => {
    await using world = await startWorld()
    world.server.put('a')
    await world.agrees()
    world.server.swallow(() => world.server.put('hidden'))
    world.server.put('b') // past the hidden one: the stream has claimed to be complete
    await eventually(() => expect(world.names()).toEqual(['a', 'b']))
    world.server.event('ERROR', status(410, 'Expired'))
    await world.agrees()
    expect(world.missed).toEqual([1])
  })

  test('survives a server that restarts on its port', async () => {
    await using world = await startWorld()
    world.server.put('a')
    await world.agrees()
    await world.server.stop()
    world.server.put('while down')
    await new Promise((resolve) => setTimeout(resolve, 30))
    await world.server.restart()
    await world.agrees()
    expect(world.server.count('list')).toBe(1)
    expect(world.problems.length).toBeLessThanOrEqual(2)
  })

  test('of a server that was away for long is there as soon as the server answers anybody', async () => {
    // Without the answer it would wait for an hour.
    const hour = { firstMs: 3_600_000, maxMs: 3_600_000 }
    await using world = await startWorld({ reflector: { backoff: hour } })
    world.client.onBack(() => world.reflector.wake())
    world.server.put('a')
    await world.agrees()
    await world.server.stop()
    await eventually(() => expect(world.problems).toHaveLength(1))
    await expect(world.client.list(world.signal, widgets)).rejects.toThrow()
    world.server.put('while down')
    await world.server.restart()
    await world.client.list(world.signal, widgets)
    await world.agrees()
    expect(world.server.count('watch')).toBe(2)
  })

  test('of a server that was restored from a backup forgets what the backup does not know', async () => {
    await using world = await startWorld()
    world.server.put('old')
    await world.agrees()
    const { version } = world.server
    world.server.put('after the backup')
    await world.agrees()
    world.server.unheard(() => world.server.remove('after the backup'))
    world.server.restoreTo(Number(version))
    world.server.event('ERROR', status(410, 'Expired'))
    await world.agrees()
    expect(world.names()).toEqual(['old'])
    expect(world.missed).toEqual([])
    world.server.put('new')
    await world.agrees()
  })

  test('whose version lies in the future of a restored server ends in a list', async () => {
    await using world = await startWorld()
    world.server.put('a')
    await world.agrees()
    for (let i = 0; i < 3; i++) {
      world.server.next('watch', (response) => answer(response, 504, status(504, 'Timeout')))
    }
    world.server.reset()
    await eventually(() => expect(world.server.count('list')).toBe(2))
    world.server.put('b')
    await world.agrees()
  })

  test.each([
    [500, 'InternalError', 'after the third time'],
    [429, 'TooManyRequests', 'never'],
    [403, 'Forbidden', 'each time'],
    [404, 'NotFound', 'each time'],
  ])(
    'that is refused with %i %s recovers by a list %s, and says so once',
    async (code, reason, list) => {
      await using world = await startWorld()
      for (let i = 0; i < 3; i++) {
        world.server.next('watch', (response) => answer(response, code, status(code, reason)))
      }
      world.reflector.cutWatch()
      world.server.put('a')
      await world.agrees()
      await eventually(() => expect(world.server.watches.size).toBe(1))
      const lists = { never: 1, 'after the third time': 2, 'each time': 4 }[list]
      expect(world.server.count('list')).toBe(lists)
      expect(world.problems.filter(({ during }) => during === 'watch')).toHaveLength(1)
    },
  )

  test('that gets no answer to its dial gives up after the deadline and dials again', async () => {
    await using world = await startWorld({
      client: { timeoutMs: 60 },
      prepare: (server) => server.next('watch', () => {}),
    })
    await eventually(() => expect(world.server.count('watch')).toBe(2))
    world.server.put('a')
    await world.agrees()
    expect(world.problems).toMatchObject([
      { message: expect.stringMatching(/no complete answer in 60 ms/) },
    ])
  })

  test('that a proxy answers with a page of HTML recovers', async () => {
    await using world = await startWorld({
      prepare: (server) =>
        server.next('watch', (response) => {
          response.writeHead(502, { 'content-type': 'text/html' })
          response.end('<html>Bad Gateway</html>')
        }),
    })
    world.server.put('a')
    await world.agrees()
    expect(world.problems).toMatchObject([
      { message: expect.stringMatching(/502 Unknown: <html>Bad Gateway/) },
    ])
  })

  test('can be cut by hand without touching the list', async () => {
    await using world = await startWorld()
    await eventually(() => expect(world.server.watches.size).toBe(1))
    world.reflector.cutWatch()
    world.server.put('a')
    await world.agrees()
    expect([world.server.count('list'), world.server.count('watch')]).toEqual([1, 2])
    expect(world.problems).toEqual([])
  })

  test('asks for bookmarks and for an end between five and ten minutes', async () => {
    await using world = await startWorld({ reflector: { random: () => 0.5 } })
    await eventually(() => expect(world.server.count('watch')).toBe(1))
    const query = world.server.asked.at(-1)?.query
    expect(query?.get('allowWatchBookmarks')).toBe('true')
    expect(query?.get('timeoutSeconds')).toBe('450')
  })

  test('loses nothing in 300 changes with a reset every 10', async () => {
    await using world = await startWorld()
    for (let i = 0; i < 300; i++) {
      if (i % 3 === 2) world.server.remove(`w${i - 1}`)
      else world.server.put(`w${i}`)
      if (i % 10 === 9) world.server.reset()
      if (i % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await world.agrees()
    expect(world.missed).toEqual([])
    expect(world.server.count('list')).toBe(1)
  })
})
