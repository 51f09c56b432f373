// Finds the control plane's programs: the cache, a download, a build, in this order.
// A way that cannot work says why in one line and the next is tried; when none is left the error lists them all.
import { build } from './build.ts'
import { fill, inspect } from './cache.ts'
import { download } from './download.ts'
import { withLock } from './lock.ts'
import { cacheEntry, messageOf, programNames, programsIn } from './programs.ts'
import type { Log, Programs } from './programs.ts'

type Way = {
  readonly name: string
  readonly make: (signal: AbortSignal, directory: string, log: Log) => Promise<void>
}

const ways: readonly Way[] = [
  { name: 'download of the released programs', make: download },
  { name: 'build from the Go modules', make: build },
]

export async function findControlPlane(signal: AbortSignal, log: Log): Promise<Programs> {
  const entry = cacheEntry()
  const cached = programsIn(entry)
  // No lock for reading: an entry appears by rename, whole.
  if ((await inspect(entry, programNames)).state === 'whole') return cached
  return withLock(
    signal,
    `${entry}.lock`,
    async () => {
      const tried: string[] = []
      const verdict = await inspect(entry, programNames) // another run may have filled it meanwhile
      if (verdict.state === 'whole') return cached
      if (verdict.state === 'damaged') log(`The cached control plane is made anew: ${verdict.why}.`)
      tried.push(`cache: ${verdict.state === 'damaged' ? verdict.why : `nothing in ${entry}`}`)

      for (const way of ways) {
        try {
          await fill(entry, programNames, (directory) => way.make(signal, directory, log))
          return cached
        } catch (error) {
          signal.throwIfAborted() // stopping is no failure of this way
          tried.push(`${way.name}: ${messageOf(error)}`)
          log(`No ${way.name}: ${messageOf(error)}.`)
        }
      }
      throw nothingWorked(tried)
    },
    { onWait: (holder) => log(`Waiting for ${holder}, which is fetching the control plane.`) },
  )
}

function nothingWorked(tried: readonly string[]): Error {
  return new Error(
    [
      'No Kubernetes control plane can be started here. Tried, in this order:',
      ...tried.map((line) => `  - ${line}`),
      'One of these helps: install Go 1.26 or newer (https://go.dev/dl) and allow its module proxy;',
      'or allow downloads from dl.k8s.io and github.com.',
    ].join('\n'),
  )
}
