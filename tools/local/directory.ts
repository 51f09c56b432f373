// .local/: what people on this machine need to reach the local platform, and what `down` needs to
// end it. Readable by its owner alone.
import { existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Platform } from './platform.ts'

export const localDirectory = resolve('.local')
export const kubeconfigFile = join(localDirectory, 'kubeconfig')
export const postgresUrlFile = join(localDirectory, 'postgres.url')
export const keeperFile = join(localDirectory, 'keeper.pid')

export async function publish({ plane, postgres }: Platform): Promise<void> {
  await mkdir(localDirectory, { recursive: true, mode: 0o700 })
  await copyFile(plane.kubeconfig, kubeconfigFile)
  if (postgres) await writeFile(postgresUrlFile, `${postgres.url}\n`, { mode: 0o600 })
}

/** The process that holds .local/: a keeper of `up`, or a demo. Nobody, if it is gone. */
export function holder(): number | undefined {
  if (!existsSync(keeperFile)) return undefined
  const pid = Number(readFileSync(keeperFile, 'utf8'))
  return isOurs(pid) ? pid : undefined
}

/** A recorded pid may be somebody else's process by now; its command line tells. */
function isOurs(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    return /tools\/(up|demo)\.ts/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  } catch {
    return true // no /proc here: it is alive, and that is all we can know
  }
}

export async function clear(): Promise<void> {
  await rm(localDirectory, { recursive: true, force: true })
}
