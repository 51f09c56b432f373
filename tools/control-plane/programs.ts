// Which programs make up the control plane, in which versions, and where the cache keeps them.
import { homedir } from 'node:os'
import { join } from 'node:path'

export const kubernetesVersion = 'v1.36.3'
export const etcdVersion = 'v3.6.8'

export const programNames = [
  'kube-apiserver',
  'kube-controller-manager',
  'etcd',
  'kubectl',
] as const

export type ProgramName = (typeof programNames)[number]

/** The path of each program. */
export type Programs = Readonly<Record<ProgramName, string>>

/** Says one line to whoever waits: what is being done, or why a way does not work. */
export type Log = (line: string) => void

export function programsIn(directory: string): Programs {
  return {
    'kube-apiserver': join(directory, 'kube-apiserver'),
    'kube-controller-manager': join(directory, 'kube-controller-manager'),
    etcd: join(directory, 'etcd'),
    kubectl: join(directory, 'kubectl'),
  }
}

export function cacheRoot(): string {
  return process.env['TENANTRY_CACHE'] ?? join(homedir(), '.cache', 'tenantry')
}

/** Both versions are in the name: an entry is never changed, a new version is a new entry. */
export function cacheEntry(): string {
  const platform = `${process.platform}-${process.arch}`
  return join(cacheRoot(), 'controlplane', `${kubernetesVersion}-etcd-${etcdVersion}-${platform}`)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
