// Runs one program to its end and returns what it said. It is killed when the signal aborts.
import { spawn } from 'node:child_process'

export type CommandResult = {
  /** 127 when there is no such program; 128 + the signal's number is not told apart from 1. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export type CommandOptions = {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** The program is killed after this time. Default: never. */
  readonly timeoutMs?: number
  /** The account that it runs as. Default: this process's. */
  readonly account?: { readonly uid: number; readonly gid: number }
}

export async function runCommand(
  signal: AbortSignal,
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  signal.throwIfAborted()
  const child = spawn(program, [...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...options.account,
  })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdin.on('error', () => {}) // it may end before it has read everything
  child.stdin.end(options.input ?? '')

  const kill = (): void => {
    child.kill('SIGKILL')
  }
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(kill, options.timeoutMs)
  signal.addEventListener('abort', kill)
  try {
    const code = await new Promise<number>((resolve) => {
      child.once('error', () => resolve(127))
      child.once('close', (exitCode) => resolve(exitCode ?? 1))
    })
    signal.throwIfAborted()
    return {
      code,
      stdout: Buffer.concat(stdout).toString('utf8'),
      stderr: Buffer.concat(stderr).toString('utf8'),
    }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', kill)
  }
}
