// People's logins in the registry: one per person, whatever the number of customers. What it shows follows the ledger and the clock
// without anybody's doing; a login ends when the ledger lets its person in nowhere any more. Holds ISOLATED, NO-LATE.
import { escapeIdentifier as id, escapeLiteral as text } from 'pg'
import { commentOn } from '../state.sql.ts'
import { controlMark, viewerRole } from '../control/names.ts'
import type { Session } from '../server.ts'

/** What visible_customers takes for a person's login. */
const pattern = '^tenantry_p_[a-z2-7]{26}$'

/** @param person the key of the ledger */
export function viewerLogin(person: string): string {
  return `tenantry_p_${person}`
}

export type ViewerState = {
  readonly mark: string | null
  readonly canLogin: boolean
  readonly isViewer: boolean
}

export async function readViewer(
  signal: AbortSignal,
  sql: Session,
  login: string,
): Promise<ViewerState | undefined> {
  const [found] = await sql.query<ViewerState>(
    signal,
    `SELECT ${commentOn('r.oid', 'pg_authid')} AS mark, r.rolcanlogin AS "canLogin",
       EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
         WHERE m.member = r.oid AND g.rolname = $2 AND m.inherit_option AND NOT m.admin_option) AS "isViewer"
     FROM pg_roles r WHERE r.rolname = $1`,
    [login, viewerRole],
  )
  return found
}

/** One transaction: a login without the mark was never ours. */
export async function createViewer(
  signal: AbortSignal,
  sql: Session,
  login: string,
  verifier: string,
): Promise<void> {
  await sql.query(
    signal,
    `SET createrole_self_grant = 'set, inherit';
     CREATE ROLE ${id(login)} LOGIN PASSWORD ${text(verifier)};
     COMMENT ON ROLE ${id(login)} IS ${text(controlMark)};
     GRANT ${id(viewerRole)} TO ${id(login)} WITH INHERIT TRUE, SET FALSE`,
  )
}

export async function repairViewer(
  signal: AbortSignal,
  sql: Session,
  login: string,
  verifier: string,
): Promise<void> {
  await sql.query(
    signal,
    `ALTER ROLE ${id(login)} LOGIN PASSWORD ${text(verifier)};
     GRANT ${id(viewerRole)} TO ${id(login)} WITH INHERIT TRUE, SET FALSE`,
  )
}

/** Logins of ours whose person may enter no customer. */
export function readEnded(
  signal: AbortSignal,
  sql: Session,
): Promise<readonly { readonly login: string; readonly person: string }[]> {
  return sql.query(
    signal,
    `SELECT r.rolname::text AS login, right(r.rolname::text, 26) AS person FROM pg_roles r
     WHERE r.rolname ~ $1 AND ${commentOn('r.oid', 'pg_authid')} = $2
       AND NOT EXISTS (SELECT FROM tenantry.ledger l WHERE l.person_key = right(r.rolname::text, 26)
         AND l.ended IS NULL AND clock_timestamp() < l.until)`,
    [pattern, controlMark],
  )
}

export async function readOutside(
  signal: AbortSignal,
  sql: Session,
  people: readonly string[],
): Promise<readonly string[]> {
  const rows = await sql.query<{ person: string }>(
    signal,
    `SELECT p.person FROM unnest($1::text[]) AS p (person)
     WHERE NOT EXISTS (SELECT FROM tenantry.ledger l WHERE l.person_key = p.person
       AND l.ended IS NULL AND clock_timestamp() < l.until)`,
    [people],
  )
  return rows.map(({ person }) => person)
}

/** No new session, then none at all, then no login. What it may have left is its own: it can make no object but a large one. */
export async function dropViewer(signal: AbortSignal, sql: Session, login: string): Promise<void> {
  await sql.query(signal, `ALTER ROLE ${id(login)} NOLOGIN`)
  await sql.query(
    signal,
    'SELECT pg_terminate_backend(s.pid, 5000) FROM pg_stat_activity s JOIN pg_roles r ON r.oid = s.usesysid WHERE r.rolname = $1',
    [login],
  )
  await sql.query(signal, `DROP OWNED BY ${id(login)}; DROP ROLE ${id(login)}`)
}

/**
 * Ends the sessions in which something was visible that is not any more: a cursor that was opened before would go on.
 *
 * @returns how many there were
 */
export async function endSessions(signal: AbortSignal, sql: Session): Promise<number> {
  const ended = await sql.query(
    signal,
    `SELECT pg_terminate_backend(s.pid) FROM pg_stat_activity s
     WHERE s.usename ~ $1 AND EXISTS (SELECT FROM tenantry.ledger l
       WHERE l.person_key = right(s.usename::text, 26) AND l.refusal IS NULL
         AND coalesce(l.ended, l.until) BETWEEN s.backend_start AND clock_timestamp())`,
    [pattern],
  )
  return ended.length
}
