// One call from end to end: slot, credentials, deadline, answer or error, and when to try again.
// Only what may be sent twice is: GET, server-side apply, and a DELETE that names a uid. A POST that
// got no answer may have been carried out, so its caller hears of it and looks.

import type { Dispatcher } from 'undici'
import { askWhole, type Whole } from './client-whole.ts'
import type { Connection } from './connection.ts'
import { Slots, type Lane, type SlotsOptions } from './client-slots.ts'
import { ApiError, apiErrorOf, DeadlineError } from './errors.ts'
import { ServerClock } from './server-clock.ts'
import { sleep, startDeadline, type Sleep } from './sleep.ts'

export type TransportOptions = {
  /** Sent with each call; it separates actors in the audit log. Default `kube-runtime`. */
  readonly userAgent?: string
  /** Calls in flight, without watches. Default 24, of which 4 are for `revoke` alone. */
  readonly slots?: SlotsOptions
  /** Longest `Retry-After` that is waited out, in ms; a longer one is the caller's. Default 10,000. */
  readonly maxRetryAfterMs?: number
  /** One line per try. `code` is the status, or `<error>` without an answer, as client-go has it. */
  readonly onRequest?: (request: RequestMetric) => void
  readonly sleep?: Sleep
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number
  /** Epoch milliseconds. Default `Date.now`. */
  readonly wallClock?: () => number
}

export type RequestMetric = {
  readonly code: string
  readonly method: string
  readonly host: string
  readonly durationMs: number
}

export type Call = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With its query. */
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly timeoutMs: number
  readonly lane: Lane
  /** Whether sending it twice is the same as sending it once. */
  readonly repeatable: boolean
}

export type OpenStream = { readonly body: AsyncIterable<Buffer>; close(): void }

const tries = 3

export class Transport {
  readonly #connection: Connection
  readonly #options: Required<Omit<TransportOptions, 'slots'>>
  readonly #slots: Slots
  readonly #server: URL
  readonly clock: ServerClock
  readonly #onBack: (() => void)[] = []
  #isSilent = false

  constructor(connection: Connection, options: TransportOptions = {}) {
    this.#connection = connection
    this.#options = {
      userAgent: 'kube-runtime',
      maxRetryAfterMs: 10_000,
      onRequest: () => {},
      sleep,
      now: () => performance.now(),
      wallClock: Date.now,
      ...options,
    }
    this.#slots = new Slots(options.slots)
    this.#server = new URL(connection.server)
    this.clock = new ServerClock(this.#options)
  }

  /** Called when the server does what it is asked and had not even answered before. */
  onBack(tell: () => void): void {
    this.#onBack.push(tell)
  }

  get inFlight(): number {
    return this.#slots.taken
  }

