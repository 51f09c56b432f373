// The probes as kubelet, Prometheus and a careless port scanner see them.
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { startHealthServer, type HealthOptions } from './health.ts'

const { signal } = new AbortController()

async function start(options: Partial<HealthOptions> = {}) {
  const server = await startHealthServer(signal, {
    host: '127.0.0.1',
    port: 0,
    live: () => [],
    ready: () => [],
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
    ...options,
  })
  const ask = async (path: string, method = 'GET') => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method })
    return { status: answer.status, text: await answer.text(), headers: answer.headers }
  }
  /** Bytes that no decent client sends. */
  const raw = (bytes: string) => text(connect(server.port, '127.0.0.1').end(bytes))
  return { server, ask, raw, [Symbol.asyncDispose]: () => server.stop() }
}

describe('the health server', () => {
  test('says ok when nothing is wrong', async () => {
    await using world = await start()
    for (const path of ['/livez', '/readyz', '/healthz', '/livez?a=b']) {
      expect(await world.ask(path)).toMatchObject({ status: 200, text: 'ok\n' })
    }
  })

  test('names what keeps it from being ready, and lives on', async () => {
    await using world = await start({ ready: () => ['The caches are not filled yet.'] })
    expect(await world.ask('/readyz')).toMatchObject({
      status: 503,
      text: '[-] ready: The caches are not filled yet.\nfailed\n',
    })
    expect(await world.ask('/livez')).toMatchObject({ status: 200 })
  })

  test('is not ready when it is not alive', async () => {
    await using world = await start({ live: () => ['The loop stands still.'] })
    expect(await world.ask('/readyz')).toMatchObject({ status: 503 })
  })

  test('lists the checks when it is asked to', async () => {
    await using world = await start({ ready: () => ['no list', 'no lease'] })
    expect((await world.ask('/readyz?verbose')).text).toBe(
      '[+] live: ok\n[-] ready: no list\n[-] ready: no lease\nfailed\n',
    )
    expect((await world.ask('/livez?verbose')).text).toBe('[+] live: ok\nok\n')
  })

  test('reports a check that throws, and goes on', async () => {
    await using world = await start({
      live: () => {
        throw new Error('boom')
      },
    })
    expect(await world.ask('/livez')).toMatchObject({
      status: 503,
      text: '[-] live: The check itself failed: boom\nfailed\n',
    })
  })

  test('serves metrics with their content type, and 500 when they cannot be had', async () => {
    await using world = await start()
    const { status, headers, text } = await world.ask('/metrics')
    expect([status, headers.get('content-type'), text]).toEqual([
      200,
      'text/plain; version=0.0.4',
      'up 1\n',
    ])
    await using broken = await start({ metrics: () => Promise.reject(new Error('no')) })
    expect(await broken.ask('/metrics')).toMatchObject({ status: 500 })
  })

  test('survives requests that are none', async () => {
    await using world = await start()
    expect(await world.raw('GET // HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
      /404/,
    )
    expect(
      await world.raw('GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    ).toMatch(/^HTTP\/1\.1 40[04]/)
    expect(await world.raw('\u0000\u0001nonsense\r\n\r\n')).toMatch(/400/)
    expect(await world.ask('/livez', 'POST')).toMatchObject({ status: 405 })
    expect(await world.ask('/nothing')).toMatchObject({ status: 404 })
    expect(await world.ask('/livez', 'HEAD')).toMatchObject({ status: 200, text: '' })
  })

  test('fails to start on a port that is taken', async () => {
    await using world = await start()
    await expect(start({ port: world.server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  test('stops although a client keeps its connection, and can be stopped twice', async () => {
    const world = await start()
    await world.ask('/livez')
    await world.server.stop()
    await world.server.stop()
    await expect(world.ask('/livez')).rejects.toThrow()
  })
})
