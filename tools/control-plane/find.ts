// Finds the control plane's programs: the cache, a download, a build, in this order.
import { build } from './build.ts'
import { download } from './download.ts'
import { obtain } from './obtain.ts'
import { cacheEntry, programNames, programsIn } from './programs.ts'
import type { Log, Programs } from './programs.ts'

export async function findControlPlane(signal: AbortSignal, log: Log): Promise<Programs> {
  const entry = cacheEntry()
  await obtain(
    signal,
    {
      what: 'the control plane',
      entry,
      files: programNames,
      ways: [
        { name: 'download of the released programs', make: download },
        { name: 'build from the Go modules', make: build },
      ],
      help: [
        'One of these helps: install Go 1.26 or newer (https://go.dev/dl) and allow its module proxy;',
        'or allow downloads from dl.k8s.io and github.com.',
      ],
    },
    log,
  )
  return programsIn(entry)
}
