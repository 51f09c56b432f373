// Downloads the released programs and checks each against the checksum that is published beside it.
// Without a network this fails within seconds: the next way is waiting.
import { createWriteStream } from 'node:fs'
import { chmod, mkdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EnvHttpProxyAgent, fetch, type Dispatcher } from 'undici'
import { sha256Of } from './cache.ts'
import { runCommand } from './command.ts'
import { etcdVersion, kubernetesVersion, messageOf, type Log } from './programs.ts'

const kubernetesPrograms = ['kube-apiserver', 'kube-controller-manager', 'kubectl'] as const
const patienceMs = 5_000
const silentBodyMs = 30_000

/** Where the releases are published. Tests name another place. */
export type Sources = { readonly kubernetes: string; readonly etcd: string }

const released: Sources = {
  kubernetes: `https://dl.k8s.io/release/${kubernetesVersion}/bin`,
  etcd: `https://github.com/etcd-io/etcd/releases/download/${etcdVersion}`,
}

export async function download(
  signal: AbortSignal,
  directory: string,
  log: Log,
  sources: Sources = released,
): Promise<void> {
  // The servers of Kubernetes are released for Linux only.
  if (process.platform !== 'linux') throw new Error(`nothing is released for ${process.platform}`)
  await withAgent(signal, (from) => fetchAll(from, directory, log, sources))
}

/** Everything fetched in `work` goes through one agent, which knows this machine's proxy. */
export async function withAgent(
  signal: AbortSignal,
  work: (from: From) => Promise<void>,
): Promise<void> {
  const agent = new EnvHttpProxyAgent({
    connect: { timeout: patienceMs },
    headersTimeout: patienceMs,
    bodyTimeout: silentBodyMs,
  })
  try {
    await work({ signal, agent })
  } finally {
    await agent.destroy()
  }
}

async function fetchAll(from: From, directory: string, log: Log, sources: Sources): Promise<void> {
  const architecture = goArchitecture()
  // The small checksums first: without a network nothing has begun yet.
  const kubernetes = `${sources.kubernetes}/linux/${architecture}`
  const sums = new Map<string, string>()
  for (const program of kubernetesPrograms) {
    sums.set(program, firstWord(await getText(from, `${kubernetes}/${program}.sha256`)))
  }
  const archive = `etcd-${etcdVersion}-linux-${architecture}.tar.gz`
  sums.set(archive, sumOf(archive, await getText(from, `${sources.etcd}/SHA256SUMS`)))

  log('Downloading the control plane (about 330 MB).')
  await mkdir(directory, { recursive: true })
  for (const program of kubernetesPrograms) {
    log(`  ${program}`)
    await getFile(from, `${kubernetes}/${program}`, join(directory, program), sums.get(program))
    await chmod(join(directory, program), 0o755)
  }
  log('  etcd')
  await getFile(from, `${sources.etcd}/${archive}`, join(directory, archive), sums.get(archive))
  await unpack(from.signal, directory, archive, `${archive.replace('.tar.gz', '')}/etcd`)
}

export type From = { readonly signal: AbortSignal; readonly agent: Dispatcher }

export async function getText(from: From, url: string): Promise<string> {
  const response = await get(from, url)
  return response.text()
}

export async function getFile(
  from: From,
  url: string,
  file: string,
  expected: string | undefined,
): Promise<void> {
  const { body } = await get(from, url)
  if (!body) throw new Error(`${url} is empty`)
  await pipeline(Readable.fromWeb(body), createWriteStream(file), { signal: from.signal })
  if ((await sha256Of(file)) !== expected) {
    throw new Error(`${url} does not have the published checksum`)
  }
}

async function get({ signal, agent }: From, url: string) {
  let response
  try {
    response = await fetch(url, { signal, dispatcher: agent })
  } catch (error) {
    // fetch itself says only "fetch failed"; what happened is in the cause
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    throw new Error(`${new URL(url).host} cannot be reached (${messageOf(cause)})`, {
      cause: error,
    })
  }
  if (!response.ok) throw new Error(`${url} answers ${response.status}`)
  return response
}

/** Takes one file out of an archive and leaves nothing else of it. */
export async function unpack(
  signal: AbortSignal,
  directory: string,
  archive: string,
  file: string,
): Promise<void> {
  const { code, stderr } = await runCommand(signal, 'tar', ['-xzf', archive, file], {
    cwd: directory,
  })
  if (code !== 0) throw new Error(`tar cannot unpack ${archive}: ${stderr.trim()}`)
  await rename(join(directory, file), join(directory, basename(file)))
  await rm(join(directory, dirname(file)), { recursive: true })
  await rm(join(directory, archive))
}

/** This machine's, as releases of Go programs name it. */
export function goArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch
}

export function sumOf(file: string, sums: string): string {
  const line = sums.split('\n').find((entry) => entry.trim().endsWith(` ${file}`))
  if (line === undefined) throw new Error(`the published checksums do not list ${file}`)
  return firstWord(line)
}

export function firstWord(text: string): string {
  const [word = ''] = text.trim().split(/\s+/)
  if (!/^[0-9a-f]{64}$/.test(word)) throw new Error('a published checksum is not a SHA-256')
  return word
}
