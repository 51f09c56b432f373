// The server's clock, and who is in a database although the time of the login is over.
import { personLoginPattern } from './names.ts'
import type { Session } from './server.ts'
import { commentOn } from './state.sql.ts'

/** @returns ms since 1970, as the server sees it at this very moment */
export async function readClock(signal: AbortSignal, sql: Session): Promise<number> {
  const [row] = await sql.query<{ now: number }>(
    signal,
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
  )
  return row?.now ?? NaN
}

/**
 * Tells the sessions of all people of all customers to end whose login has ended, by the server's clock or by ours.
 *
 * @param now ms since 1970
 * @returns how many there were
 */
export async function endExpired(signal: AbortSignal, sql: Session, now: number): Promise<number> {
  const rows = await sql.query(
    signal,
    `SELECT pg_terminate_backend(s.pid) FROM pg_stat_activity s JOIN pg_roles r ON r.oid = s.usesysid
     WHERE r.rolname ~ $1 AND r.rolvaliduntil <= greatest(clock_timestamp(), to_timestamp($2::float8 / 1000))
       AND starts_with(${commentOn('r.oid', 'pg_authid')}, 'tenantry:')
       -- One that we may not end must not keep the others in.
       AND pg_has_role(r.oid, 'USAGE')`,
    [personLoginPattern, now],
  )
  return rows.length
}
