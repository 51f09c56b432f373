// One command line from its words to its exit code, on whatever streams it is given: a process gives its
// own, a test others.

import { CommanderError, type Command } from 'commander'
import type { Readable, Writable } from 'node:stream'
import { Failure, failureOf } from './failures.ts'
import { formats, toned, wantsColours, type Environment, type Format } from './output.ts'
import { makeProgram } from './program.ts'
import type { Outside } from './session.ts'

export type Terminal = {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly env: Environment
}

/** @returns the exit code; what nobody foresaw is thrown */
export async function runCommandLine(
  signal: AbortSignal,
  words: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const { stdin, stdout, stderr, env } = terminal
  const colours = { out: wantsColours(stdout, env), err: wantsColours(stderr, env) }
  let code = 0
  const program = makeProgram({
    outside: (options): Outside => ({
      signal,
      env,
      now: Date.now,
      screen: {
        in: stdin,
        out: stdout,
        err: stderr,
        format: formatIn(options),
        colours,
        live: isTerminal(stdin) && isTerminal(stderr),
      },
    }),
    exitWith: (said) => {
      code = said
    },
  })
  for (const command of all(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    })
  }
  try {
    await program.parseAsync(words, { from: 'user' })
    return code
  } catch (error) {
    // Commander has said it already; help and version are no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const failure = failureOf(error, signal)
    if (!(failure instanceof Failure)) throw failure
    stderr.write(`${colours.err ? toned('Error:', 'red') : 'Error:'} ${failure.message}\n`)
    return failure.exit
  }
}

function all(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(all)]
}

function isTerminal(stream: Readable | Writable): boolean {
  return Reflect.get(stream, 'isTTY') === true
}

function formatIn(options: object): Format {
  const said: unknown = Reflect.get(options, 'output')
  return formats.find((format) => format === said) ?? 'table'
}
