// The operator's log: one JSON object a line. What is a secret by its name never gets into it, at
// whatever depth and from whatever source, nor does the password in an error's text. It is taken
// out of the finished line: pino's own redaction knows fixed paths, and misses what a child brings.

import { pino, stdTimeFunctions, type Logger } from 'pino'

export type Log = Logger

const wholeNames = ['dsn', 'uri', 'jdbc-?uri', 'authorization', 'cookie', 'connection-?string']
const partsOfNames = ['password', 'passwd', 'token', 'client-?secret', '(?:api|private)-?key']
const secretName = new RegExp(
  `^(?:${wholeNames.join('|')})$|${partsOfNames.join('|')}|verifier`,
  'i',
)
/** Hardly any line has one of these words; only such a line is looked at field by field. */
const suspicious = new RegExp([...wholeNames, ...partsOfNames, 'verifier'].join('|'), 'i')
/** `user:password@` of a URL, and `password=` of a connection string. */
const secretTexts = /(?<=:\/\/[^\s/:@"]*:)[^\s@/"]+(?=@)|(?<=\bpassword\s*=\s*)[^\s;&'"\\]+/gi
const censor = '(secret)'

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
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: withoutSecrets },
  }
  return destination ? pino(options, destination) : pino(options)
}

function withoutSecrets(line: string): string {
  const plain = line.replace(secretTexts, censor)
  if (!suspicious.test(plain)) return plain
  const fields: unknown = JSON.parse(plain, (key, value: unknown) =>
    secretName.test(key) && !tellsNothing(value) ? censor : value,
  )
  return `${JSON.stringify(fields)}\n`
}

/** Whether there is a password is no secret. */
function tellsNothing(value: unknown): boolean {
  return value === null || typeof value === 'boolean'
}
