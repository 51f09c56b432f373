// What went wrong with a watch, told once: the same problem with the same object is reported at
// most every ten minutes, with how often it came meanwhile. Counting, by contrast, counts each.

import { ApiError, StreamError } from './errors.ts'

export type Problem = {
  readonly resource: string
  readonly during: 'list' | 'watch' | 'object'
  readonly message: string
  /** `namespace/name` of the object that it is about, as far as one is. */
  readonly object?: string
  readonly error?: unknown
  /** How often it came since it was last reported, this time included. */
  readonly times: number
}

export type ProblemOptions = {
  /** The log. Default: nothing. */
  readonly report?: (problem: Problem) => void
  /** A metric; called for each. Default: nothing. */
  readonly onProblem?: (during: Problem['during']) => void
  /** How long the same problem stays unsaid, in ms. Default 600,000. */
  readonly repeatAfterMs?: number
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number
}

/** Problems remembered at most; a list of broken objects must not become a leak. */
const limit = 1_000

export class Problems {
  readonly #resource: string
  readonly #options: Required<ProblemOptions>
  readonly #seen = new Map<string, { reportedAt: number; times: number }>()

  constructor(resource: string, options: ProblemOptions) {
    this.#resource = resource
    this.#options = {
      report: options.report ?? (() => {}),
      onProblem: options.onProblem ?? (() => {}),
      repeatAfterMs: options.repeatAfterMs ?? 600_000,
      now: options.now ?? (() => performance.now()),
    }
  }

  get remembered(): number {
    return this.#seen.size
  }

  tell(during: Problem['during'], error: unknown, object?: string): void {
    const { report, onProblem, repeatAfterMs, now } = this.#options
    onProblem(during)
    const about = object ?? (error instanceof StreamError ? error.object : undefined)
    const key = `${during} ${kindOf(error)} ${about ?? ''}`
    const seen = this.#seen.get(key) ?? { reportedAt: -Infinity, times: 0 }
    seen.times++
    if (now() - seen.reportedAt >= repeatAfterMs) {
      report({
        resource: this.#resource,
        during,
        message: error instanceof Error ? error.message : String(error),
        ...(about === undefined ? {} : { object: about }),
        error,
        times: seen.times,
      })
      seen.reportedAt = now()
      seen.times = 0
    }
    if (this.#seen.size >= limit) this.#seen.clear()
    this.#seen.set(key, seen)
  }
}

/** What makes two problems the same: not the text, which may hold a count or a port. */
function kindOf(error: unknown): string {
  if (error instanceof ApiError) return `${error.status} ${error.reason}`
  if (error instanceof StreamError) return error.fault
  if (!(error instanceof Error)) return typeof error
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' ? code : error.name
}
