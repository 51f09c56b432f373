// What is still missing between a server and one customer's database as it should be. Pure: state in, statements out.
// Holds ISOLATED, QUIET, NOTHING-LOST: no statement here takes data away. The order keeps the database closed until nobody else
// can enter it: roles, database, mark, rights, sessions, open, inside. The caller executes the first step and reads again.
import { escapeIdentifier as id, escapeLiteral as text } from 'pg'
import { TenantryError } from '../api/errors.ts'
import { difference, type Change, type DatabaseSpec } from './change.sql.ts'
import {
  createExtension,
  extensionSchemaChanges,
  publicChanges,
  type InsideState,
} from './inside.sql.ts'
import { databaseName, groupName, loginName, markOf, ownerRole } from './names.ts'
import { roleChanges, type Slots, type Verifiers } from './roles.sql.ts'
import { administers, commentOn, type DatabaseState, type RoleState } from './state.sql.ts'
import { claimChange } from './warm-pool.sql.ts'

export type DatabaseSeen = {
  readonly roles: ReadonlyMap<string, RoleState>
  readonly database: DatabaseState | undefined
  /** Undefined while the database is missing or closed, and where nobody looked inside. */
  readonly inside: InsideState | undefined
}

/** A batch is one transaction, unless it is a single statement that must stand alone. */
export type Step = {
  readonly name: string
  readonly where: 'server' | 'database'
  readonly changes: readonly Change[]
}

const rolesStep = 'roles'
/** The two steps that give a customer a database: a new one, or one of the warm pool. */
export const creationStep = 'create database'
export const claimStep = 'claim database'

export function makesDatabase(step: string): boolean {
  return step === creationStep || step === claimStep
}

/** For those who only ask what differs. */
export const noVerifiers: Verifiers = { adm: '', rw: '', ro: '' }

/**
 * All that differs, in the order in which it is put right.
 *
 * @throws TenantryError ROLE_FOREIGN, DATABASE_FOREIGN, DATABASE_BROKEN, SCHEMA_FOREIGN: nothing of this customer is touched then
 */
export function missingSteps(
  spec: DatabaseSpec,
  seen: DatabaseSeen,
  used: Slots,
  verifiers: Verifiers,
): readonly Step[] {
  refuseForeign(spec, seen)
  const roles = roleChanges(spec, seen.roles, used, verifiers)
  const { database } = seen
  const steps: Step[] = [
    { name: rolesStep, where: 'server', changes: roles },
    ...(database
      ? databaseSteps(spec, seen, database, used)
      : [{ name: creationStep, where: 'server' as const, changes: [creation(spec)] }]),
  ]
  return steps.filter(({ changes }) => changes.length > 0)
}

/**
 * All steps from no database to one that is open, in the order of `missingSteps`. What a database is like that was just made, or was
 * claimed, is known beforehand; whoever executes them reads again afterwards.
 *
 * @param pooled the name of one of the warm pool; left out, it is made
 */
export function makingSteps(
  spec: DatabaseSpec,
  seen: DatabaseSeen,
  used: Slots,
  verifiers: Verifiers,
  pooled?: string,
): readonly Step[] {
  const database: DatabaseState = {
    name: databaseName(spec.customerUid),
    owner: ownerRole,
    open: false,
    template: false,
    connectionLimit: pooled === undefined ? spec.connectionLimit : -1,
    mark: pooled === undefined ? null : markOf(spec.customerUid),
    rights: pooled === undefined ? [':CONNECT', ':TEMPORARY'] : [],
    settings: [],
    intruders: [],
    held: true,
  }
  const making = pooled === undefined ? creation(spec) : claimChange(spec, pooled)
  const steps = missingSteps(spec, { ...seen, database }, used, verifiers)
  const [roles, others] = [steps.filter(isOfRoles), steps.filter((step) => !isOfRoles(step))]
  const name = pooled === undefined ? creationStep : claimStep
  return [...roles, { name, where: 'server', changes: [making] }, ...others]
}

function isOfRoles({ name }: Step): boolean {
  return name === rolesStep
}

function refuseForeign(
  { customerUid: uid }: DatabaseSpec,
  { roles, database }: DatabaseSeen,
): void {
  // A role and its mark are made in one transaction: one without the mark was never ours.
  for (const role of roles.values()) {
    if (role.mark !== markOf(uid)) throw new TenantryError('ROLE_FOREIGN', role.name)
  }
  if (!database) return
  // CREATE DATABASE cannot be in a transaction: ours may have been left between it and its mark, closed.
  const unfinished = database.mark === null && database.owner === ownerRole && !database.open
  if (database.mark !== markOf(uid) && !unfinished) {
    throw new TenantryError('DATABASE_FOREIGN', database.name)
  }
  if (database.connectionLimit === -2) throw new TenantryError('DATABASE_BROKEN', database.name)
}

