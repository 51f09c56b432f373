// Server processes that never outlive the process that started them.
// Each is the leader of its own process group, so that Ctrl-C on the terminal does not reach it before its owner decides;
// the guardian ends the group when the owner is gone.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export type Guardian = {
  watch(pid: number): void
  forget(pid: number): void
  /** The directory is removed when the owner dies. */
  remove(directory: string): void
  /** Takes `remove` back: the owner has removed it, or wants it kept. */
  keep(directory: string): void
  stop(): Promise<void>
}

export function startGuardian(): Guardian {
  const script = fileURLToPath(new URL('guardian.mjs', import.meta.url))
  const child = spawn(process.execPath, [script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  child.stdin.on('error', () => {}) // somebody killed the guardian: the servers still work
  const order = (line: object): void => {
    child.stdin.write(`${JSON.stringify(line)}\n`)
  }
  return {
    watch: (pid) => order({ watch: pid }),
    forget: (pid) => order({ forget: pid }),
    remove: (directory) => order({ remove: directory }),
    keep: (directory) => order({ keep: directory }),
    stop: () => {
      child.stdin.end()
      return exited
    },
  }
}

export type Exit = {
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
}

export type Server = {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** The exit, once there is one. */
  readonly exit: () => Exit | undefined
  readonly exited: Promise<Exit>
  /** Sends the signal to the whole group and waits until the server is gone. */
  kill(signal: NodeJS.Signals): Promise<Exit>
  lastLines(count: number): string
}

export type ServerOptions = {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  readonly logFile: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** The account that it runs as. Default: this process's. */
  readonly account?: Account
}

export type Account = { readonly uid: number; readonly gid: number }

export function startServer(guardian: Guardian, options: ServerOptions): Server {
  const { name, program, args, logFile } = options
  const log = openSync(logFile, 'a', 0o600)
  const child = spawn(program, [...args], {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...options.account,
  })
  closeSync(log) // the child has its own copy
  const { pid } = child
  let exit: Exit | undefined
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      exit = { code: code ?? undefined, signal: signal ?? undefined }
      if (pid !== undefined) guardian.forget(pid)
      resolve(exit)
    })
    child.on('error', () => {
      exit ??= { code: 127, signal: undefined }
      resolve(exit)
    })
  })
  if (pid === undefined) throw new Error(`${name} could not be started: no program ${program}.`)
  guardian.watch(pid)
  return {
    name,
    pid,
    logFile,
    exit: () => exit,
    exited,
    kill: (signal) => {
      if (!exit) signalGroup(pid, signal)
      return exited
    },
    lastLines: (count) =>
      readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-count).join('\n'),
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // it ended between the check and the signal; `exited` says so
  }
}
