// Databases that are made before a customer comes: what there is of them on a server, and the statements that make one and hand
// it over. Holds ISOLATED, NOTHING-LOST: each is closed, belongs to the owner role and bears the pool's mark, or it is none of ours;
// its name is one that no UID yields. Handing over is one transaction: a database is nobody's, or one customer's.
import { randomBytes } from 'node:crypto'
import { escapeIdentifier as id, escapeLiteral as text } from 'pg'
import type { Change, DatabaseSpec } from './change.sql.ts'
import { databaseName, databasePattern, markOf, ownerRole } from './names.ts'
import type { Session } from './server.ts'
import { commentOn } from './state.sql.ts'

export const poolMark = 'tenantry:pool'
const poolPattern = '^tenantry_pool_[0-9a-f]{32}$'

export type PoolState = {
  /** Whole and untouched: what a customer may get. */
  readonly ready: readonly string[]
  /** Made and not finished: whoever made it died in between. */
  readonly unfinished: readonly string[]
  /** Everything that takes room on the server: customers' databases, and all of the pool. */
  readonly used: number
}

export function newPoolName(): string {
  return `tenantry_pool_${randomBytes(16).toString('hex')}`
}

export async function readPool(signal: AbortSignal, sql: Session): Promise<PoolState> {
  const rows = await sql.query<{ name: string; pooled: boolean; whole: boolean; mark: string }>(
    signal,
    `SELECT d.datname::text AS name, d.datname ~ $2 AS pooled, ${commentOn('d.oid', 'pg_database')} AS mark,
       -- Only the owner and superusers could open it, or let anybody in.
       NOT d.datallowconn AND NOT d.datistemplate AND d.datconnlimit <> -2 AND pg_get_userbyid(d.datdba) = $3
       AND (${commentOn('d.oid', 'pg_database')} IS NULL OR NOT EXISTS (
         SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE a.grantee <> d.datdba))
       AND NOT EXISTS (SELECT FROM pg_db_role_setting c WHERE c.setdatabase = d.oid) AS whole
     FROM pg_database d WHERE d.datname ~ $1 OR d.datname ~ $2 ORDER BY d.oid`,
    [databasePattern, poolPattern, ownerRole],
  )
  const whole = rows.filter((row) => row.pooled && row.whole)
  return {
    ready: whole.filter(({ mark }) => mark === poolMark).map(({ name }) => name),
    unfinished: whole.filter(({ mark }) => mark === null).map(({ name }) => name),
    used: rows.length,
  }
}

/** Stands alone: it cannot be in a transaction. */
export function poolCreation(name: string): string {
  return `CREATE DATABASE ${id(name)} OWNER ${id(ownerRole)} TEMPLATE template0 STRATEGY wal_log ALLOW_CONNECTIONS false`
}

/** The mark comes last: with it the database is whole. */
export function poolFinish(name: string): string {
  return `REVOKE ALL ON DATABASE ${id(name)} FROM PUBLIC;\nCOMMENT ON DATABASE ${id(name)} IS ${text(poolMark)}`
}

/** Name and mark together, so that a crash leaves it in the pool or with the customer, and never between. */
export function claimChange({ customerUid }: DatabaseSpec, pooled: string): Change {
  const name = databaseName(customerUid)
  return {
    what: `database ${name} is missing`,
    sql: `ALTER DATABASE ${id(pooled)} RENAME TO ${id(name)};\nCOMMENT ON DATABASE ${id(name)} IS ${text(markOf(customerUid))}`,
  }
}
