// A fake API server and a client, a store and a reflector on it, as fast as tests want them. Leaving
// the block stops everything and fails when a watch or a socket is still open.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import {
  Client,
  connectInCluster,
  Reflector,
  Store,
  type Change,
  type ClientOptions,
  type Connection,
  type ConnectionOptions,
  type Problem,
  type ReflectorOptions,
  type RequestMetric,
  type ResourceOf,
  type StoreOptions,
} from '../../src/runtime/index.ts'
import { authority, FakeApiServer, type Widget } from './fake-api-server.ts'

export const widgets: ResourceOf<Widget> = {
  group: 'example.dev',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
}

export type WorldOptions = {
  readonly client?: ClientOptions
  readonly connection?: ConnectionOptions
  readonly reflector?: ReflectorOptions
  readonly store?: StoreOptions<Widget>
  /** Run before the first request. */
  readonly prepare?: (server: FakeApiServer) => void
  /** Default true: begins only once the list is there and the watch is open. */
  readonly synced?: boolean
}

export type World = AsyncDisposable & {
  readonly server: FakeApiServer
  readonly connection: Connection
  readonly client: Client
  readonly store: Store<Widget>
  readonly reflector: Reflector<Widget>
  readonly problems: Problem[]
  readonly missed: number[]
  readonly changes: Change<Widget>[]
  readonly requests: RequestMetric[]
  readonly signal: AbortSignal
  /** Where the token and the CA are, as in a pod. */
  readonly directory: string
  names(): string[]
  /** Store and server agree, by name, uid and version. */
  agrees(): Promise<void>
  stop(): Promise<void>
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const server = new FakeApiServer()
  await server.start()
  options.prepare?.(server)
  const directory = await mkdtemp(join(tmpdir(), 'wire-'))
  await writeFile(join(directory, 'token'), `${server.token}\n`)
  await writeFile(join(directory, 'ca.crt'), authority.certificate)
  const life = new AbortController()
  const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(server.port) }
  const connection = await connectInCluster(life.signal, {
    env,
    directory,
    ...options.connection,
  })
  const problems: Problem[] = []
  const missed: number[] = []
  const changes: Change<Widget>[] = []
  const requests: RequestMetric[] = []
  const client = new Client(connection, {
    userAgent: 'wire-test/1',
    timeoutMs: 500,
    listTimeoutMs: 1_000,
    onRequest: (request) => requests.push(request),
    ...options.client,
  })
  const store = new Store(widgets, { freeze: true, ...options.store })
  store.onChange((change) => changes.push(change))
  const reflector = new Reflector(client, store, {
    backoff: { firstMs: 4, maxMs: 40 },
    idleMs: 2_000,
    shortMs: 10,
    report: (problem) => problems.push(problem),
    onMissed: (count) => missed.push(count),
    ...options.reflector,
  })
  const running = reflector.run(life.signal)
  const stop = async () => {
    life.abort(new Error('the test is over'))
    await running
  }
  if (options.synced !== false) {
    await reflector.whenSynced(AbortSignal.timeout(5_000))
    await eventually(() => expect(server.watches.size).toBe(1))
  }
  return {
    server,
    connection,
    client,
    store,
    reflector,
    problems,
    missed,
    changes,
    requests,
    signal: life.signal,
    directory,
    names: () =>
      store
        .list()
        .map(({ metadata }) => metadata.name)
        .sort(),
    agrees: () => eventually(() => expect(picture(store)).toEqual(server.picture())),
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
      await eventually(() => expect(server.watches.size, 'watches left open').toBe(0))
      await connection.stop()
      await eventually(() => expect(server.sockets.size, 'sockets left open').toBe(0))
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Asks again every few milliseconds until it holds. */
export function eventually(assertion: () => void): Promise<void> {
  return vi.waitFor(assertion, { interval: 5, timeout: 5_000 })
}

function picture(store: Store<Widget>): string[] {
  return store
    .list()
    .map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`)
    .sort()
}
