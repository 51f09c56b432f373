// The operator as a process of its own: what a pod would run.
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { readFile } from 'node:fs/promises'
import type { Guardian } from '../control-plane/servers.ts'

/** As `npm start` has them: a young generation that stays small keeps memory a fifth lower. */
export const nodeFlags = ['--max-semi-space-size=1', '--optimize-for-size'] as const

export type RunningOperator = {
  readonly pid: number
  /** Of /livez, /readyz and /metrics. */
  readonly port: number
  /** Everything that it has logged so far. */
  log(): Promise<string>
  metrics(signal: AbortSignal): Promise<string>
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | undefined>
  /** SIGKILL: no word of goodbye, and the lease stays taken. */
  kill(): Promise<void>
}

type OperatorOptions = {
  readonly guardian: Guardian
  /** Of Node. */
  readonly args: readonly string[]
  readonly logFile: string
  /** What starts it, where that is not this Node itself. */
  readonly command?: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
}

export function argumentsFromSource(configFile: string, kubeconfig: string): readonly string[] {
  return [...nodeFlags, 'src/main.ts', '--config', configFile, '--kubeconfig', kubeconfig]
}

/** Resolves once it serves its health port. */
export async function startOperator(
  signal: AbortSignal,
  { guardian, args, logFile, command = [process.execPath], env = {} }: OperatorOptions,
): Promise<RunningOperator> {
  signal.throwIfAborted()
  const [program, ...before] = command
  const child = spawn(program, [...before, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own: Ctrl-C reaches only us, and we stop it in order
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  const { pid } = child
  if (pid === undefined)
    throw new Error(`The operator could not be started: no program ${program}.`)
  guardian.watch(pid) // it goes when we are killed
  const file = createWriteStream(logFile, { flags: 'a' })
  child.stderr.pipe(file, { end: false })
  const exited = new Promise<number | undefined>((resolve) => {
    child.once('exit', (code) => {
      guardian.forget(pid)
      resolve(code ?? undefined)
    })
  })
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      file.write(`${line}\n`)
      const found = /"port":(\d+)/.exec(line)?.[1]
      if (found !== undefined) resolve(Number(found))
    })
    void exited.then(() => reject(new Error(`The operator ended at once; its log is ${logFile}.`)))
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  }).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  return {
    pid,
    port,
    log: () => readFile(logFile, 'utf8'),
    async metrics(asking) {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: asking })
      return answer.text()
    },
    async stop() {
      child.kill('SIGTERM')
      return exited
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
