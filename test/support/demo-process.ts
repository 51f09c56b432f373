// `npm run demo` as a process, in a directory of its own: a copy of what the demo reads. So .local/
// is not the one of a developer who has a platform up here, and all that it leaves behind shows.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandResult } from '../../tools/control-plane/command.ts'

export type Demo = AsyncDisposable & {
  /** Where it runs, and where its .local/ is. */
  readonly directory: string
  /** Exit code; `undefined` after a signal that it did not handle. */
  readonly exited: Promise<number | undefined>
  /** All that it has printed so far, errors too. */
  printed(): string
  /** @throws Error with what it has printed, when it ends or `withinMs` pass before `text` */
  untilPrinted(text: string, withinMs?: number): Promise<void>
  /** As a person would type it in another terminal, in the same directory; ended after `withinMs`. */
  shell(command: string, withinMs?: number): Promise<CommandResult>
  /** Ctrl-C as it arrives under npm: from the terminal, and passed on by tools/bootstrap.mjs. */
  interrupt(): Promise<void>
  kill(): void
  /** Files and processes that would not be there without it. */
  leftovers(): readonly string[]
}

const copied = ['charts', 'crds', 'examples']
const linked = ['node_modules', 'src', 'tools']

export async function startDemo(...args: readonly string[]): Promise<Demo> {
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-demo-'))
  const temporary = join(directory, 'tmp')
  await mkdir(temporary)
  // PostgreSQL's own account must be able to enter.
  for (const path of [directory, temporary]) await chmod(path, 0o755)
  for (const name of copied) await cp(name, join(directory, name), { recursive: true })
  for (const name of linked) await symlink(resolve(name), join(directory, name))
  const before = new Set(readdirSync(directory))
  const env = { ...process.env, TMPDIR: temporary }
  // A group of its own, as a terminal gives to every command.
  const child = spawn(process.execPath, ['tools/demo.ts', ...args], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
  }
  let ended = false
  const exited = new Promise<number | undefined>((done) => {
    child.once('close', (code) => {
      ended = true
      done(code ?? undefined)
    })
  })
  const { pid } = child
  if (pid === undefined) throw new Error('The demo could not be started: no program node.')
  return {
    directory,
    exited,
    printed: () => output,
    async untilPrinted(text, withinMs = 90_000) {
      const deadline = performance.now() + withinMs
      while (!output.includes(text)) {
        if (ended || performance.now() > deadline) {
          throw new Error(`The demo ${ended ? 'ended' : 'hangs'} before "${text}":\n${output}`)
        }
        await sleep(25)
      }
    },
    shell: (command, withinMs = 10_000) => shell(command, directory, withinMs),
    async interrupt() {
      process.kill(-pid, 'SIGINT')
      await sleep(20)
      if (!ended) child.kill('SIGINT')
    },
    kill: () => void child.kill('SIGKILL'),
    leftovers: () => [
      ...readdirSync(directory).filter((name) => !before.has(name)),
      ...readdirSync(temporary),
      ...processesOf(directory),
    ],
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill('SIGKILL')
      await exited
      // Servers that outlive it for a moment may still write there.
      await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
    },
  }
}

async function shell(command: string, cwd: string, withinMs: number): Promise<CommandResult> {
  const child = spawn('sh', ['-c', command], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const { pid } = child
  if (pid === undefined) throw new Error('There is no sh.')
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString('utf8')))
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString('utf8')))
  // The whole group: what sh has started holds the pipes open.
  const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), withinMs)
  const code = await new Promise<number>((done) => {
    child.once('close', (exit) => done(exit ?? 1))
  })
  clearTimeout(timer)
  return { code, ...said }
}

/** Whoever has the directory in its arguments or environment, or works in it. */
function processesOf(directory: string): readonly string[] {
  if (!existsSync('/proc/self')) return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => [read(pid, 'cmdline'), read(pid, 'environ'), workedIn(pid)].some(mentions))
    .map((pid) => `${pid} ${read(pid, 'cmdline').replaceAll('\0', ' ')}`)

  function mentions(text: string): boolean {
    return text.includes(directory)
  }
}

function read(pid: string, what: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8')
  } catch {
    return '' // gone meanwhile, or somebody else's
  }
}

function workedIn(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}
