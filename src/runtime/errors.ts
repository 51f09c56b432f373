// What an API server refuses, and what a stream can do wrong, as errors that callers tell apart.
// A text names method, path and the server's own words. It never holds what was sent: a body may
// be a Secret.

import { isRecord } from './object.ts'

export type ApiErrorDetails = {
  readonly status: number
  /** The reason of the server's Status object, such as `AlreadyExists`. */
  readonly reason: string
  readonly method: string
  readonly path: string
  readonly message: string
  readonly retryAfterMs?: number
}

export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly reason: string
  readonly method: string
  readonly path: string
  readonly retryAfterMs: number | undefined

  constructor(details: ApiErrorDetails, options?: ErrorOptions) {
    const { status, reason, method, path, message } = details
    super(`${method} ${path}: ${status} ${reason}: ${message}`, options)
    this.status = status
    this.reason = reason
    this.method = method
    this.path = path
    this.retryAfterMs = details.retryAfterMs
  }
}

/** A call that took longer than it may. Whether the server acted on it is unknown. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
  constructor(what: string, timeoutMs: number) {
    super(`${what}: no complete answer in ${timeoutMs} ms`)
  }
}

/** What ends a watch although nobody asked for it: the caller resumes or lists again. */
export type StreamFault = 'malformed' | 'unknown-type' | 'idle' | 'too-short' | 'cut'

export class StreamError extends Error {
  override readonly name = 'StreamError'
  readonly fault: StreamFault
  /** `namespace/name`, as far as it could be read. */
  readonly object: string | undefined

  constructor(fault: StreamFault, message: string, object?: string) {
    super(message)
    this.fault = fault
    this.object = object
  }
}

/** The Status object that comes with a refusal, or whatever came in its place. */
export function apiErrorOf(
  body: unknown,
  call: { status: number; method: string; path: string; retryAfterMs?: number },
): ApiError {
  const status = isRecord(body) ? body : {}
  const { reason, message, code, details } = status
  const seconds = isRecord(details) ? details['retryAfterSeconds'] : undefined
  const retryAfterMs =
    call.retryAfterMs ?? (typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined)
  return new ApiError({
    ...call,
    status: call.status === 0 && typeof code === 'number' ? code : call.status,
    reason: typeof reason === 'string' && reason !== '' ? reason : 'Unknown',
    message: typeof message === 'string' ? message : plainText(body),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** A proxy answers with a page of HTML: its beginning says who it was. */
function plainText(body: unknown): string {
  return typeof body === 'string' ? body.slice(0, 200) : 'no message'
}

export function isNotFound(error: unknown): error is ApiError {
  return hasStatus(error, 404)
}

/** Somebody else wrote first; an object that is there already is no conflict. */
export function isConflict(error: unknown): error is ApiError {
  return hasStatus(error, 409) && error.reason !== 'AlreadyExists'
}

export function isAlreadyExists(error: unknown): error is ApiError {
  return hasStatus(error, 409) && error.reason === 'AlreadyExists'
}

/** The version or the continue token is too old: only a new list helps. */
export function isGone(error: unknown): error is ApiError {
  return hasStatus(error, 410)
}

export function isForbidden(error: unknown): error is ApiError {
  return hasStatus(error, 403)
}

export function isUnprocessable(error: unknown): error is ApiError {
  return hasStatus(error, 422)
}

function hasStatus(error: unknown, status: number): error is ApiError {
  return error instanceof ApiError && error.status === status
}
