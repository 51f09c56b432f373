// Makes the control database and its roles where they are missing, and keeps everybody else out of it. Holds NOTHING-LOST,
// ISOLATED: what somebody else made under these names is not touched. Crash-safe: each statement leaves a state from which the
// next run goes on, and the database accepts connections only when PUBLIC is out.
import { escapeIdentifier as id, escapeLiteral as text } from 'pg'
import { TenantryError } from '../../api/errors.ts'
import { commentOn } from '../state.sql.ts'
import type { Session } from '../server.ts'
import { controlDatabase, controlMark, controlOwner, controlRoles, writerRole } from './names.ts'

type Seen = {
  readonly roles: readonly {
    readonly name: string
    readonly mark: string | null
    readonly held: boolean
  }[]
  readonly database:
    | {
        readonly owner: string
        readonly mark: string | null
        readonly open: boolean
        readonly isPublic: boolean
      }
    | undefined
}

/** @throws TenantryError ROLE_FOREIGN, DATABASE_FOREIGN: nothing was touched then */
export async function createControlDatabase(signal: AbortSignal, sql: Session): Promise<void> {
  // After this an administrator who is no superuser may act as the roles that it makes.
  await sql.query(
    signal,
    `SELECT set_config('createrole_self_grant', 'set, inherit', false),
       pg_advisory_lock(hashtextextended($1, 0))`,
    [controlMark],
  )
  for (;;) {
    const next = nextStatement(await read(signal, sql))
    if (next === undefined) break
    await sql.query(signal, next)
  }
  await sql.query(signal, 'SELECT pg_advisory_unlock_all()')
}

function nextStatement({ roles, database }: Seen): string | undefined {
  for (const { name, mark, held } of roles) {
    if (mark !== controlMark) throw new TenantryError('ROLE_FOREIGN', name)
    if (!held) return `GRANT ${id(name)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`
  }
  const name = id(controlDatabase)
  const missing = controlRoles.find((role) => !roles.some((found) => found.name === role))
  if (missing !== undefined) {
    // One transaction: a role without the mark was never ours.
    return `CREATE ROLE ${id(missing)} NOLOGIN;
      COMMENT ON ROLE ${id(missing)} IS ${text(controlMark)}`
  }
  if (!database) {
    return `CREATE DATABASE ${name} OWNER ${id(controlOwner)} TEMPLATE template0 STRATEGY wal_log ALLOW_CONNECTIONS false`
  }
  // CREATE DATABASE cannot be in a transaction: ours may have been left between it and its mark, closed.
  const unfinished = database.mark === null && database.owner === controlOwner && !database.open
  if (database.mark !== controlMark && !unfinished) {
    throw new TenantryError('DATABASE_FOREIGN', controlDatabase)
  }
  if (database.mark === null) return `COMMENT ON DATABASE ${name} IS ${text(controlMark)}`
  if (database.isPublic) {
    return `REVOKE ALL ON DATABASE ${name} FROM PUBLIC;
      GRANT CONNECT ON DATABASE ${name} TO ${id(writerRole)}`
  }
  return database.open ? undefined : `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`
}

async function read(signal: AbortSignal, sql: Session): Promise<Seen> {
  const roles = await sql.query<Seen['roles'][number]>(
    signal,
    `SELECT r.rolname::text AS name, ${commentOn('r.oid', 'pg_authid')} AS mark,
       pg_has_role(r.oid, 'USAGE') AND pg_has_role(r.oid, 'SET') AS held
     FROM pg_roles r WHERE r.rolname = ANY ($1)`,
    [controlRoles],
  )
  const [database] = await sql.query<NonNullable<Seen['database']>>(
    signal,
    `SELECT pg_get_userbyid(d.datdba)::text AS owner, ${commentOn('d.oid', 'pg_database')} AS mark,
       d.datallowconn AS open,
       EXISTS (SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
               WHERE a.grantee = 0) AS "isPublic"
     FROM pg_database d WHERE d.datname = $1`,
    [controlDatabase],
  )
  return { roles, database }
}
