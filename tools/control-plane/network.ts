// Free ports, and waiting until a server says that it is ready.
import { createServer } from 'node:net'
import { request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from './servers.ts'

const patienceMs = 60_000
const pollMs = 50

/** All are held open until all are known: two cannot be the same. */
export async function freePorts(count: 4): Promise<[number, number, number, number]>
export async function freePorts(count: 1): Promise<[number]>
export async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(Array.from({ length: count }, hold))
  await Promise.all(held.map(({ release }) => release()))
  return held.map(({ port }) => port)
}

type Held = { readonly port: number; readonly release: () => Promise<void> }

function hold(): Promise<Held> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (typeof address !== 'object' || address === null) {
        reject(new Error('A socket on 127.0.0.1 has no port.'))
        return
      }
      const release = (): Promise<void> => new Promise((done) => server.close(() => done()))
      resolve({ port: address.port, release })
    })
  })
}

export type Waited = {
  readonly url: string
  readonly ca: string
  /** When one of them ends, waiting ends, with its last words. */
  readonly servers: readonly Server[]
}

export async function untilReady(signal: AbortSignal, { url, ca, servers }: Waited): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await answersOk(signal, url, ca))) {
    for (const server of servers) {
      if (server.exit()) throw new Error(`${server.name} ended:\n${server.lastLines(8)}`)
    }
    if (performance.now() > deadline) {
      const words = servers.map((server) => `${server.name}: ${server.lastLines(4)}`).join('\n')
      throw new Error(`${url} was not ready within ${patienceMs / 1000} s.\n${words}`)
    }
    await sleep(pollMs, undefined, { signal })
  }
}

function answersOk(signal: AbortSignal, url: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(url, { ca, signal, agent: false, timeout: 2_000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(false))
    asked.end()
  })
}
