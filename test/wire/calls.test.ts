// Single calls: what is tried again and what never is, how long one may take, and who goes first.

import { describe, expect, test } from 'vitest'
import { ApiError, DeadlineError, isConflict, isNotFound } from '../../src/runtime/index.ts'
import { answer, status, type Script } from './fake-api-server.ts'
import { eventually, startWorld, widgets } from './world.ts'

const a = { namespace: 'default', name: 'a' }
const body = { metadata: a, spec: { size: 1 } }
const busy: Script = (response) =>
  answer(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '1' })
const cut: Script = (response) => response.destroy()

describe('a call', () => {
  test('that makes an object is never sent twice, whatever comes of it', async () => {
    await using world = await startWorld()
    for (const script of [busy, cut]) {
      world.server.next('call', script)
      await expect(world.client.create(world.signal, widgets, body)).rejects.toThrow()
    }
    expect(world.server.asked.filter(({ method }) => method === 'POST')).toHaveLength(2)
  })

  test('that applies is sent again after 429, as late as the server asks', async () => {
    const waits: number[] = []
    await using world = await startWorld({
      client: { sleep: async (_, ms) => void waits.push(ms) },
    })
    world.server.next('call', busy)
    const options = { fieldManager: 'test', force: true }
    const applied = await world.client.apply(world.signal, widgets, body, options)
    expect(applied.spec).toEqual({ size: 1 })
    expect(waits).toEqual([1_000])
    const sent = world.server.asked.at(-1)
    expect(sent?.headers['content-type']).toBe('application/apply-patch+yaml')
    expect(Object.fromEntries(sent?.query ?? [])).toEqual({
      fieldManager: 'test',
      force: 'true',
      fieldValidation: 'Strict',
    })
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      apiVersion: 'example.dev/v1',
      kind: 'Widget',
      ...body,
    })
  })

  test('gives up after three tries and says how long the server wants to be left alone', async () => {
    await using world = await startWorld({ client: { sleep: async () => {} } })
    for (let i = 0; i < 3; i++) world.server.next('call', busy)
    const error = await world.client
      .get(world.signal, widgets, a)
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ status: 429, retryAfterMs: 1_000 })
    expect(world.server.count('call')).toBe(3)
  })

  test('does not wait for minutes because a server says so', async () => {
    await using world = await startWorld()
    world.server.next('call', (response) =>
      answer(response, 503, status(503, 'ServiceUnavailable'), { 'retry-after': '600' }),
    )
    await expect(world.client.get(world.signal, widgets, a)).rejects.toMatchObject({
      retryAfterMs: 600_000,
    })
  })

  test('that was refused for good is not sent again, whatever Retry-After says', async () => {
    await using world = await startWorld()
    world.server.next('call', (response) =>
      answer(response, 403, status(403, 'Forbidden'), { 'retry-after': '0' }),
    )
    await expect(world.client.get(world.signal, widgets, a)).rejects.toMatchObject({ status: 403 })
    expect(world.server.count('call')).toBe(1)
  })

  test('that reads is sent again at once when an idle connection turns out to be closed', async () => {
    await using world = await startWorld()
    world.server.put('a')
    world.server.next('call', cut)
    expect(await world.client.get(world.signal, widgets, a)).toMatchObject({ metadata: a })
  })

  test('that deletes is sent again only when it names the uid', async () => {
    await using world = await startWorld()
    const { uid = '' } = world.server.put('a').metadata
    world.server.next('call', cut)
    await expect(world.client.remove(world.signal, widgets, a)).rejects.toThrow()
    world.server.next('call', cut)
    expect(await world.client.remove(world.signal, widgets, a, { uid })).toBeUndefined()
    expect(JSON.parse(world.server.asked.at(-1)?.body ?? '')).toMatchObject({
      preconditions: { uid },
    })
    await world.agrees()
  })

  test('that deletes what is gone has succeeded; what finalizers hold comes back marked', async () => {
    await using world = await startWorld()
    expect(await world.client.remove(world.signal, widgets, a)).toBeUndefined()
    const metadata = { ...a, deletionTimestamp: '2026-12-01T00:00:00Z', finalizers: ['x/y'] }
    world.server.next('call', (response) => answer(response, 200, { kind: 'Widget', metadata }))
    expect(await world.client.remove(world.signal, widgets, a)).toMatchObject({ metadata })
  })

  test('ends at its deadline, and says which', async () => {
    await using world = await startWorld({ client: { timeoutMs: 40 } })
    world.server.next('call', () => {})
    const error = await world.client
      .get(world.signal, widgets, a)
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DeadlineError)
    expect(String(error)).toContain('/namespaces/default/widgets/a: no complete answer in 40 ms')
    expect(world.client.inFlight).toBe(0)
  })

  test('ends at its deadline also when the answer has begun', async () => {
    await using world = await startWorld({ client: { timeoutMs: 40 } })
    world.server.next('call', (response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"metadata":')
    })
    await expect(world.client.get(world.signal, widgets, a)).rejects.toThrow(DeadlineError)
  })

  test('tells a conflict, an absence and a refusal apart', async () => {
    await using world = await startWorld()
    world.server.next('call', (response) => answer(response, 409, status(409, 'Conflict')))
    await expect(world.client.update(world.signal, widgets, body)).rejects.toSatisfy(isConflict)
    await expect(world.client.get(world.signal, widgets, a)).rejects.toSatisfy(isNotFound)
    expect(await world.client.find(world.signal, widgets, a)).toBeUndefined()
  })

  test('that is refused never shows what was sent', async () => {
    await using world = await startWorld()
    world.server.next('call', (response) => answer(response, 422, status(422, 'Invalid')))
    const secret = { metadata: a, spec: { password: 'hunter2' } }
    const error = await world.client
      .create(world.signal, widgets, secret)
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ApiError)
    expect(JSON.stringify(error) + String(error)).not.toContain('hunter2')
  })

  test('keeps fields that nobody here knows, in both directions, and leaves the object alone', async () => {
    await using world = await startWorld()
    const odd = Object.freeze({
      metadata: Object.freeze({ ...a, name: 'Odd:Name' }),
      spec: { newIn140: [1] },
    })
    const made = await world.client.apply(world.signal, widgets, odd, { fieldManager: 'test' })
    expect(made.spec).toEqual({ newIn140: [1] })
    expect(world.server.asked.at(-1)?.path).toBe(
      '/apis/example.dev/v1/namespaces/default/widgets/Odd%3AName',
    )
  })

  test('is counted with its code, and with <error> when there was none', async () => {
    await using world = await startWorld({ client: { timeoutMs: 200 } })
    // The server has the watch before the client has its answer.
    await eventually(() => expect(world.requests).toHaveLength(2))
    world.requests.length = 0
    await world.client.find(world.signal, widgets, a)
    world.server.next('call', () => {})
    await world.client.find(world.signal, widgets, a).catch(() => undefined)
    const host = `127.0.0.1:${world.server.port}`
    expect(world.requests.filter(({ method }) => method === 'GET')).toMatchObject([
      { code: '404', method: 'GET', host },
      { code: '<error>', method: 'GET', host },
    ])
    expect(world.server.asked.at(-1)?.headers['user-agent']).toBe('wire-test/1')
  })

  test('shows how far the clocks are apart', async () => {
    await using world = await startWorld()
    world.server.clockAheadMs = 60_000
    await world.client.find(world.signal, widgets, a)
    expect(world.client.skewMs()).toBeGreaterThan(59_000)
    expect(world.client.skewMs()).toBeLessThan(61_000)
  })
})

