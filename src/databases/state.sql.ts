// What a server's catalogs say of one customer, or of all of them: the same two queries, the same shape, so that one set of rules
// judges both. Reading only. Whoever may make roles or is a superuser administers the server and is nobody's intruder.
import {
  applicationRolesOf,
  databaseName,
  databasePattern,
  ownerRole,
  rolePattern,
} from './names.ts'
import type { Session } from './server.ts'

export type Membership = {
  /** The group, seen from the member; the member, seen from the group. */
  readonly name: string
  readonly grantor: string
  readonly inherit: boolean
  readonly set: boolean
  readonly admin: boolean
}

export type RoleState = {
  readonly name: string
  readonly login: boolean
  /** Attributes that nobody of a customer has, such as SUPERUSER. */
  readonly powers: readonly string[]
  /** It has an end or a connection limit of its own. */
  readonly limited: boolean
  readonly mark: string | null
  /** The operator may act as this role. */
  readonly held: boolean
  /** Undefined where only a superuser may read it and the operator is none. */
  readonly verifier?: string | null
  readonly groups: readonly Membership[]
  /** Members that do not carry the mark of this role, administrators of the server left out. */
  readonly strangers: readonly Membership[]
  /** Settings for sessions in the customer's database, `name=value`. */
  readonly settings: readonly string[]
}

export type DatabaseState = {
  readonly name: string
  readonly owner: string
  readonly open: boolean
  /** Somebody with CREATEDB could copy it. */
  readonly template: boolean
  /** -2: PostgreSQL calls it invalid, because a DROP DATABASE was interrupted. */
  readonly connectionLimit: number
  readonly mark: string | null
  /** `<role>:<privilege>` of everybody but the owner, with `*` when it may be handed on; PUBLIC is the empty name. */
  readonly rights: readonly string[]
  readonly settings: readonly string[]
  /** Roles with a session in it that do not carry its mark or may not sign in, administrators of the server left out. */
  readonly intruders: readonly string[]
  /** Whether the operator may act as its owner. */
  readonly held: boolean
}

export type ServerState = {
  /** The role that owns all customers' databases. */
  readonly owner: RoleState | undefined
  /** The server's own databases, which customers' logins would enter if nobody closed them. */
  readonly doors: readonly DatabaseState[]
  /** By name. */
  readonly roles: ReadonlyMap<string, RoleState>
  readonly databases: ReadonlyMap<string, DatabaseState>
  /** The server's clock as it answered, in ms since 1970. */
  readonly clock: number
}

/** One customer, all of them, or none: the server's own. */
export type Selection = { readonly customerUid: string } | 'all' | 'none'

/**
 * Two queries, whatever the selection.
 *
 * @param verifiers whether the operator may read them
 */
export async function readState(
  signal: AbortSignal,
  sql: Session,
  selection: Selection,
  verifiers: boolean,
): Promise<ServerState> {
  const databases = await readDatabases(signal, sql, selection)
  const roles = await readRoles(signal, sql, selection, verifiers)
  const customers = databases.filter(({ name }) => new RegExp(databasePattern).test(name))
  return {
    owner: roles.find(({ name }) => name === ownerRole),
    doors: databases.filter((database) => !customers.includes(database)),
    roles: new Map(roles.filter(({ name }) => name !== ownerRole).map((role) => [role.name, role])),
    databases: new Map(customers.map((database) => [database.name, database])),
    clock: databases[0]?.clock ?? NaN,
  }
}

/** A column and not a query of its own: it is asked on every look. */
type WithClock = { readonly clock: number }