  async send(signal: AbortSignal, call: Call): Promise<unknown> {
    const used = { renewal: false, redial: false }
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#sendOnce(signal, call)
      } catch (error) {
        if (signal.aborted) throw error
        if (await this.#mayTryAgain(signal, call, error, attempt, used)) continue
        throw error
      }
    }
  }

  /** A watch: the deadline ends with the first byte of the answer, and it holds no slot. */
  async open(signal: AbortSignal, call: Omit<Call, 'lane' | 'repeatable'>): Promise<OpenStream> {
    for (let renewed = false; ; renewed = true) {
      try {
        return await this.#openOnce(signal, call)
      } catch (error) {
        if (signal.aborted || renewed || !mayBeRotation(error)) throw error
        if (!(await this.#connection.renew(signal))) throw error
      }
    }
  }

  async #sendOnce(signal: AbortSignal, call: Call): Promise<unknown> {
    const release = await this.#slots.take(signal, call.lane)
    try {
      using deadline = startDeadline(
        signal,
        call.timeoutMs,
        () => new DeadlineError(`${call.method} ${pathOf(call)}`, call.timeoutMs),
      )
      try {
        const answer = await this.#dispatch(deadline.signal, call, askWhole)
        return bodyOf(answer, call)
      } catch (error) {
        if (!deadline.passed) throw error
        this.#connection.distrust()
        throw deadline.signal.reason
      }
    } finally {
      release()
    }
  }

  async #openOnce(signal: AbortSignal, call: Omit<Call, 'lane' | 'repeatable'>) {
    const life = new AbortController()
    const follow = () => life.abort(signal.reason)
    signal.addEventListener('abort', follow, { once: true })
    const close = () => {
      signal.removeEventListener('abort', follow)
      life.abort(new Error('the watch was closed'))
    }
    try {
      using deadline = startDeadline(
        life.signal,
        call.timeoutMs,
        () => new DeadlineError(`${call.method} ${pathOf(call)}`, call.timeoutMs),
      )
      const giveUp = () => life.abort(deadline.signal.reason)
      deadline.signal.addEventListener('abort', giveUp, { once: true })
      try {
        signal.throwIfAborted()
        const answer = await this.#dispatch(life.signal, call, openStream)
        if (answer.statusCode !== 200) bodyOf({ ...answer, text: await answer.body.text() }, call)
        return { body: answer.body, close }
      } catch (error) {
        if (!deadline.passed) throw error
        this.#connection.distrust()
        throw deadline.signal.reason
      }
    } catch (error) {
      close()
      throw error
    }
  }

  async #dispatch<A extends Omit<Whole, 'text'>>(
    signal: AbortSignal,
    call: Omit<Call, 'lane' | 'repeatable'>,
    send: (
      signal: AbortSignal,
      agent: Dispatcher,
      options: Dispatcher.DispatchOptions,
    ) => Promise<A>,
  ): Promise<A> {
    const { userAgent, now, onRequest } = this.#options
    const { method, path, body, accept = 'application/json' } = call
    const credentials = await this.#connection.headers(signal)
    const begun = now()
    const count = (code: string) =>
      onRequest({ code, method, host: this.#server.host, durationMs: now() - begun })
    try {
      const answer = await send(signal, this.#connection.agent, {
        origin: this.#server.origin,
        path: this.#server.pathname.replace(/\/$/, '') + path,
        method,
        headers: {
          ...credentials,
          'user-agent': userAgent,
          accept,
          ...(body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      count(String(answer.statusCode))
      this.clock.saw(answer.headers['date'], begun)
      if (this.#isSilent && answer.statusCode < 300) {
        this.#isSilent = false
        for (const tell of this.#onBack) tell()
      }
      return answer
    } catch (error) {
      count('<error>')
      if (!signal.aborted) this.#isSilent = true
      throw error
    }
  }

  async #mayTryAgain(
    signal: AbortSignal,
    call: Call,
    error: unknown,
    attempt: number,
    used: { renewal: boolean; redial: boolean },
  ): Promise<boolean> {
    // Neither a 401 nor a failed handshake was carried out: even a POST may go again.
    if (mayBeRotation(error) && !used.renewal) {
      used.renewal = true
      return this.#connection.renew(signal)
    }
    if (!call.repeatable || attempt >= tries) return false
    if (error instanceof ApiError) {
      const waitMs = error.retryAfterMs
      if (waitMs === undefined || waitMs > this.#options.maxRetryAfterMs) return false
      if (error.status !== 429 && error.status < 500) return false
      await this.#options.sleep(signal, waitMs)
      return true
    }
    // The server closed an idle connection in the moment in which we used it: once, at once.
    if (!wasCutOff(error) || used.redial) return false
    used.redial = true
    return true
  }
}

/** An answer whose body comes as long as the other side has something to say. */
function openStream(
  signal: AbortSignal,
  agent: Dispatcher,
  options: Dispatcher.DispatchOptions,
): Promise<Dispatcher.ResponseData> {
  return agent.request({ ...options, signal })
}

function bodyOf(answer: Whole, call: { method: string; path: string }): unknown {
  const body = parsed(answer, call)
  if (answer.statusCode >= 200 && answer.statusCode < 300) return body
  const retryAfterMs = retryAfterOf(answer.headers['retry-after'])
  throw apiErrorOf(body, {
    status: answer.statusCode,
    method: call.method,
    path: pathOf(call),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** JSON when the server says so, else the text. */
function parsed(
  { text, headers, statusCode }: Whole,
  call: { method: string; path: string },
): unknown {
  if (!String(headers['content-type']).includes('json')) return text
  try {
    return JSON.parse(text)
  } catch (cause) {
    const message = `the answer is not JSON; it begins with ${JSON.stringify(text.slice(0, 40))}`
    const { method } = call
    throw new ApiError(
      { status: statusCode, reason: 'MalformedAnswer', method, path: pathOf(call), message },
      { cause },
    )
  }
}

/** Seconds; an API server sends no date. */
function retryAfterOf(header: string | string[] | undefined): number | undefined {
  const seconds = Number(header)
  return typeof header === 'string' && Number.isFinite(seconds) && seconds >= 0
    ? seconds * 1000
    : undefined
}

function pathOf({ path }: { path: string }): string {
  return path.split('?', 1)[0] ?? path
}

function mayBeRotation(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 401
  return /CERT|SELF_SIGNED|UNABLE_TO_|TLS|SSL/.test(codeOf(error))
}

function wasCutOff(error: unknown): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'UND_ERR_CLOSED'].includes(codeOf(error))
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : ''
}