describe('many calls', () => {
  test('after one that got no answer do not each try a connection that is dead', async () => {
    await using world = await startWorld({ client: { timeoutMs: 800 } })
    const six = () =>
      Promise.all(Array.from({ length: 6 }, () => world.client.find(world.signal, widgets, a)))
    await six()
    expect(world.server.sockets.size).toBeGreaterThan(4)
    world.server.freeze()
    await expect(world.client.find(world.signal, widgets, a)).rejects.toThrow(DeadlineError)
    await six()
    expect(world.requests.filter(({ code }) => code === '<error>')).toHaveLength(1)
  })

  test('share few connections, over HTTP/1.1, although the server offers HTTP/2', async () => {
    await using world = await startWorld()
    for (let i = 0; i < 50; i++) await world.client.find(world.signal, widgets, a)
    // The watch, and two that take turns: one is still being put back when the next call leaves.
    expect(world.server.dials).toBeLessThanOrEqual(3)
    for (let burst = 0; burst < 5; burst++) {
      const calls = Array.from({ length: 100 }, () => world.client.find(world.signal, widgets, a))
      await Promise.all(calls)
    }
    expect(world.server.dials).toBeLessThanOrEqual(2 * 24)
    expect([...world.server.protocols]).toEqual(['http/1.1'])
  })

  test('wait for a slot, and a revocation has one that the others cannot take', async () => {
    await using world = await startWorld({ client: { slots: { limit: 3, reserved: 1 } } })
    const held: (() => void)[] = []
    const hold: Script = (_response, _asked, proceed) => held.push(proceed)
    for (let i = 0; i < 2; i++) world.server.next('call', hold)
    const normal = Array.from({ length: 5 }, () => world.client.find(world.signal, widgets, a))
    await eventually(() => expect(held).toHaveLength(2))
    await world.client.remove(world.signal, widgets, a, { lane: 'revoke' }) // does not wait
    expect(world.server.count('call')).toBe(3)
    for (const proceed of held) proceed()
    await Promise.all(normal)
    expect(world.client.inFlight).toBe(0)
  })

  test('that wait for a slot leave the line when they are given up', async () => {
    await using world = await startWorld({ client: { slots: { limit: 2, reserved: 1 } } })
    const held: (() => void)[] = []
    world.server.next('call', (_response, _asked, proceed) => held.push(proceed))
    const first = world.client.find(world.signal, widgets, a)
    await eventually(() => expect(held).toHaveLength(1))
    const gone = new AbortController()
    const waiting = world.client.find(gone.signal, widgets, a)
    gone.abort(new Error('given up'))
    await expect(waiting).rejects.toThrow('given up')
    held[0]?.()
    await first
    expect(world.server.count('call')).toBe(1)
  })
})
