// The operator's log: one JSON object a line. What is a secret by its name never gets into it, at
// whatever depth, nor does the password of a URL in an error's text.

import { pino, stdSerializers, stdTimeFunctions, type Logger } from 'pino'

export type Log = Logger

const secretNames =
  /^(?:dsn|uri|jdbc-?uri|authorization|cookie|connection-?string)$|password|passwd|token|client-?secret|api-?key|private-?key|verifier/i
/** `user:password@` of a URL, and `password=` of a connection string. */
const secretTexts = /(?<=:\/\/[^\s/:@]*:)[^\s@/]+(?=@)|(?<=\bpassword\s*=\s*)[^\s;&'"]+/gi
const censor = '(secret)'
const deepest = 6

/**
 * Lines with a level by name and an RFC 3339 time; `child({ controller })` marks those of a part.
 *
 * @param destination default: standard output
 */
export function makeLog(
  { level }: { readonly level: string },
  destination?: NodeJS.WritableStream,
): Log {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      bindings: redactedFields,
      log: redactedFields,
    },
    serializers: { err: redactedError },
    hooks: {
      streamWrite: (line: string) => line.replace(secretTexts, censor),
    },
  }
  return destination ? pino(options, destination) : pino(options)
}

function redactedError(error: unknown): unknown {
  return error instanceof Error ? redacted(stdSerializers.err(error), 0) : redacted(error, 0)
}

function redactedFields(fields: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(fields).map(([key, value]) => [key, field(key, value, 0)])
  return Object.fromEntries(entries)
}

function field(key: string, value: unknown, depth: number): unknown {
  const secret = secretNames.test(key) && value !== undefined && typeof value !== 'boolean'
  return secret ? censor : redacted(value, depth + 1)
}

function redacted(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Error) return value
  if (depth > deepest) return '(too deep)'
  if (Array.isArray(value)) return value.map((inner) => redacted(inner, depth + 1))
  if (!isPlain(value)) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, field(key, inner, depth)])
  return Object.fromEntries(entries)
}

/** A Date or a URL tells by itself how it is written; what pino made of an error is ours too. */
function isPlain(value: object): boolean {
  return !('toJSON' in value)
}
