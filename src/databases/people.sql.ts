// The logins of people in a customer's database: what the server says of them, what they should be, and how they end.
// Holds NO-LATE, ISOLATED, NOTHING-LOST. A login and its mark are made in one transaction; the mark's second word says whose it is.
// The rule nobody would guess: PostgreSQL lets in at the very moment of VALID UNTIL, so a window's end is written 1 µs earlier.
import { escapeIdentifier as id, escapeLiteral as text } from 'pg'
import { TenantryError } from '../api/errors.ts'
import type { Change } from './change.sql.ts'
import {
  databaseName,
  groupNames,
  groupsOf,
  markOf,
  ownerRole,
  personPattern,
  type ApplicationRole,
} from './names.ts'
import { heldChanges, memberChanges, powerChanges, strangerChanges } from './roles.sql.ts'
import type { Session } from './server.ts'
import { administers, commentOn, groups, held, powers, strangers } from './state.sql.ts'
import type { RoleState } from './state.sql.ts'

export type PersonLogin = {
  /** From `personLogin`. */
  readonly login: string
  readonly password: string
  readonly group: ApplicationRole
  /** Epoch ms; at this moment the login is refused already. */
  readonly until: number | 'open'
  readonly of: 'technician' | 'member'
}

export type PersonState = Omit<RoleState, 'limited' | 'settings'> & {
  readonly oid: number
  readonly kind: string | null
  /** Epoch ms. */
  readonly until: number | null
  /** By the server's clock. */
  readonly ended: boolean
  readonly connectionLimit: number
  /** On the whole server, by `usesysid`: a session outlives the name of its role. */
  readonly sessions: number
}

/** What would be in the way of a DROP ROLE. */
export type Holding = {
  readonly owned: boolean
  /** The catalog that the object is in. */
  readonly catalog: string
  readonly where: 'shared' | 'database' | 'elsewhere'
}

/** @param everybody strangers too: in a group of the customer or with a session in its database, and without its mark */
export async function readPeople(
  signal: AbortSignal,
  sql: Session,
  customerUid: string,
  { verifiers, everybody = false }: { readonly verifiers: boolean; readonly everybody?: boolean },
): Promise<ReadonlyMap<string, PersonState>> {
  const own = groupNames(customerUid)
  const stranger = `r.rolname <> $5 AND NOT ${administers('r')}
    AND ${commentOn('r.oid', 'pg_authid')} IS DISTINCT FROM $4
    AND (r.oid IN (SELECT m.member FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                   WHERE g.rolname = ANY ($2))
      OR r.oid IN (SELECT s.usesysid FROM sessions s WHERE s.datname = $3))`
  const rows = await sql.query<PersonState>(
    signal,
    `WITH sessions AS MATERIALIZED (SELECT usesysid, datname FROM pg_stat_activity)
     SELECT r.oid, r.rolname::text AS name, r.rolcanlogin AS login, ${powers} AS powers,
       ${commentOn('r.oid', 'pg_authid')} AS mark, ${commentOn('r.oid', 'pg_authid', 2)} AS kind,
       (floor(extract(epoch FROM r.rolvaliduntil) * 1000) + 1)::float8 AS until,
       coalesce(r.rolvaliduntil < clock_timestamp(), false) AS ended,
       r.rolconnlimit AS "connectionLimit", ${held} AS held,
       ${verifiers ? 'r.rolpassword AS verifier,' : ''}
       (SELECT count(*)::int FROM sessions s WHERE s.usesysid = r.oid) AS sessions,
       ${groups} AS groups, ${strangers} AS strangers
     FROM ${verifiers ? 'pg_authid' : 'pg_roles'} r
     WHERE r.rolname ~ $1 OR r.rolname = ANY ($2) ${everybody ? `OR (${stranger})` : ''}
     ORDER BY r.rolname`,
    [
      personPattern(customerUid),
      own,
      ...(everybody ? [databaseName(customerUid), markOf(customerUid), ownerRole] : []),
    ],
  )
  return new Map(rows.map((row) => [row.name, row]))
}

/**
 * What makes one person's login what it should be.
 *
 * @param verifier of the password, for a login that is missing
 * @throws TenantryError ROLE_FOREIGN; DATABASE_FAILED while the customer's own roles are not there
 */
export function personChanges(
  uid: string,
  seen: ReadonlyMap<string, PersonState>,
  { login, group, until, of }: PersonLogin,
  verifier: string,
): readonly Change[] {
  const wanted = groupsOf(uid, { group, of })
  const found = seen.get(login)
  for (const ours of [...wanted.map((name) => seen.get(name)), found]) {
    if (ours && ours.mark !== markOf(uid)) throw new TenantryError('ROLE_FOREIGN', ours.name)
  }
  const missing = wanted.find((name) => !seen.has(name))
  if (missing !== undefined) {
    throw new TenantryError('DATABASE_FAILED', `${missing} is not made yet`)
  }
  const name = id(login)
  const end = `VALID UNTIL ${text(until === 'open' ? 'infinity' : lastMoment(until))}`
  const comment = `COMMENT ON ROLE ${name} IS ${text(`${markOf(uid)} ${of}`)}`
  const member = memberChanges(login, found, wanted, false)
  if (!found) {
    const create = [
      // An administrator that is no superuser may then end the sessions of the role that it makes.
      "SET createrole_self_grant = 'set, inherit'",
      `CREATE ROLE ${name} LOGIN PASSWORD ${text(verifier)} ${end}`,
      comment,
    ]
    return [{ what: `role ${login} is missing`, sql: create.join(';\n') }, ...member]
  }
  const changes: Change[] = []
  if (found.kind !== of) changes.push({ what: `${login} is not marked ${of}`, sql: comment })
  if (!found.login || endOf(found) !== until || found.connectionLimit !== -1) {
    const sql = `ALTER ROLE ${name} LOGIN CONNECTION LIMIT -1 ${end}`
    changes.push({ what: `${login} is closed, or has another end or limit`, sql })
  }
  return [
    ...changes,
    ...powerChanges(found),
    ...heldChanges(found),
    ...member,
    ...strangerChanges(found),
  ]
}

