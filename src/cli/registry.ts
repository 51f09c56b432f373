// The registry, asked as oneself: the one login by which a person sees the devices and the audit of all
// customers that are open. Whoever has none, or cannot reach the server from here, is told so by what is
// returned, and the command shows what Kubernetes knows.

import { Client } from 'pg'
import { isRegistrySecret } from '../api/names.ts'
import { Failure } from './failures.ts'
import { ownLogin, type Login } from './logins.ts'
import type { Ask } from './registry.sql.ts'
import type { Session } from './session.ts'

export type Asked<T> =
  | { readonly from: 'registry'; readonly answer: T }
  | { readonly from: 'nowhere'; readonly why: string }

const dialTimeoutMs = 5_000
const statementTimeoutMs = 30_000

export async function askRegistry<T>(
  session: Session,
  work: (ask: Ask) => Promise<T>,
): Promise<Asked<T>> {
  const login = await ownLogin(session, isRegistrySecret)
  if (!login) {
    return {
      from: 'nowhere',
      why: 'you have no login in the registry; technicians have one while they may enter, Admins with databaseLogin',
    }
  }
  const { signal } = session
  signal.throwIfAborted()
  const client = clientOf(login)
  const stop = () => void client.end().catch(() => {})
  client.on('error', () => {}) // the query that was cut hears of it
  signal.addEventListener('abort', stop, { once: true })
  try {
    try {
      await client.connect()
    } catch (error) {
      signal.throwIfAborted()
      return { from: 'nowhere', why: whyNot(error, login) }
    }
    const answer = await work(async (text, values) => (await client.query(text, [...values])).rows)
    return { from: 'registry', answer }
  } catch (error) {
    signal.throwIfAborted()
    throw failureIn(error)
  } finally {
    signal.removeEventListener('abort', stop)
    await client.end().catch(() => {})
  }
}

function clientOf(login: Login): Client {
  const ca = login['ca.crt'] ?? ''
  return new Client({
    host: login['host'] ?? '',
    port: Number(login['port']),
    user: login['username'] ?? '',
    password: login['password'] ?? '',
    database: login['dbname'] ?? '',
    ssl: ca === '' ? false : { ca },
    connectionTimeoutMillis: dialTimeoutMs,
    statement_timeout: statementTimeoutMs,
    application_name: 'kubectl-tenantry',
  })
}

function whyNot(error: unknown, { host = '', port = '' }: Login): string {
  return sqlState(error)?.startsWith('28') === true
    ? 'the registry does not accept your login (any more)'
    : `the registry at ${host}:${port} cannot be reached from here`
}

function failureIn(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Failure) return error
  if (error instanceof TypeError || error instanceof RangeError) return error // a fault of ours
  const state = sqlState(error)
  const cause = { cause: error }
  // 57P01: the session was ended, as it is when a window ends.
  if (state === '57P01') return new Failure('NOT_ALLOWED', 'Your access has just ended.', cause)
  if (state === '42501') {
    return new Failure('NOT_ALLOWED', 'The registry does not show you this.', cause)
  }
  return new Failure('UNREACHABLE', `The registry does not answer: ${error.message}.`, cause)
}

function sqlState(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}
