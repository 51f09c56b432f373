// Looks at each PostgreSQL server now and then: two queries, no write (QUIET). What differs from
// what was last proven is forgotten as proven, so that the customer's next run repairs and proves
// it anew.

import type { Observation } from '../databases/observation.ts'
import { sleep } from '../runtime/index.ts'

export type DriftOptions = {
  readonly servers: readonly string[]
  readonly everyMs: number
  /** Only the replica that gives looks: the others could not repair. */
  readonly gives: () => boolean
  readonly observe: (
    signal: AbortSignal,
    server: string,
  ) => Promise<Pick<Observation, 'customers' | 'people'>>
  /** Of customers that no longer exist, whose people may still sign in: gone by force, or lost by a restore. */
  readonly isKnown: (customerUid: string) => boolean
  readonly endPeople: (signal: AbortSignal, server: string, customerUid: string) => Promise<void>
  readonly onDrift: (customerUid: string, differences: readonly string[]) => void
  /** How far the server's clock is ahead of ours, in ms, as far as it counts. */
  readonly skewMs: (server: string) => number
  /** It counts for something else now: ends that the server was told are to be told anew. */
  readonly onSkew: (server: string, skewMs: number) => void
  readonly onFailure: (server: string, error: unknown) => void
}

/** Until the signal. Whoever just began to give waits one interval: its own runs prove everything. */
export function startDrift(signal: AbortSignal, options: DriftOptions): Drift {
  const { servers, everyMs, gives } = options
  let waking = new AbortController()
  const skews = new Map<string, number>()
  async function watch(): Promise<void> {
    while (!signal.aborted) {
      await sleep(AbortSignal.any([signal, waking.signal]), everyMs).catch(() => {})
      waking = new AbortController()
      if (signal.aborted || !gives()) continue
      await Promise.all(servers.map((server) => lookAt(signal, server, skews, options)))
    }
  }
  return { lookNow: () => waking.abort(), stopped: watch() }
}

export type Drift = { readonly lookNow: () => void; readonly stopped: Promise<void> }

async function lookAt(
  signal: AbortSignal,
  server: string,
  skews: Map<string, number>,
  { observe, isKnown, endPeople, onDrift, skewMs, onSkew, onFailure }: DriftOptions,
): Promise<void> {
  try {
    const { customers, people } = await observe(signal, server)
    const skew = skewMs(server)
    if (skew !== (skews.get(server) ?? 0)) onSkew(server, skew)
    skews.set(server, skew)
    for (const [uid, differences] of customers) {
      if (differences.length > 0) onDrift(uid, differences)
    }
    for (const uid of people.keys()) {
      if (!isKnown(uid)) await endPeople(signal, server, uid)
    }
  } catch (error) {
    if (!signal.aborted) onFailure(server, error)
  }
}