async function readDatabases(
  signal: AbortSignal,
  sql: Session,
  selection: Selection,
): Promise<readonly (DatabaseState & WithClock)[]> {
  const [condition, value] =
    selection === 'all'
      ? ['d.datname ~ $1', databasePattern]
      : ['d.datname = $1', selection === 'none' ? '' : databaseName(selection.customerUid)]
  return sql.queryOften<DatabaseState & WithClock>(
    signal,
    `WITH sessions AS MATERIALIZED (
       SELECT s.datid, coalesce(r.rolname::text, 'a role that was dropped') AS name,
         ${commentOn('s.usesysid', 'pg_authid')} AS mark, r.rolcanlogin IS FALSE AS shut
       FROM pg_stat_activity s LEFT JOIN pg_roles r ON r.oid = s.usesysid
       WHERE s.datid IS NOT NULL AND s.usesysid IS NOT NULL AND NOT coalesce(${administers('r')}, false))
     SELECT d.datname::text AS name, pg_get_userbyid(d.datdba)::text AS owner, d.datallowconn AS open,
       d.datistemplate AS template, d.datconnlimit AS "connectionLimit",
       ${commentOn('d.oid', 'pg_database')} AS mark,
       ARRAY(SELECT ${rightOf('a')} FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
             WHERE a.grantee <> d.datdba ORDER BY 1) AS rights,
       ARRAY(SELECT unnest(c.setconfig) FROM pg_db_role_setting c
             WHERE c.setdatabase = d.oid AND c.setrole = 0) AS settings,
       ARRAY(SELECT DISTINCT s.name FROM sessions s WHERE s.datid = d.oid
             AND (s.shut OR s.mark IS DISTINCT FROM ${commentOn('d.oid', 'pg_database')})) AS intruders,
       pg_has_role(d.datdba, 'USAGE') AS held,
       (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS clock
     FROM pg_database d
     WHERE ${condition} OR d.datname IN ('postgres', 'template1', current_database())`,
    [value],
  )
}

async function readRoles(
  signal: AbortSignal,
  sql: Session,
  selection: Selection,
  verifiers: boolean,
): Promise<readonly RoleState[]> {
  const [condition, value] =
    selection === 'all'
      ? ['r.rolname ~ $1', rolePattern]
      : [
          'r.rolname = ANY ($1)',
          selection === 'none' ? [] : applicationRolesOf(selection.customerUid),
        ]
  return sql.queryOften<RoleState>(
    signal,
    `SELECT r.rolname::text AS name, r.rolcanlogin AS login,
       ${powers} AS powers,
       r.rolconnlimit <> -1 OR coalesce(r.rolvaliduntil <> 'infinity', false) AS limited,
       ${commentOn('r.oid', 'pg_authid')} AS mark,
       ${held} AS held,
       ${verifiers ? 'r.rolpassword AS verifier,' : ''}
       ${groups} AS groups,
       ${strangers} AS strangers,
       -- Both keys: with the role alone each role would be looked for in all settings of the server.
       ARRAY(SELECT unnest(c.setconfig) FROM pg_db_role_setting c
             WHERE c.setrole = r.oid AND c.setdatabase =
               (SELECT d.oid FROM pg_database d WHERE d.datname = left(r.rolname::text, 28)::name)) AS settings
     FROM ${verifiers ? 'pg_authid' : 'pg_roles'} r WHERE ${condition} OR r.rolname = $2`,
    [value, ownerRole],
  )
}

/**
 * Who may connect to a database by PostgreSQL's own judgement and does not carry the customer's mark, administrators left out.
 * Judged is whoever could owe the right to the owner, to a grant or to a membership of whatever depth; with a grant to all, everybody.
 */
