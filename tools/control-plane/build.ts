// Builds the programs from the released Go modules. The versions are pinned by go/go.mod and go/go.sum beside this file.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { elapsed, goBuild, requireGo, whileSaying } from './go-build.ts'
import { kubernetesVersion, type Log, type ProgramName } from './programs.ts'

const modules = fileURLToPath(new URL('go/', import.meta.url))

/** The API server first: it compiles most of what the others share. */
const packages: readonly { readonly program: ProgramName; readonly path: string }[] = [
  { program: 'kube-apiserver', path: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  { program: 'kube-controller-manager', path: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
  { program: 'etcd', path: 'go.etcd.io/etcd/server/v3' },
  { program: 'kubectl', path: 'k8s.io/kubernetes/cmd/kubectl' },
]

/** Writes all programs into the directory, or throws one line that says why that cannot be. */
export async function build(signal: AbortSignal, directory: string, log: Log): Promise<void> {
  await requireGo(signal)
  log('Building the control plane from its Go modules: once, 8 to 10 minutes on 2 cores.')
  const startedMs = performance.now()
  for (const [index, { program, path }] of packages.entries()) {
    await whileSaying(`${program} (${index + 1} of ${packages.length})`, log, () =>
      goBuild(signal, { modules, path, output: join(directory, program), set: version() }),
    )
  }
  log(`Built in ${elapsed(startedMs)}.`)
}

/** What `kubectl version` and the server's /version tell comes from these variables. */
function version(): Readonly<Record<string, string>> {
  const [major = '', minor = ''] = kubernetesVersion.slice(1).split('.')
  const of = 'k8s.io/component-base/version'
  return {
    [`${of}.gitVersion`]: kubernetesVersion,
    [`${of}.gitMajor`]: major,
    [`${of}.gitMinor`]: minor,
    [`${of}.gitTreeState`]: 'clean',
  }
}
