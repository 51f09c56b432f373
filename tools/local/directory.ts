// .local/: what people on this machine need to reach the local platform, and what `down` needs to
// end it. Readable by its owner alone.
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

export async function clear(): Promise<void> {
  await rm(localDirectory, { recursive: true, force: true })
}
