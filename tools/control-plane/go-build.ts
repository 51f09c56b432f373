// Builds one program from a pinned set of Go modules, and tells how long it takes.
import { runCommand } from './command.ts'
import type { Log } from './programs.ts'

const progressMs = 15_000
/** Three times what the slowest of them takes on two cores; what hangs longer is stuck. */
const longestMs = 25 * 60_000

export type GoProgram = {
  /** The directory of go.mod and go.sum; `-mod=readonly` refuses everything not listed there. */
  readonly modules: string
  readonly path: string
  readonly output: string
  /** Build tags. Default: none. */
  readonly tags?: readonly string[]
  /** Variables that the linker sets, by their full name. */
  readonly set: Readonly<Record<string, string>>
}

/** @throws Error when there is no toolchain */
export async function requireGo(signal: AbortSignal): Promise<void> {
  const { code } = await runCommand(signal, 'go', ['version'], { timeoutMs: 10_000 })
  if (code !== 0) throw new Error('no Go toolchain: `go` is not in PATH')
}

/** @throws Error with the compiler's last line */
export async function goBuild(
  signal: AbortSignal,
  { modules, path, output, tags = [], set }: GoProgram,
): Promise<void> {
  const flags = ['-s', '-w', ...Object.entries(set).map(([name, to]) => `-X ${name}=${to}`)]
  const args = [
    'build',
    '-mod=readonly',
    '-trimpath',
    ...(tags.length > 0 ? ['-tags', tags.join(',')] : []),
    '-ldflags',
    flags.join(' '),
    '-o',
    output,
    path,
  ]
  const { code, stderr } = await runCommand(signal, 'go', args, {
    cwd: modules,
    // A go.work above this folder, or flags of somebody's shell, must not change what is built.
    env: { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' },
    timeoutMs: longestMs,
  })
  if (code !== 0) throw new Error(`go build ${path} failed: ${lastLine(stderr)}`)
}

/** Says what is done again and again until it is done; resolves with how long it took. */
export async function whileSaying(
  what: string,
  log: Log,
  work: () => Promise<void>,
): Promise<string> {
  const startedMs = performance.now()
  const say = (): void => log(`  building ${what}, ${elapsed(startedMs)} so far`)
  say()
  const progress = setInterval(say, progressMs)
  try {
    await work()
  } finally {
    clearInterval(progress)
  }
  return elapsed(startedMs)
}

export function elapsed(sinceMs: number): string {
  const seconds = Math.round((performance.now() - sinceMs) / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? 'without a message'
}
