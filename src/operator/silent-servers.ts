// Servers that do not answer are asked again and again: whoever waits for one is woken by its first answer, and need not find out
// by trying, since tries that fail come ever more seldom. No customer's run hangs on a server that stays away.

import { sleep } from '../runtime/index.ts'

export type SilentServersOptions = {
  readonly servers: readonly string[]
  readonly isSilent: (server: string) => boolean
  /** Throws while there is no answer. */
  readonly ask: (signal: AbortSignal, server: string) => Promise<void>
  /** In ms. Default 1,000; the breaker of each server lets fewer through. */
  readonly everyMs?: number
}

/** Until the signal. */
export async function askSilent(
  signal: AbortSignal,
  { servers, isSilent, ask, everyMs = 1_000 }: SilentServersOptions,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(signal, everyMs).catch(() => {})
    if (signal.aborted) return
    // What they throw is no news: it is why they are asked.
    await Promise.allSettled(servers.filter(isSilent).map((server) => ask(signal, server)))
  }
}