/** One transaction that neither meets the making of the same logins by another replica nor their dropping. */
export function asOne(uid: string, changes: readonly Change[]): string {
  return [`SELECT ${peopleLock(uid)}`, ...changes.map(({ sql }) => sql)].join(';\n')
}

export function endOf({ until }: PersonState): number | 'open' {
  return until === null || until === Infinity ? 'open' : until
}

/** @throws RangeError when it is no time */
function lastMoment(until: number): string {
  return new Date(until - 1).toISOString().replace('Z', '999Z')
}

function peopleLock(uid: string): string {
  return `pg_advisory_xact_lock(hashtextextended(${text(`${markOf(uid)} people`)}, 0))`
}

/**
 * No new session. It does not wait long: the person may hold the row, with a change of password in a transaction that stays
 * open, until that session is ended.
 */
export function closing({ name }: PersonState): string {
  return `SET LOCAL lock_timeout = '100ms';\nALTER ROLE ${id(name)} NOLOGIN VALID UNTIL 'now'`
}

/** No right in any session, and none to connect. */
export function leaving(person: PersonState): readonly string[] {
  return memberChanges(person.name, person, []).map(
    ({ sql }) => `SET LOCAL lock_timeout = '500ms';\n${sql}`,
  )
}

export function holding(person: PersonState): readonly string[] {
  return heldChanges(person).map(({ sql }) => sql)
}

/** Tells the sessions of these roles to end, and how many there were. */
export async function endSessions(
  signal: AbortSignal,
  sql: Session,
  oids: readonly number[],
): Promise<number> {
  const rows = await sql.query(
    signal,
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = ANY ($1::oid[])',
    [oids],
  )
  return rows.length
}

/**
 * Backends that have begun to enter the database and are not among the sessions yet. Whoever begins to holds a lock on the
 * database from before its right to connect is checked until after it is listed with its role.
 */
export async function readArriving(
  signal: AbortSignal,
  sql: Session,
  customerUid: string,
): Promise<readonly number[]> {
  const rows = await sql.query<{ pid: number }>(
    signal,
    `SELECT l.pid FROM pg_locks l
     JOIN pg_database d ON l.classid = 'pg_database'::regclass AND l.objid = d.oid
     WHERE l.locktype = 'object' AND l.mode = 'RowExclusiveLock' AND l.granted AND d.datname = $1
       AND NOT EXISTS (SELECT FROM pg_stat_activity s WHERE s.pid = l.pid AND s.usesysid IS NOT NULL)`,
    [databaseName(customerUid)],
  )
  return rows.map(({ pid }) => pid)
}

export async function endBackend(signal: AbortSignal, sql: Session, pid: number): Promise<void> {
  await sql.query(signal, 'SELECT pg_terminate_backend($1)', [pid])
}

const orphaned = `FROM pg_stat_activity s WHERE s.datname = $1 AND s.usesysid IS NOT NULL
  AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = s.usesysid)`

/** Sessions in the database whose role was dropped under them. */
export async function countOrphans(
  signal: AbortSignal,
  sql: Session,
  customerUid: string,
): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    signal,
    `SELECT count(*)::int AS count ${orphaned}`,
    [databaseName(customerUid)],
  )
  return row?.count ?? 0
}

export async function endOrphans(
  signal: AbortSignal,
  sql: Session,
  customerUid: string,
): Promise<void> {
  await sql.query(signal, `SELECT pg_terminate_backend(s.pid, 5000) ${orphaned}`, [
    databaseName(customerUid),
  ])
}

export async function readHoldings(
  signal: AbortSignal,
  sql: Session,
  customerUid: string,
  { oid }: PersonState,
): Promise<readonly Holding[]> {
  return sql.query<Holding>(
    signal,
    `SELECT DISTINCT h.deptype = 'o' AS owned, h.classid::regclass::text AS catalog,
       CASE h.dbid WHEN 0 THEN 'shared'
         WHEN (SELECT d.oid FROM pg_database d WHERE d.datname = $2) THEN 'database'
         ELSE 'elsewhere' END AS "where"
     FROM pg_shdepend h WHERE h.refclassid = 'pg_authid'::regclass AND h.refobjid = $1`,
    [oid, databaseName(customerUid)],
  )
}

/** To be executed in the customer's database. */
export function dropOwned(uid: string, person: PersonState): string {
  return whileClosed(uid, person, `DROP OWNED BY ${id(person.name)}`)
}

export function dropRole(uid: string, person: PersonState): string {
  return whileClosed(uid, person, `DROP ROLE ${id(person.name)}`)
}

/** Only the very role that was closed: a person may have been let in again, under the same name, since it was looked at. */
function whileClosed(uid: string, { oid, name }: PersonState, statement: string): string {
  return `SET LOCAL lock_timeout = '1s';
    DO $do$ BEGIN
      PERFORM ${peopleLock(uid)};
      IF EXISTS (SELECT FROM pg_roles WHERE oid = ${oid} AND rolname = ${text(name)} AND NOT rolcanlogin) THEN
        ${statement};
      END IF;
    END $do$`
}
