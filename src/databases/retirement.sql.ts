// The end of a customer's database, and the proof that must come before it. Holds NOTHING-LOST.
// Nothing here is executed for a database that is open, has another mark, another owner or another number than the one that
// was recorded when its customer was deleted: that one is somebody else's, or somebody has brought it back by hand.
import { escapeIdentifier as id } from 'pg'
import { TenantryError } from '../api/errors.ts'
import { applicationRolesOf, databaseName, markOf, ownerRole, personPattern } from './names.ts'
import type { Session } from './server.ts'
import { administers, commentOn } from './state.sql.ts'

export type Standing = {
  readonly oid: number
  readonly owner: string
  readonly mark: string | null
  readonly open: boolean
}

export async function readStanding(
  signal: AbortSignal,
  sql: Session,
  madeFor: string,
): Promise<Standing | undefined> {
  const [found] = await sql.query<Standing>(
    signal,
    `SELECT d.oid, pg_get_userbyid(d.datdba)::text AS owner,
       ${commentOn('d.oid', 'pg_database')} AS mark, d.datallowconn AS open
     FROM pg_database d WHERE d.datname = $1`,
    [databaseName(madeFor)],
  )
  return found
}

/** @throws TenantryError DATABASE_FOREIGN */
export function refuseForeign(madeFor: string, found: Standing): void {
  if (found.mark !== markOf(madeFor) || found.owner !== ownerRole) {
    throw new TenantryError('DATABASE_FOREIGN', databaseName(madeFor))
  }
}

/** @throws TenantryError DATABASE_FOREIGN, DATABASE_REOPENED */
export function refuseToDrop(madeFor: string, oid: number, found: Standing): void {
  refuseForeign(madeFor, found)
  if (found.oid !== oid) throw new TenantryError('DATABASE_FOREIGN', databaseName(madeFor))
  if (found.open) throw new TenantryError('DATABASE_REOPENED', databaseName(madeFor))
}

export async function close(signal: AbortSignal, sql: Session, madeFor: string): Promise<void> {
  await sql.query(signal, `ALTER DATABASE ${id(databaseName(madeFor))} ALLOW_CONNECTIONS false`)
}

/** @returns how many there were; administrators of the server are nobody of the customer's */
export async function endSessions(
  signal: AbortSignal,
  sql: Session,
  madeFor: string,
): Promise<number> {
  const ended = await sql.query(
    signal,
    `SELECT pg_terminate_backend(s.pid, 5000)
     FROM pg_stat_activity s LEFT JOIN pg_roles r ON r.oid = s.usesysid
     WHERE s.datname = $1 AND s.usesysid IS NOT NULL AND NOT coalesce(${administers('r')}, false)`,
    [databaseName(madeFor)],
  )
  return ended.length
}

/** Without FORCE: PostgreSQL refuses while anybody is connected. */
export async function dropDatabase(
  signal: AbortSignal,
  sql: Session,
  madeFor: string,
): Promise<void> {
  await sql.query(signal, `DROP DATABASE ${id(databaseName(madeFor))}`)
}

/** Those that carry the mark, people's among them who were kept for what they owned. */
export async function readRoles(
  signal: AbortSignal,
  sql: Session,
  madeFor: string,
): Promise<readonly string[]> {
  const rows = await sql.query<{ name: string }>(
    signal,
    `SELECT r.rolname::text AS name FROM pg_roles r
     WHERE (r.rolname = ANY ($1) OR r.rolname ~ $2) AND ${commentOn('r.oid', 'pg_authid')} = $3
     ORDER BY r.rolname`,
    [applicationRolesOf(madeFor), personPattern(madeFor), markOf(madeFor)],
  )
  return rows.map(({ name }) => name)
}

/** PostgreSQL refuses while the role owns anything anywhere. */
export async function dropRole(signal: AbortSignal, sql: Session, name: string): Promise<void> {
  await sql.query(signal, `DROP ROLE ${id(name)}`)
}
