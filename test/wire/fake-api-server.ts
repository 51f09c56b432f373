// An API server of one kind, on real TLS and HTTP/1.1, that can be told to misbehave. It keeps a
// history, so that a watch resumes as on etcd, and counts what clients are afraid to count:
// sockets, watches, requests.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { createAuthority, type Authority } from '../../tools/control-plane/certificates.ts'
import type { KubeObject } from '../../src/runtime/index.ts'

export type Widget = KubeObject & { readonly spec?: Readonly<Record<string, unknown>> }

export type Asked = {
  readonly kind: 'list' | 'watch' | 'call'
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Takes the place of the usual answer; `proceed` gives it after all. */
export type Script = (response: ServerResponse, asked: Asked, proceed: () => void) => void

type Told = { readonly type: string; readonly version: number; readonly object: Widget }

/** Made once per test file: keys cost milliseconds. */
export const authority = createAuthority('fake-cluster', new Date())

export class FakeApiServer {
  readonly asked: Asked[] = []
  readonly sockets = new Set<Socket>()
  readonly watches = new Set<ServerResponse>()
  readonly protocols = new Set<string | false | null>()
  dials = 0
  token = 'token-1'
  /** Added to each answer of a server whose clock is wrong, in ms. */
  clockAheadMs = 0
  readonly #tls = new Set<Socket>()
  readonly #frozen = new WeakSet<Socket>()
  #server: Server
  #port = 0
  #authority: Authority = authority
  #version = 1_000
  #uids = 0
  #compacted = 0
  readonly #objects = new Map<string, Widget>()
  readonly #history: Told[] = []
  readonly #scripts: { readonly kind: Asked['kind']; readonly script: Script }[] = []
  readonly #snapshots = new Map<string, readonly Widget[]>()

  constructor() {
    this.#server = this.#newServer()
  }

  get port(): number {
    return this.#port
  }

  get version(): string {
    return String(this.#version)
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#port, '127.0.0.1', resolve)
    })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Cuts every connection, as a killed process does. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.reset()
    await closed
  }

  /** The same port, perhaps with a certificate of another authority. */
  async restart(other: Authority = this.#authority): Promise<void> {
    await this.stop()
    this.#authority = other
    this.#server = this.#newServer()
    await this.start()
  }

  /** RST to everybody. */
  reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy()
  }

  // ---- objects ----

  put(name: string, spec: Record<string, unknown> = {}, namespace = 'default'): Widget {
    const key = `${namespace}/${name}`
    const before = this.#objects.get(key)
    const object: Widget = {
      apiVersion: 'example.dev/v1',
      kind: 'Widget',
      metadata: {
        name,
        namespace,
        uid: before?.metadata.uid ?? `uid-${++this.#uids}`,
        resourceVersion: String(++this.#version),
      },
      spec,
    }
    this.#objects.set(key, object)
    this.#tell(before ? 'MODIFIED' : 'ADDED', object)
    return object
  }

  remove(name: string, namespace = 'default'): void {
    const before = this.#objects.get(`${namespace}/${name}`)
    if (!before) throw new Error(`no ${name}`)
    this.#objects.delete(`${namespace}/${name}`)
    const metadata = { ...before.metadata, resourceVersion: String(++this.#version) }
    this.#tell('DELETED', { ...before, metadata })
  }

  /** A change that the open watches are not told; whoever resumes hears of it. */
  unheard<T>(change: () => T): T {
    const watches = [...this.watches]
    this.watches.clear()
    const made = change()
    for (const watch of watches) this.watches.add(watch)
    return made
  }

  /** A change that no watch is told, not even one that resumes: what a broken cache does. */
  swallow(change: () => void): void {
    const told = this.#history.length
    this.unheard(change)
    this.#history.length = told
  }

  /** Counts from `version` on again, as after a restore from a backup. */
  restoreTo(version: number): void {
    this.#version = version
    this.#history.length = 0
  }

  /** Forgets the history: whoever resumes from before now gets 410. */
  compact(): void {
    this.#compacted = this.#version
    this.#history.length = 0
    this.#snapshots.clear()
  }

  bookmark(): void {
    this.write(
      `${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'Widget', apiVersion: 'example.dev/v1', metadata: { resourceVersion: String(++this.#version) } } })}\n`,
    )
  }

  names(): string[] {
    return [...this.#objects.values()].map(({ metadata }) => metadata.name).sort()
  }

  /** What a fresh list would say, in short. */
  picture(): string[] {
    return [...this.#objects.values()]
      .map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`)
      .sort()
  }

  // ---- misbehaviour ----

  /** For the next request of the kind; several stand in line. */
  next(kind: Asked['kind'], script: Script): void {
    this.#scripts.push({ kind, script })
  }

  /** Raw bytes to every open watch. */
  write(bytes: string | Buffer): void {
    for (const watch of this.watches) watch.write(bytes)
  }

  event(type: string, object: unknown): void {
    this.write(`${JSON.stringify({ type, object })}\n`)
  }

  /** Every connection of now stays open and is never answered again. */
  freeze(): void {
    for (const socket of this.#tls) this.#frozen.add(socket)
    this.watches.clear()
  }

  endWatches(): void {
    for (const watch of this.watches) watch.end()
    this.watches.clear()
  }

  count(kind: Asked['kind']): number {
    return this.asked.filter((each) => each.kind === kind).length
  }

  // ---- the inside ----

  #newServer(): Server {
    const { certificate, key } = this.#authority.issueServer('fake', ['127.0.0.1', 'localhost'])
    const server = createServer(
      // It would rather speak h2, as a real one: clients must not.
      { cert: certificate, key, ALPNProtocols: ['h2', 'http/1.1'], keepAliveTimeout: 90_000 },
      (request, response) => this.#serve(request, response),
    )
    server.on('secureConnection', (socket: TLSSocket) => {
      this.dials++
      this.protocols.add(socket.alpnProtocol)
      this.#tls.add(socket)
      socket.on('close', () => this.#tls.delete(socket))
    })
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
      socket.on('error', () => socket.destroy()) // clients that abort reset; that is no failure here
    })
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    return server
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (this.#frozen.has(request.socket)) return
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => response.destroy())
    response.on('error', () => response.destroy())
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'https://fake')
      const isCollection = request.method === 'GET' && url.pathname.endsWith('/widgets')
      const asked: Asked = {
        kind: !isCollection ? 'call' : url.searchParams.has('watch') ? 'watch' : 'list',
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      }
      this.asked.push(asked)
      response.setHeader('date', new Date(Date.now() + this.clockAheadMs).toUTCString())
      const scripted = this.#scripts.findIndex(({ kind }) => kind === asked.kind)
      const proceed = () => this.#answer(response, asked)
      if (scripted < 0) proceed()
      else this.#scripts.splice(scripted, 1)[0]?.script(response, asked, proceed)
    })
  }

  #answer(response: ServerResponse, asked: Asked): void {
    if (asked.headers.authorization !== `Bearer ${this.token}`) {
      return answer(response, 401, status(401, 'Unauthorized'))
    }
    if (asked.kind === 'list') return this.#list(response, asked)
    if (asked.kind === 'watch') return this.#watch(response, asked)
    if (asked.path === '/version') return answer(response, 200, { gitVersion: 'v1.36.3' })
    this.#call(response, asked)
  }

  #list(response: ServerResponse, { query }: Asked): void {
    const limit = Number(query.get('limit') ?? 500)
    const [version = '', from = '0'] = (query.get('continue') ?? `${this.#version}:0`).split(':')
    if (!query.has('continue')) this.#snapshots.set(version, [...this.#objects.values()])
    const snapshot = this.#snapshots.get(version)
    if (!snapshot) return answer(response, 410, status(410, 'Expired'))
    const end = Number(from) + limit
    answer(response, 200, {
      kind: 'WidgetList',
      apiVersion: 'example.dev/v1',
      metadata: {
        resourceVersion: version,
        ...(end < snapshot.length ? { continue: `${version}:${end}` } : {}),
      },
      // As a real one does for its own kinds: what the list says once, its items do not repeat.
      items: snapshot.slice(Number(from), end).map(({ metadata, spec }) => ({ metadata, spec })),
    })
  }

  #watch(response: ServerResponse, { query }: Asked): void {
    const from = Number(query.get('resourceVersion'))
    if (from < this.#compacted) return answer(response, 410, status(410, 'Expired'))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    for (const { type, version, object } of this.#history) {
      if (version > from) response.write(`${JSON.stringify({ type, object })}\n`)
    }
    this.watches.add(response)
    response.on('close', () => this.watches.delete(response))
  }

  #call(response: ServerResponse, { method, path, body }: Asked): void {
    const name = decodeURIComponent(path.split('/').at(-1) ?? '')
    const found = this.#objects.get(`default/${name}`)
    if (method === 'POST') {
      const { metadata, spec }: Widget = JSON.parse(body)
      return answer(response, 201, this.put(metadata.name, { ...spec }))
    }
    if (method === 'PATCH' || method === 'PUT') {
      const { spec }: Widget = JSON.parse(body)
      return answer(response, 200, this.put(name, { ...spec }))
    }
    if (!found) return answer(response, 404, status(404, 'NotFound'))
    if (method !== 'DELETE') return answer(response, 200, found)
    this.remove(name)
    answer(response, 200, { kind: 'Status', apiVersion: 'v1', status: 'Success' })
  }

  #tell(type: string, object: Widget): void {
    this.#history.push({ type, version: this.#version, object })
    this.event(type, object)
  }
}

export function answer(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

export function status(code: number, reason: string, details?: object) {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason,
    message: `refused by the script: ${reason}`,
    ...(details ? { details } : {}),
  }
}
