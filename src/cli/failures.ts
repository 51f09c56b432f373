// All failures that a person at the terminal can meet: what it says, what to do next, and the exit
// code that scripts may rely on. docs/cli/README.md has the same table; a test compares them.

import { ApiError, DeadlineError } from '../runtime/index.ts'

type Entry = {
  readonly exit: number
  /** `undefined`: the text names the next step itself, as the server's policies do. */
  readonly next?: string
}

export const exitCodes = {
  0: 'Done.',
  1: 'Failed: the server refused for another reason, or `doctor` has found a fault.',
  2: 'Wrong use: an argument, a file, the kubeconfig, or a question that nobody could be asked.',
  3: 'Not found.',
  4: 'Not allowed, or not signed in.',
  5: 'The API server or the database cannot be reached.',
  6: 'Written, but the effect was not proven in time, or it gives nothing.',
  7: 'Done in part: the result file says what of each row.',
  8: 'You said no; nothing was changed.',
  130: 'Stopped by Ctrl-C.',
} as const

export const failureCatalogue = {
  WRONG_USE: { exit: 2 },
  NO_CUSTOMER: {
    exit: 2,
    next: 'Name the customer, or choose one with `kubectl tenantry use <customer>`.',
  },
  NO_ORGANIZATION: {
    exit: 2,
    next: 'Name yours with --organization partner/<name> or customer/<name>, or set the namespace of your context to it.',
  },
  ALL_IS_READ_ONLY: {
    exit: 2,
    next: 'Choose one customer with `kubectl tenantry use <customer>`, or name it.',
  },
  NOBODY_TO_ASK: { exit: 2, next: 'Run it in a terminal, or add --yes.' },
  KUBECONFIG: { exit: 2, next: 'Name another file or context with --kubeconfig or --context.' },
  KUBECONFIG_TAKEN: { exit: 2, next: 'Nothing was written. Rename or remove it, then try again.' },
  NOT_FOUND: { exit: 3 },
  NOT_ALLOWED: { exit: 4, next: 'Ask whoever administers the organization.' },
  REFUSED_BY_POLICY: { exit: 4 },
  NOT_SIGNED_IN: {
    exit: 4,
    next: 'Sign in again as you did when you got this kubeconfig, then repeat the command.',
  },
  NO_LOGIN: {
    exit: 4,
    next: 'Technicians get a login while they may enter, members with databaseLogin; `kubectl tenantry who` says who may.',
  },
  UNREACHABLE: { exit: 5, next: 'Check the network, then repeat the command.' },
  PSQL_MISSING: {
    exit: 5,
    next: 'Install the PostgreSQL client, or use --print-env with another program.',
  },
  CONFLICT: { exit: 1, next: 'Nothing of yours was written. Look again, then repeat the command.' },
  EXISTS: { exit: 1, next: 'Nothing was written; what is there stays as it is.' },
  REFUSED: { exit: 1 },
  NOT_IN_TIME: { exit: 6, next: 'The operator goes on without you: `kubectl tenantry status`.' },
  GIVES_NOTHING: { exit: 6 },
  IN_PART: { exit: 7 },
  DECLINED: { exit: 8 },
  STOPPED: { exit: 130 },
} as const satisfies Readonly<Record<string, Entry>>

export type FailureCode = keyof typeof failureCatalogue

export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  readonly exit: number
  /** Without the next step, for whoever has more to say before it. */
  readonly says: string

  constructor(code: FailureCode, says: string, options?: ErrorOptions) {
    const entry: Entry = failureCatalogue[code]
    super(entry.next === undefined ? says : `${says} ${entry.next}`, options)
    this.code = code
    this.says = says
    this.exit = entry.exit
  }
}

/** What went wrong underneath, in words for a person; what nobody foresaw stays as it is. */
export function failureOf(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof Failure) return error
  if (signal.aborted) return new Failure('STOPPED', 'Stopped.', { cause: error })
  if (error instanceof ApiError) return refusalOf(error)
  if (error instanceof DeadlineError) {
    return new Failure('UNREACHABLE', 'The API server did not answer in time.', { cause: error })
  }
  if (isConnectionFault(error)) {
    return new Failure('UNREACHABLE', `The API server cannot be reached: ${error.message}.`, {
      cause: error,
    })
  }
  return error
}

function refusalOf(error: ApiError): Failure {
  const cause = { cause: error }
  const said = wordsOf(error)
  switch (error.status) {
    case 401:
      return new Failure(
        'NOT_SIGNED_IN',
        'The server does not accept your sign-in (any more).',
        cause,
      )
    case 403:
      return policyIn(said) === undefined
        ? new Failure('NOT_ALLOWED', `You may not do this: ${said}.`, cause)
        : new Failure('REFUSED_BY_POLICY', `Refused: ${policyIn(said)}`, cause)
    case 404:
      return new Failure('NOT_FOUND', `${said}.`, cause)
    case 409:
      if (error.reason === 'AlreadyExists') return new Failure('EXISTS', `${said}.`, cause)
      return new Failure('CONFLICT', 'Somebody else has changed it at the same time.', cause)
    default:
      return new Failure('REFUSED', `The API server refuses: ${policyIn(said) ?? said}`, cause)
  }
}

/** The server's own words, without method and path. */
function wordsOf({ message, status, reason }: ApiError): string {
  const before = `${status} ${reason}: `
  const at = message.indexOf(before)
  return (at < 0 ? message : message.slice(at + before.length)).replace(/\.$/, '')
}

/** A policy's message ends with the next step, so nothing is added to it. */
function policyIn(said: string): string | undefined {
  return /denied request: (.*)$/s.exec(said)?.[1]?.concat('.')
}

function isConnectionFault(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const code: unknown = Reflect.get(error, 'code')
  return (
    typeof code === 'string' &&
    /^(E[A-Z]+|UND_ERR_|CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)
  )
}
