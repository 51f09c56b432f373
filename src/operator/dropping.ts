// Asks now and then whether the time of a retained database is over. Only the replica that gives asks; what is dropped, and what
// is not and why, goes into the log.

import { sleep } from '../runtime/index.ts'

type Dropped = { readonly id: string; readonly customerName: string }

export type DroppingOptions = {
  readonly everyMs: number
  readonly gives: () => boolean
  readonly dropDue: (signal: AbortSignal) => Promise<{
    readonly dropped: readonly Dropped[]
    readonly refused: readonly { readonly id: string; readonly error: unknown }[]
  }>
  readonly onDropped: (database: Dropped) => void
  /** Once for each; without an id it was not even possible to ask. */
  readonly onRefused: (id: string | undefined, error: unknown) => void
}

/** Until the signal. */
export async function dropNowAndThen(
  signal: AbortSignal,
  { everyMs, gives, dropDue, onDropped, onRefused }: DroppingOptions,
): Promise<void> {
  const told = new Set<string>()
  while (!signal.aborted) {
    await sleep(signal, everyMs).catch(() => {})
    if (signal.aborted || !gives()) continue
    try {
      const { dropped, refused } = await dropDue(signal)
      for (const each of dropped) onDropped(each)
      for (const { id, error } of refused) {
        if (!told.has(id)) onRefused(id, error)
        told.add(id)
      }
    } catch (error) {
      if (!signal.aborted) onRefused(undefined, error)
    }
  }
}
