// Builds the programs from the released Go modules. The versions are pinned by go/go.mod and go/go.sum beside this file;
// `-mod=readonly` refuses everything that is not listed there.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand } from './command.ts'
import { kubernetesVersion, type Log, type ProgramName } from './programs.ts'

const modules = fileURLToPath(new URL('go/', import.meta.url))
const progressMs = 15_000

/** The API server first: it compiles most of what the others share. */
const packages: readonly { readonly program: ProgramName; readonly path: string }[] = [
  { program: 'kube-apiserver', path: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  { program: 'kube-controller-manager', path: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
  { program: 'etcd', path: 'go.etcd.io/etcd/server/v3' },
  { program: 'kubectl', path: 'k8s.io/kubernetes/cmd/kubectl' },
]

/** Writes all programs into the directory, or throws one line that says why that cannot be. */
export async function build(signal: AbortSignal, directory: string, log: Log): Promise<void> {
  const found = await runCommand(signal, 'go', ['version'], { timeoutMs: 10_000 })
  if (found.code !== 0) throw new Error('no Go toolchain: `go` is not in PATH')
  log('Building the control plane from its Go modules: once, 8 to 10 minutes on 2 cores.')
  const startedMs = performance.now()
  for (const [index, { program, path }] of packages.entries()) {
    const place = `${program} (${index + 1} of ${packages.length})`
    const say = (): void => log(`  building ${place}, ${elapsed(startedMs)} so far`)
    say()
    const progress = setInterval(say, progressMs)
    try {
      await buildOne(signal, path, join(directory, program))
    } finally {
      clearInterval(progress)
    }
  }
  log(`Built in ${elapsed(startedMs)}.`)
}

async function buildOne(signal: AbortSignal, path: string, output: string): Promise<void> {
  const args = ['build', '-mod=readonly', '-trimpath', '-ldflags', ldflags(), '-o', output, path]
  const { code, stderr } = await runCommand(signal, 'go', args, {
    cwd: modules,
    // A go.work above this folder, or flags of somebody's shell, must not change what is built.
    env: { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' },
  })
  if (code !== 0) throw new Error(`go build ${path} failed: ${lastLine(stderr)}`)
}

/** What `kubectl version` and the server's /version tell comes from these variables. */
function ldflags(): string {
  const [major = '', minor = ''] = kubernetesVersion.slice(1).split('.')
  const version = 'k8s.io/component-base/version'
  const set = {
    gitVersion: kubernetesVersion,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
  }
  return [
    '-s',
    '-w',
    ...Object.entries(set).map(([name, to]) => `-X ${version}.${name}=${to}`),
  ].join(' ')
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? 'without a message'
}

function elapsed(sinceMs: number): string {
  const seconds = Math.round((performance.now() - sinceMs) / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
