// Stopping, in each moment in which a reflector waits: nothing is opened afterwards, nothing stays.

import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { eventually, startWorld, widgets } from './world.ts'
import { answer, status, type Script } from './fake-api-server.ts'

const silence: Script = () => {}

/** Long enough for whatever was still to come. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 50))

describe('a reflector that is stopped', () => {
  test('while it watches leaves no watch', async () => {
    await using world = await startWorld()
    await world.stop()
    await eventually(() => expect(world.server.watches.size).toBe(0))
    await aWhile()
    expect(world.server.count('watch')).toBe(1)
  })

  test('while a list is in flight opens no watch afterwards', async () => {
    const held: (() => void)[] = []
    await using world = await startWorld({
      synced: false,
      prepare: (server) => server.next('list', (_response, _asked, proceed) => held.push(proceed)),
    })
    await eventually(() => expect(held).toHaveLength(1))
    const stopped = world.stop()
    held[0]?.()
    await stopped
    await aWhile()
    expect(world.server.count('watch')).toBe(0)
    expect(world.store.synced).toBe(false)
    expect(world.problems).toEqual([])
  })

  test('between two pages asks for no third and takes nothing over', async () => {
    await using world = await startWorld({
      synced: false,
      reflector: { pageSize: 1 },
      prepare(server) {
        for (const name of ['a', 'b', 'c']) server.put(name)
        server.next('list', (_response, _asked, proceed) => proceed())
        server.next('list', silence)
      },
    })
    await eventually(() => expect(world.server.count('list')).toBe(2))
    await world.stop()
    expect(world.store.size).toBe(0)
  })

  test('while it dials a watch gives up the dial', async () => {
    await using world = await startWorld({
      synced: false,
      prepare: (server) => server.next('watch', silence),
    })
    await eventually(() => expect(world.server.count('watch')).toBe(1))
    await world.stop()
    expect(world.problems).toEqual([])
  })

  test('while it waits between two tries ends at once', async () => {
    await using world = await startWorld({
      synced: false,
      reflector: { backoff: { firstMs: 60_000, maxMs: 60_000 } },
      prepare: (server) =>
        server.next('list', (response) => answer(response, 500, status(500, 'InternalError'))),
    })
    await eventually(() => expect(world.problems).toHaveLength(1))
    await world.stop()
    expect(world.server.count('list')).toBe(1)
  })

  test('while a call waits for Retry-After ends at once', async () => {
    await using world = await startWorld({
      synced: false,
      prepare: (server) =>
        server.next('list', (response) =>
          answer(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '9' }),
        ),
    })
    await eventually(() => expect(world.server.count('list')).toBe(1))
    await aWhile()
    await world.stop()
    expect(world.server.count('list')).toBe(1)
  })

  test('before it began asks nothing', async () => {
    await using world = await startWorld()
    await world.stop()
    const asked = world.server.asked.length
    await world.reflector.run(AbortSignal.abort())
    expect(world.server.asked).toHaveLength(asked)
  })

  test('lets go whoever waits for the first list', async () => {
    await using world = await startWorld({
      synced: false,
      prepare: (server) => server.next('list', silence),
    })
    const waiting = world.reflector.whenSynced(world.signal)
    const outcome = expect(waiting).rejects.toThrow('the test is over')
    await world.stop()
    await outcome
  })
})

describe('a client whose signal is aborted', () => {
  test('sends nothing, and gives up what it has sent', async () => {
    await using world = await startWorld()
    const ref = { namespace: 'default', name: 'a' }
    await expect(world.client.get(AbortSignal.abort(), widgets, ref)).rejects.toThrow()
    expect(world.server.count('call')).toBe(0)
    world.server.next('call', silence)
    const life = new AbortController()
    const asked = world.client.get(life.signal, widgets, ref)
    await eventually(() => expect(world.server.count('call')).toBe(1))
    life.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
    expect(world.client.inFlight).toBe(0)
  })

  test('leaves no listener behind on a signal that lives on', async () => {
    await using world = await startWorld()
    const life = new AbortController()
    const listeners = () => getEventListeners(life.signal, 'abort').length
    const ref = { namespace: 'default', name: 'a' }
    for (let i = 0; i < 20; i++) await world.client.find(life.signal, widgets, ref)
    expect(listeners()).toBe(0)
  })
})
