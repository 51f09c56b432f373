// Finds promtool, which evaluates alerts as Prometheus does: the cache, a download, a build from the released Go module, in this
// order. Built without discovery of targets, which no alert asks for.
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  getFile,
  getText,
  goArchitecture,
  sumOf,
  unpack,
  withAgent,
} from '../control-plane/download.ts'
import { goBuild, requireGo, whileSaying } from '../control-plane/go-build.ts'
import { obtain } from '../control-plane/obtain.ts'
import type { Log } from '../control-plane/programs.ts'
import { prometheusVersion, promtoolEntry } from './programs.ts'

const modules = fileURLToPath(new URL('go/', import.meta.url))

/** The path of the program. */
export async function findPromtool(signal: AbortSignal, log: Log): Promise<string> {
  const entry = promtoolEntry()
  await obtain(
    signal,
    {
      what: 'promtool',
      entry,
      files: ['promtool'],
      ways: [
        { name: 'download of the released Prometheus', make: download },
        { name: 'build of promtool from its Go module', make: build },
      ],
      help: [
        'One of these helps: install Go 1.26 or newer (https://go.dev/dl) and allow its module proxy;',
        'or allow downloads from github.com.',
      ],
    },
    log,
  )
  return join(entry, 'promtool')
}

async function download(signal: AbortSignal, directory: string, log: Log): Promise<void> {
  const folder = `prometheus-${prometheusVersion}.${process.platform}-${goArchitecture()}`
  const archive = `${folder}.tar.gz`
  const release = `https://github.com/prometheus/prometheus/releases/download/v${prometheusVersion}`
  await withAgent(signal, async (from) => {
    const sum = sumOf(archive, await getText(from, `${release}/sha256sums.txt`))
    log('Downloading promtool.')
    await getFile(from, `${release}/${archive}`, join(directory, archive), sum)
    await unpack(signal, directory, archive, `${folder}/promtool`)
    await chmod(join(directory, 'promtool'), 0o755)
  })
}

async function build(signal: AbortSignal, directory: string, log: Log): Promise<void> {
  await requireGo(signal)
  log('Building promtool from its Go module: once, 2 to 4 minutes on 2 cores.')
  const took = await whileSaying('promtool', log, () =>
    goBuild(signal, {
      modules,
      path: 'github.com/prometheus/prometheus/cmd/promtool',
      output: join(directory, 'promtool'),
      tags: ['remove_all_sd'],
      set: { 'github.com/prometheus/common/version.Version': prometheusVersion },
    }),
  )
  log(`Built promtool in ${took}.`)
}
