// What a failure of the driver means for whoever waits for a database. The text of the driver stays in `cause`: it may quote
// what nobody should read in a status. Codes and routines are looked at, never texts: a server may speak another language.
import { TenantryError } from '../api/errors.ts'
import type { Reachable } from './breaker.ts'

const outageCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  '57P01', // terminated by the administrator
  '57P02', // crash of another backend
  '57P03', // starting up or shutting down
])
const refusedCodes = new Set(['28P01', '28000'])
const certificateCodes = /CERT|SIGNATURE|^ERR_TLS|^ERR_SSL|ISSUER|CRL/
/** Two writers met in a catalog; the same statement works the next time. */
const collisionCodes = new Set(['23505', '40P01', '40001', '55006'])
const lockTimeout = '55P03'
const lacksRights = '42501'
const tooManyConnections = '53300'
/** Where PostgreSQL counts the connections of a database and of a role: behind the password and the right to connect. */
const countsAfterLogin = new Set(['CheckMyDatabase', 'InitializeSessionUserId'])

/** @param step what was done, without any value */
export function explain(error: unknown, server: string, step: string): Error {
  if (error instanceof TenantryError) return error
  const code = codeOf(error)
  const cause = { cause: error }
  if (isOutage(error)) return new TenantryError('SERVER_UNREACHABLE', server, cause)
  if (isUntrusted(error)) return new TenantryError('SERVER_UNTRUSTED', server, cause)
  if (code === tooManyConnections) {
    return isCrowded(error)
      ? new TenantryError('DATABASE_CROWDED', step, cause)
      : new TenantryError('SERVER_CROWDED', server, cause)
  }
  if (code === lacksRights) {
    return new TenantryError('OPERATOR_LACKS_RIGHTS', `${step} on server ${server}`, cause)
  }
  if (code === lockTimeout) return new TenantryError('DATABASE_LOCKED', step, cause)
  if (code !== undefined && refusedCodes.has(code)) {
    return new TenantryError('SERVER_REFUSES_LOGIN', server, cause)
  }
  return new TenantryError('DATABASE_FAILED', `${step} (${code ?? 'no SQLSTATE'})`, cause)
}

/** What a failed attempt to connect says of the server. */
export function reachability(error: unknown): Reachable {
  if (isOutage(error)) return 'no'
  const code = codeOf(error) ?? ''
  if (code === tooManyConnections) return isCrowded(error) ? 'yes' : 'no'
  return /^[0-9A-Z]{5}$/.test(code) || isUntrusted(error) ? 'yes' : 'unknown'
}

function isOutage(error: unknown): boolean {
  const code = codeOf(error)
  if (code !== undefined) return outageCodes.has(code) || code.startsWith('08')
  // The driver gives these without a code, in its own words.
  return (
    error instanceof Error && /timeout|Connection terminated|connection error/i.test(error.message)
  )
}

function isUntrusted(error: unknown): boolean {
  const code = codeOf(error)
  if (code !== undefined) return certificateCodes.test(code)
  return error instanceof Error && error.message.includes('does not support SSL')
}

/** The database or the role has no connection left. The server accepted the password and the right to connect before it counted. */
export function isCrowded(error: unknown): boolean {
  return codeOf(error) === tooManyConnections && countsAfterLogin.has(routineOf(error))
}

/** The password is wrong, or the login may not connect: what an application would meet. */
export function isRefusedLogin(error: unknown): boolean {
  const code = codeOf(error) ?? ''
  return refusedCodes.has(code) || code === lacksRights
}

export function isForbidden(error: unknown): boolean {
  return codeOf(error) === lacksRights
}

export function isWrongPassword(error: unknown): boolean {
  return codeOf(error) === '28P01'
}

export function isCollision(error: unknown): boolean {
  const code = codeOf(error)
  if (code === 'XX000') return routineOf(error).startsWith('simple_heap_')
  return code !== undefined && collisionCodes.has(code)
}

/** What the statement names is not there, or no longer: whoever wanted it gone has what they wanted. */
export function isGone(error: unknown): boolean {
  return codeOf(error) === '42704'
}

/** The database that a statement names is not there, also where that was explained already. */
export function isNoDatabase(error: unknown): boolean {
  return codeOf(error instanceof TenantryError ? error.cause : error) === '3D000'
}

/** Somebody was faster with the same name. */
export function isTaken(error: unknown): boolean {
  return codeOf(error) === '42710'
}

export function isLocked(error: unknown): boolean {
  return codeOf(error) === lockTimeout
}

/** Another replica was at the same role: reading again shows what is left to do. */
export function isRace(error: unknown): boolean {
  return isCollision(error) || codeOf(error) === 'XX000'
}

/** An extension whose files the server does not have. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error)
  return code === '0A000' || code === '58P01'
}

export function codeOf(error: unknown): string | undefined {
  return textOf(error, 'code')
}

function routineOf(error: unknown): string {
  return textOf(error, 'routine') ?? ''
}

function textOf(error: unknown, field: 'code' | 'routine'): string | undefined {
  if (!(error instanceof Error)) return undefined
  const value: unknown = Reflect.get(error, field)
  return typeof value === 'string' ? value : undefined
}
