// Once per server: is it fit, does it have the role that owns all databases, and are its own databases closed to customers?
import { escapeIdentifier as id, escapeLiteral as text } from 'pg'
import { TenantryError } from '../api/errors.ts'
import type { Change } from './change.sql.ts'
import { isForbidden } from './failures.ts'
import { ownerRole } from './names.ts'
import { attributeChanges, memberChanges, strangerChanges } from './roles.sql.ts'
import type { Session } from './server.ts'
import type { DatabaseState, RoleState, ServerState } from './state.sql.ts'

const ownerMark = 'tenantry:server'
const oldest = 160_000 // 16.0: GRANT's INHERIT and SET options

export type Fitness = {
  /** A superuser may; elsewhere passwords are checked by signing in. */
  readonly readsVerifiers: boolean
}

/** @throws TenantryError SERVER_UNSUITABLE */
export async function readFitness(signal: AbortSignal, sql: Session): Promise<Fitness> {
  const [self] = await sql.query<Fitness & { version: number; able: boolean }>(
    signal,
    `SELECT current_setting('server_version_num')::int AS version,
       rolsuper OR (rolcreatedb AND rolcreaterole) AS able,
       rolsuper AS "readsVerifiers"
     FROM pg_roles WHERE rolname = current_user`,
  )
  if (!self?.able || self.version < oldest) {
    throw new TenantryError('SERVER_UNSUITABLE', `${sql.serverName} (${self?.version ?? 0})`)
  }
  return self
}

/** Something that differs on the server itself. What the operator may not put right has no statement. */
export type ServerChange = { readonly what: string; readonly sql?: string }

/** @throws TenantryError ROLE_FOREIGN when somebody else made the role that is to own the databases */
export function serverChanges({ owner, doors }: ServerState): readonly ServerChange[] {
  return [...ownerChanges(owner), ...doors.flatMap(doorChanges)]
}

/**
 * Puts the server right, one operator at a time. What the operator may not do stays as it is: the proof of each customer and the
 * look at the server say so, and nobody's database waits for it.
 *
 * @returns whether anything was written
 */
export async function repairServer(
  signal: AbortSignal,
  sql: Session,
  read: () => Promise<ServerState>,
): Promise<boolean> {
  const lock = 'hashtextextended($1, 0)'
  let wrote = false
  await sql.query(signal, `SELECT pg_advisory_lock(${lock})`, [ownerMark])
  for (const change of serverChanges(await read())) {
    if (change.sql === undefined) continue
    try {
      await sql.query(signal, change.sql)
      wrote = true
    } catch (error) {
      if (!isForbidden(error)) throw error
    }
  }
  await sql.query(signal, `SELECT pg_advisory_unlock(${lock})`, [ownerMark])
  return wrote
}

/**
 * One worker per customer over all replicas, until `unlockAll` or the end of the session. After this a creator that is no
 * superuser may act as the roles that it makes.
 */
export async function lockCustomer(signal: AbortSignal, sql: Session, mark: string): Promise<void> {
  await sql.query(
    signal,
    `SELECT set_config('createrole_self_grant', 'set, inherit', false),
       pg_advisory_lock(hashtextextended($1, 0))`,
    [mark],
  )
}

export async function unlockAll(signal: AbortSignal, sql: Session): Promise<void> {
  await sql.query(signal, 'SELECT pg_advisory_unlock_all()')
}

/** The least that shows that a session works. */
export async function answer(signal: AbortSignal, sql: Session): Promise<void> {
  await sql.query(signal, 'SELECT 1')
}

function ownerChanges(owner: RoleState | undefined): readonly Change[] {
  const name = id(ownerRole)
  if (!owner) {
    const sql = `CREATE ROLE ${name} NOLOGIN;\nCOMMENT ON ROLE ${name} IS ${text(ownerMark)}`
    return [{ what: `role ${ownerRole} is missing`, sql }]
  }
  if (owner.mark !== ownerMark) throw new TenantryError('ROLE_FOREIGN', ownerRole)
  return [
    ...attributeChanges(owner, 'NOLOGIN'),
    ...memberChanges(ownerRole, owner, []),
    ...strangerChanges(owner),
  ]
}

/** Customers' logins would enter it, and take advisory locks beside the operator's. */
function doorChanges({ name, rights, held }: DatabaseState): readonly ServerChange[] {
  if (!rights.some((right) => right.startsWith(':'))) return []
  const what = `database ${name} is open to PUBLIC`
  if (held) return [{ what, sql: `REVOKE ALL ON DATABASE ${id(name)} FROM PUBLIC` }]
  return [{ what: `${what}, and the operator may not close it: its owner has to` }]
}