function creation({ customerUid, connectionLimit }: DatabaseSpec): Change {
  const name = databaseName(customerUid)
  return {
    what: `database ${name} is missing`,
    sql: `CREATE DATABASE ${id(name)} OWNER ${id(ownerRole)} TEMPLATE template0 STRATEGY wal_log ALLOW_CONNECTIONS false CONNECTION LIMIT ${connectionLimit}`,
  }
}

function databaseSteps(
  spec: DatabaseSpec,
  seen: DatabaseSeen,
  database: DatabaseState,
  used: Slots,
): readonly Step[] {
  const { inside } = seen
  const [server, within] = ['server', 'database'] as const
  const steps: Step[] = [
    { name: 'mark and owner', where: server, changes: markChanges(spec, database) },
    { name: 'rights', where: server, changes: rightChanges(spec, seen, database, used) },
    { name: 'sessions', where: server, changes: sessionChanges(spec, database) },
    { name: 'open', where: server, changes: openChanges(spec, database) },
  ]
  if (!inside) return steps
  const schema = extensionSchemaChanges(spec, inside, database.settings)
  const extensions = spec.extensions.filter((name) => !inside.extensions.includes(name))
  return [
    ...steps,
    { name: 'schema public', where: within, changes: publicChanges(spec.customerUid, inside) },
    { name: 'schema for extensions', where: within, changes: schema },
    // Each by itself: one that fails does not hold up the others' names in the error.
    ...extensions.map((name) => ({
      name: extensionStep(name),
      where: within,
      changes: [{ what: `extension ${name} is missing`, sql: createExtension(name) }],
    })),
  ]
}

export function extensionStep(name: string): string {
  return `extension ${name}`
}

function markChanges({ customerUid: uid }: DatabaseSpec, database: DatabaseState): Change[] {
  const name = id(database.name)
  const changes: Change[] = []
  if (database.mark === null) {
    const sql = `COMMENT ON DATABASE ${name} IS ${text(markOf(uid))}`
    changes.push({ what: 'the database has no mark', sql })
  }
  if (database.owner !== ownerRole) {
    const sql = `ALTER DATABASE ${name} OWNER TO ${id(ownerRole)}`
    changes.push({ what: `the database belongs to ${database.owner}`, sql })
  }
  if (database.template) {
    changes.push({
      what: 'the database is a template',
      sql: `ALTER DATABASE ${name} IS_TEMPLATE false`,
    })
  }
  return changes
}

function rightChanges(
  { customerUid: uid }: DatabaseSpec,
  { roles }: DatabaseSeen,
  database: DatabaseState,
  used: Slots,
): readonly Change[] {
  const adm = groupName(uid, 'adm')
  const wanted = [
    { role: groupName(uid, 'ro'), right: 'CONNECT' },
    { role: adm, right: 'CREATE' },
    { role: adm, right: 'TEMPORARY' },
  ]
  const rights = difference(wanted, database.rights, `DATABASE ${id(database.name)}`)
  const login = loginName(uid, 'adm', used.adm)
  if (roles.get(login)?.settings.includes(`role=${adm}`)) return rights
  // Whatever an application makes belongs to the group and not to one of the two logins.
  const sql = `ALTER ROLE ${id(login)} IN DATABASE ${id(database.name)} SET role = ${text(adm)}`
  return [...rights, { what: `${login} does not act as ${adm}`, sql }]
}

/** A session that was opened while the door stood open would outlive its closing, and one of a login that was shut too. */
function sessionChanges({ customerUid: uid }: DatabaseSpec, { name, intruders }: DatabaseState) {
  if (intruders.length === 0) return []
  const sql = `SELECT pg_terminate_backend(s.pid, 5000)
    FROM pg_stat_activity s LEFT JOIN pg_roles r ON r.oid = s.usesysid
    WHERE s.datname = ${text(name)} AND s.usesysid IS NOT NULL AND NOT coalesce(${administers('r')}, false)
      AND (r.rolcanlogin IS FALSE OR ${commentOn('s.usesysid', 'pg_authid')} IS DISTINCT FROM ${text(markOf(uid))})`
  return [{ what: `sessions of ${intruders.join(', ')} are in the database`, sql }]
}

function openChanges({ connectionLimit }: DatabaseSpec, database: DatabaseState): Change[] {
  const name = id(database.name)
  const changes: Change[] = []
  if (database.connectionLimit !== connectionLimit) {
    const sql = `ALTER DATABASE ${name} CONNECTION LIMIT ${connectionLimit}`
    changes.push({ what: `its connection limit is ${database.connectionLimit}`, sql })
  }
  if (!database.open) {
    const sql = `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`
    changes.push({ what: 'the database is closed', sql })
  }
  return changes
}
