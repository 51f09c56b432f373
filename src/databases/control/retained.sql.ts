// Databases that outlived their customer, as rows: kept, given back, or on their way to be dropped. Holds NOTHING-LOST.
// Every step is one statement that names the state it starts from, so that two who want different things cannot both win,
// and each is told to the audit in the same statement.
import type { Session } from '../server.ts'

export type Retained = {
  /** The name of the database. */
  readonly id: string
  /** UID of the customer after whom database and roles are named. */
  readonly madeFor: string
  /** UID of the customer that had it last, or has it now. */
  readonly customer: string
  readonly customerName: string
  readonly server: string
  readonly pool: string
  readonly oid: number
  /** RFC 3339, by the clock of the control database; null: kept until somebody decides otherwise. */
  readonly dropAfter: string | null
}

export type Retiring = Omit<Retained, 'dropAfter'> & {
  readonly roles: readonly string[]
  readonly retainForSeconds: number | undefined
}

const columns = `r.id, r.made_for::text AS "madeFor", r.customer::text AS customer,
  r.customer_name AS "customerName", r.server, r.pool, r.oid,
  to_char(r.drop_after AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "dropAfter"`

/** Tells the audit of the rows of `source`. */
function told(source: string, actor: string, action: string): string {
  return `INSERT INTO tenantry.audit (actor, customer, customer_name, action, detail)
    SELECT ${actor}, r.customer, r.customer_name, '${action}',
      jsonb_build_object('id', r.id, 'server', r.server, 'dropAfter', r.drop_after)
    FROM ${source} r`
}

const retained = `WITH written AS (
   INSERT INTO tenantry.retained AS r
     (id, made_for, customer, customer_name, server, pool, oid, roles, drop_after, state)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + make_interval(secs => $9), 'Retained')
   ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, customer_name = excluded.customer_name,
     server = excluded.server, pool = excluded.pool, oid = excluded.oid, roles = excluded.roles,
     drop_after = excluded.drop_after, since = clock_timestamp(), state = 'Retained'
   WHERE r.state = 'Dropped' OR (r.state = 'Restored' AND r.customer = excluded.customer)
   RETURNING r.*),
 told AS (${told('written', '$10', 'Retained')})
 SELECT ${columns} FROM written r
 UNION ALL
 SELECT ${columns} FROM tenantry.retained r WHERE r.id = $1 AND NOT EXISTS (SELECT FROM written)`

/**
 * A statement that has waited for another replica's, about the same row, does not see what that one wrote: the next statement does.
 *
 * @returns the row as it stands: what was decided first stays
 */
export async function retain(
  signal: AbortSignal,
  sql: Session,
  actor: string,
  retiring: Retiring,
): Promise<Retained> {
  const { id, madeFor, customer, customerName, server, pool, oid, roles } = retiring
  const until = retiring.retainForSeconds ?? null
  const values = [id, madeFor, customer, customerName, server, pool, oid, roles, until, actor]
  const [written] = await sql.query<Retained>(signal, retained, values)
  const [row] = written ? [written] : await sql.query<Retained>(signal, retained, values)
  if (!row) throw new RangeError(`Nothing is retained under ${id}.`)
  return row
}

/** What waits for a decision about a customer of this name, the latest first. */
export async function readRetained(
  signal: AbortSignal,
  sql: Session,
  customerName: string,
): Promise<readonly Retained[]> {
  return sql.query<Retained>(
    signal,
    `SELECT ${columns} FROM tenantry.retained r
     WHERE r.customer_name = $1 AND r.state = 'Retained' ORDER BY r.since DESC, r.id`,
    [customerName],
  )
}

/** What was given back to this very customer, whatever its status says. */
export async function readRestored(
  signal: AbortSignal,
  sql: Session,
  customer: string,
): Promise<Retained | undefined> {
  const [row] = await sql.query<Retained>(
    signal,
    `SELECT ${columns} FROM tenantry.retained r WHERE r.customer = $1 AND r.state = 'Restored'`,
    [customer],
  )
  return row
}

/** From here on nobody drops it, and nobody else gets it. `undefined`: there is no such database to give back. */
export async function restore(
  signal: AbortSignal,
  sql: Session,
  actor: string,
  {
    id,
    customer,
    customerName,
  }: { readonly id: string; readonly customer: string; readonly customerName: string },
): Promise<Retained | undefined> {
  const [row] = await sql.query<Retained>(
    signal,
    `WITH restored AS (
       UPDATE tenantry.retained r SET state = 'Restored', customer = $2, drop_after = NULL
       WHERE r.id = $1 AND r.customer_name = $3 AND r.state = 'Retained'
       RETURNING r.*),
     told AS (${told('restored', '$4', 'Restored')})
     SELECT ${columns} FROM restored r`,
    [id, customer, customerName, actor],
  )
  return row
}

/** Those whose time is over, and those of which the dropping has begun. */
export async function readDue(signal: AbortSignal, sql: Session): Promise<readonly Retained[]> {
  return sql.query<Retained>(
    signal,
    `SELECT ${columns} FROM tenantry.retained r
     WHERE r.state = 'Dropping' OR (r.state = 'Retained' AND r.drop_after <= clock_timestamp())
     ORDER BY r.drop_after LIMIT 100`,
  )
}

/** From here on it cannot be given back. False: somebody has just taken it. */
export async function beginDrop(signal: AbortSignal, sql: Session, id: string): Promise<boolean> {
  const rows = await sql.query(
    signal,
    `UPDATE tenantry.retained r SET state = 'Dropping'
     WHERE r.id = $1 AND (r.state = 'Dropping' OR (r.state = 'Retained' AND r.drop_after <= clock_timestamp()))
     RETURNING r.id`,
    [id],
  )
  return rows.length > 0
}

export async function endDrop(
  signal: AbortSignal,
  sql: Session,
  actor: string,
  id: string,
): Promise<void> {
  await sql.query(
    signal,
    `WITH dropped AS (
       UPDATE tenantry.retained r SET state = 'Dropped' WHERE r.id = $1 AND r.state = 'Dropping'
       RETURNING r.*)
     ${told('dropped', '$2', 'Dropped')}`,
    [id, actor],
  )
}
