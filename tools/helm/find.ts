// Finds Helm: the cache, a download, a build from the released Go module, in this order.
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  firstWord,
  getFile,
  getText,
  goArchitecture,
  unpack,
  withAgent,
} from '../control-plane/download.ts'
import { goBuild, requireGo, whileSaying } from '../control-plane/go-build.ts'
import { obtain } from '../control-plane/obtain.ts'
import type { Log } from '../control-plane/programs.ts'
import { helmEntry, helmVersion } from './programs.ts'

const modules = fileURLToPath(new URL('go/', import.meta.url))

/** The path of the program. */
export async function findHelm(signal: AbortSignal, log: Log): Promise<string> {
  const entry = helmEntry()
  await obtain(
    signal,
    {
      what: 'Helm',
      entry,
      files: ['helm'],
      ways: [
        { name: 'download of the released Helm', make: download },
        { name: 'build of Helm from its Go module', make: build },
      ],
      help: [
        'One of these helps: install Go 1.26 or newer (https://go.dev/dl) and allow its module proxy;',
        'or allow downloads from get.helm.sh.',
      ],
    },
    log,
  )
  return join(entry, 'helm')
}

async function download(signal: AbortSignal, directory: string, log: Log): Promise<void> {
  const platform = `${process.platform}-${goArchitecture()}`
  const archive = `helm-${helmVersion}-${platform}.tar.gz`
  const url = `https://get.helm.sh/${archive}`
  await withAgent(signal, async (from) => {
    const sum = firstWord(await getText(from, `${url}.sha256sum`))
    log('Downloading Helm.')
    await getFile(from, url, join(directory, archive), sum)
    await unpack(signal, directory, archive, `${platform}/helm`)
    await chmod(join(directory, 'helm'), 0o755)
  })
}

async function build(signal: AbortSignal, directory: string, log: Log): Promise<void> {
  await requireGo(signal)
  log('Building Helm from its Go module: once, 2 to 4 minutes on 2 cores.')
  const took = await whileSaying('Helm', log, () =>
    goBuild(signal, {
      modules,
      path: 'helm.sh/helm/v4/cmd/helm',
      output: join(directory, 'helm'),
      set: { 'helm.sh/helm/v4/internal/version.version': helmVersion },
    }),
  )
  log(`Built Helm in ${took}.`)
}
