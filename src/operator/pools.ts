// Keeps databases ready on each PostgreSQL server, by the replica that gives. Looking at a full pool is a look into memory:
// nothing is asked and nothing written (QUIET).

import { sleep } from '../runtime/index.ts'

export type PoolsOptions = {
  readonly servers: readonly string[]
  readonly gives: () => boolean
  /** Another replica fills them: what this one knew of them may be wrong. */
  readonly forget: () => void
  /** Until enough stand ready or there is no more room. */
  readonly fill: (signal: AbortSignal, server: string) => Promise<void>
  /** Told once until it works again: a customer who needs the server says more. */
  readonly onFailure: (server: string, error: unknown) => void
}

const everyMs = 2_000

/** Until the signal. */
export async function keepPools(signal: AbortSignal, options: PoolsOptions): Promise<void> {
  await Promise.all(options.servers.map((server) => keepPool(signal, server, options)))
}

async function keepPool(
  signal: AbortSignal,
  server: string,
  { gives, fill, forget, onFailure }: PoolsOptions,
): Promise<void> {
  let fails = false
  while (!signal.aborted) {
    await sleep(signal, everyMs).catch(() => {})
    if (signal.aborted) return
    if (!gives()) {
      forget()
      continue
    }
    try {
      await fill(signal, server)
      fails = false
    } catch (error) {
      if (!signal.aborted && !fails) onFailure(server, error)
      fails = true
    }
  }
}
