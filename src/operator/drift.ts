// Looks at each PostgreSQL server now and then: two queries, no write (QUIET). What differs from
// what was last proven is forgotten as proven, so that the customer's next run repairs and proves
// it anew.

import { sleep } from '../runtime/index.ts'

export type DriftOptions = {
  readonly servers: readonly string[]
  readonly everyMs: number
  /** Only the replica that gives looks: the others could not repair. */
  readonly gives: () => boolean
  readonly observe: (
    signal: AbortSignal,
    server: string,
  ) => Promise<{ readonly customers: ReadonlyMap<string, readonly string[]> }>
  readonly onDrift: (customerUid: string, differences: readonly string[]) => void
  readonly onFailure: (server: string, error: unknown) => void
}

/** Until the signal. Whoever just began to give waits one interval: its own runs prove everything. */
export async function watchDrift(signal: AbortSignal, options: DriftOptions): Promise<void> {
  const { servers, everyMs, gives } = options
  while (!signal.aborted) {
    await sleep(signal, everyMs).catch(() => {})
    if (signal.aborted || !gives()) continue
    await Promise.all(servers.map((server) => lookAt(signal, server, options)))
  }
}

async function lookAt(
  signal: AbortSignal,
  server: string,
  { observe, onDrift, onFailure }: DriftOptions,
): Promise<void> {
  try {
    const { customers } = await observe(signal, server)
    for (const [uid, differences] of customers) {
      if (differences.length > 0) onDrift(uid, differences)
    }
  } catch (error) {
    if (!signal.aborted) onFailure(server, error)
  }
}
