// Reads the arguments, runs one command, and ends with its exit code. Ctrl-C stops what
// runs and says what was done; a reader that has gone away (`| head`) ends it in silence.

import { CommanderError } from 'commander'
import { Failure, failureOf } from './failures.ts'
import { formats, toned, wantsColours, type Format } from './output.ts'
import { makeProgram } from './program.ts'
import type { Outside } from './session.ts'

const stopping = new AbortController()
const { stdout, stderr, stdin, env } = process
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => stopping.abort())
}
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

const program = makeProgram({
  outside: (options): Outside => ({
    signal: stopping.signal,
    env,
    now: Date.now,
    screen: {
      out: stdout,
      err: stderr,
      format: formatIn(options),
      colours: { out: wantsColours(stdout, env), err: wantsColours(stderr, env) },
      live: stdin.isTTY && stderr.isTTY,
    },
  }),
  exitWith: (code) => {
    process.exitCode = code
  },
})

try {
  for (const command of [program, ...program.commands]) {
    command.exitOverride()
    for (const inner of command.commands) inner.exitOverride()
  }
  await program.parseAsync()
} catch (error) {
  process.exitCode = tell(error)
}

function tell(error: unknown): number {
  // Commander has said it already; help and version are no failure.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const failure = failureOf(error, stopping.signal)
  if (!(failure instanceof Failure)) throw failure
  const prefix = wantsColours(stderr, env) ? toned('Error:', 'red') : 'Error:'
  stderr.write(`${prefix} ${failure.message}\n`)
  return failure.exit
}

function formatIn(options: object): Format {
  const said: unknown = Reflect.get(options, 'output')
  return formats.find((format) => format === said) ?? 'table'
}
