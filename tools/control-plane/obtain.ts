// Programs that this machine does not have yet: the cache, then one way after the other.
// A way that cannot work says why in one line and the next is tried; when none is left the error lists them all.
import { fill, inspect } from './cache.ts'
import { withLock } from './lock.ts'
import { messageOf, type Log } from './programs.ts'

export type Way = {
  readonly name: string
  readonly make: (signal: AbortSignal, directory: string, log: Log) => Promise<void>
}

export type Wanted = {
  /** As a sentence names it: `the control plane`. */
  readonly what: string
  /** The cache's directory for it. */
  readonly entry: string
  readonly files: readonly string[]
  readonly ways: readonly Way[]
  /** What to do when no way works. */
  readonly help: readonly string[]
}

/** Resolves once the entry holds all files; another process may be the one that fills it. */
export async function obtain(
  signal: AbortSignal,
  { what, entry, files, ways, help }: Wanted,
  log: Log,
): Promise<void> {
  // No lock for reading: an entry appears by rename, whole.
  if ((await inspect(entry, files)).state === 'whole') return
  await withLock(
    signal,
    `${entry}.lock`,
    async () => {
      const verdict = await inspect(entry, files) // another run may have filled it meanwhile
      if (verdict.state === 'whole') return
      if (verdict.state === 'damaged') log(`Making ${what} anew: ${verdict.why}.`)
      const tried = [`cache: ${verdict.state === 'damaged' ? verdict.why : `nothing in ${entry}`}`]
      for (const way of ways) {
        try {
          await fill(entry, files, (directory) => way.make(signal, directory, log))
          return
        } catch (error) {
          signal.throwIfAborted() // stopping is no failure of this way
          tried.push(`${way.name}: ${messageOf(error)}`)
          log(`No ${way.name}: ${messageOf(error)}.`)
        }
      }
      const lines = tried.map((line) => `  - ${line}`)
      throw new Error(
        [`There is no way to get ${what} here. Tried, in this order:`, ...lines, ...help].join(
          '\n',
        ),
      )
    },
    { onWait: (holder) => log(`Waiting for ${holder}, which is fetching ${what}.`) },
  )
}