export async function readWhoMayConnect(
  signal: AbortSignal,
  sql: Session,
  database: string,
  mark: string,
): Promise<readonly string[]> {
  const rows = await sql.queryOften<{ name: string }>(
    signal,
    `WITH RECURSIVE door AS MATERIALIZED (SELECT d.oid, d.datdba, d.datacl FROM pg_database d WHERE d.datname = $1),
     granted AS MATERIALIZED (
       SELECT a.grantee FROM door, aclexplode(coalesce(door.datacl, acldefault('d', door.datdba))) a
       WHERE a.privilege_type = 'CONNECT'),
     candidates (oid) AS (
       (SELECT grantee FROM granted WHERE grantee <> 0 UNION SELECT datdba FROM door
        UNION SELECT r.oid FROM pg_roles r WHERE (SELECT bool_or(grantee = 0) FROM granted))
       -- OFFSET and ARRAY: PostgreSQL expects thousands of candidates and would read both catalogs whole.
       UNION SELECT m.member FROM candidates c,
         LATERAL (SELECT m.member FROM pg_auth_members m WHERE m.roleid = c.oid OFFSET 0) m)
     SELECT r.rolname::text AS name FROM pg_roles r
     WHERE r.oid = ANY (ARRAY(
         SELECT c.oid FROM candidates c, door WHERE has_database_privilege(c.oid, door.oid, 'CONNECT')))
       AND NOT ${administers('r')} AND r.rolname <> $3
       AND ${commentOn('r.oid', 'pg_authid')} IS DISTINCT FROM $2
     ORDER BY 1 LIMIT 10`,
    [database, mark, ownerRole],
  )
  return rows.map(({ name }) => name)
}

/** How many databases the server holds for customers, and whether this customer's is among them. */
export async function countDatabases(
  signal: AbortSignal,
  sql: Session,
  name: string,
  mark: string,
): Promise<{ readonly used: number; readonly holds: boolean }> {
  const [row] = await sql.query<{ used: number; holds: boolean }>(
    signal,
    `SELECT count(*)::int AS used,
       coalesce(bool_or(d.datname = $2 AND ${commentOn('d.oid', 'pg_database')} = $3), false) AS holds
     FROM pg_database d WHERE d.datname ~ $1`,
    [databasePattern, name, mark],
  )
  return row ?? { used: 0, holds: false }
}

/**
 * The mark on a role or database; a word after it says what kind of person a login belongs to. `shobj_description` says the same
 * and costs a function call for each row: 0.2 ms.
 */
export function commentOn(
  oid: string,
  catalog: 'pg_authid' | 'pg_database',
  word: 1 | 2 = 1,
): string {
  return `(SELECT split_part(x.description, ' ', ${word}) FROM pg_shdescription x
    WHERE x.objoid = ${oid} AND x.classoid = '${catalog}'::regclass)`
}

/** A condition on a row of pg_roles. */
export function administers(role: string): string {
  return `(${role}.rolsuper OR ${role}.rolcreaterole OR ${role}.rolname = current_user)`
}

/** A row of `aclexplode` as text. */
export function rightOf(acl: string): string {
  return `CASE WHEN ${acl}.grantee = 0 THEN '' ELSE pg_get_userbyid(${acl}.grantee)::text END
    || ':' || ${acl}.privilege_type || CASE WHEN ${acl}.is_grantable THEN '*' ELSE '' END`
}

/** A row `m` of pg_auth_members as JSON. */
export function membership(other: string): string {
  return `json_build_object('name', ${other}.rolname, 'grantor', pg_get_userbyid(m.grantor),
    'inherit', m.inherit_option, 'set', m.set_option, 'admin', m.admin_option)`
}

// Columns of a row `r` of pg_roles, as a RoleState has them.

export const powers = `array_remove(ARRAY[
  CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
  CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
  CASE WHEN r.rolreplication THEN 'REPLICATION' END,
  CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END], NULL)`

export const held = `pg_has_role(r.oid, 'USAGE') AND pg_has_role(r.oid, 'SET')`

export const groups = `ARRAY(
  SELECT ${membership('g')} FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
  WHERE m.member = r.oid ORDER BY g.rolname)`

export const strangers = `ARRAY(
  SELECT ${membership('n')} FROM pg_auth_members m JOIN pg_roles n ON n.oid = m.member
  WHERE m.roleid = r.oid AND NOT ${administers('n')}
    AND ${commentOn('n.oid', 'pg_authid')} IS DISTINCT FROM ${commentOn('r.oid', 'pg_authid')}
  ORDER BY n.rolname)`
