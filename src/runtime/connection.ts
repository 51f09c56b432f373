// The way to one API server: who we are, whom we trust, and the agent whose connections all calls
// and watches share. What is read from files is read again every minute, and at once when the
// server says 401 or shows a certificate that we cannot verify: both are how a rotation looks.
// HTTP/1.1 alone: one lost HTTP/2 connection would take every watch with it.

import type { Dispatcher } from 'undici'
import { Agent } from './agent.ts'
import { whileWaiting } from './sleep.ts'

export type Connection = {
  /** `https://host:port`, with a path where a proxy serves several clusters. */
  readonly server: string
  /** Of this moment; a rotation brings another one. Take it after `headers`. */
  readonly agent: Dispatcher
  /** What signs a call in. Reads the files again when the last reading is a minute old. */
  headers(signal: AbortSignal): Promise<Readonly<Record<string, string>>>
  /** Reads everything again now; true when anything changed, so that trying again makes sense. */
  renew(signal: AbortSignal): Promise<boolean>
  /** A call got no answer in time: idle connections may be dead, so the next call dials. */
  distrust(): void
  /** Cuts what is still open. */
  stop(): Promise<void>
}

export type Identity = {
  readonly headers: Readonly<Record<string, string>>
  readonly tls: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly servername?: string
  }
}

export type ConnectionOptions = {
  /** Connections at most, watches included. Default 128. */
  readonly connections?: number
  /** How old a reading of token and certificates may be, in ms. Default 60,000. */
  readonly rereadMs?: number
  /** How long a dial may take, in ms. Default 10,000. */
  readonly dialTimeoutMs?: number
  /** Files that could not be read again; the last reading stays in use. */
  readonly report?: (error: unknown) => void
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number
}

type Source = {
  readonly server: string
  readonly identify: (signal: AbortSignal) => Promise<Identity>
}

/** Less than the 90 s after which an API server closes an idle connection by itself. */
const keepAliveMs = 60_000
const distrustPauseMs = 5_000

export async function openConnection(
  signal: AbortSignal,
  { server, identify }: Source,
  options: ConnectionOptions = {},
): Promise<Connection> {
  const { rereadMs = 60_000, now = () => performance.now(), report = () => {} } = options
  const life = new AbortController()
  const former = new Set<Agent>()
  let identity = await identify(signal)
  let agent = newAgent(identity, options)
  let readAt = now()
  let reading: Promise<boolean> | undefined
  let distrustedAt = -Infinity

  const replaceAgent = () => {
    const old = agent
    agent = newAgent(identity, options)
    former.add(old)
    // Calls that are on their way end in peace; idle connections close now.
    void old.close().finally(() => former.delete(old))
  }
  const read = async (): Promise<boolean> => {
    const next = await identify(life.signal)
    const tlsChanged = JSON.stringify(next.tls) !== JSON.stringify(identity.tls)
    const changed = tlsChanged || JSON.stringify(next.headers) !== JSON.stringify(identity.headers)
    identity = next
    readAt = now()
    if (tlsChanged) replaceAgent()
    return changed
  }
  /** Many calls ask at once; one of them reads. */
  const readOnce = (): Promise<boolean> => {
    reading ??= read()
      .catch((error: unknown) => {
        if (!life.signal.aborted) report(error)
        return false
      })
      .finally(() => {
        reading = undefined
      })
    return reading
  }

  return {
    server,
    get agent() {
      return agent
    },
    async headers(signal) {
      if (now() - readAt >= rereadMs) await whileWaiting(signal, readOnce())
      return identity.headers
    },
    renew: (signal) => whileWaiting(signal, readOnce()),
    distrust() {
      if (now() - distrustedAt < distrustPauseMs) return
      distrustedAt = now()
      replaceAgent()
    },
    async stop() {
      life.abort(new Error('the connection was stopped'))
      await Promise.all([agent, ...former].map((each) => each.destroy()))
    },
  }
}

function newAgent({ tls }: Identity, options: ConnectionOptions): Agent {
  const { connections = 128, dialTimeoutMs = 10_000 } = options
  return new Agent({
    allowH2: false,
    connections,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    // Every call and every watch brings a deadline of its own.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { ...tls, allowH2: false, timeout: dialTimeoutMs, keepAliveInitialDelay: 15_000 },
  })
}
