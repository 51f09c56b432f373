// The statements by which the operator works on the registry: each carries a whole batch and answers per device.
import type { Session } from '../server.ts'

/** A device as an assignment writes it down. */
export type AskedDevice = {
  readonly id: string
  readonly name: string | null
  readonly model: string | null
  readonly labels: Readonly<Record<string, string>>
}

export type Terms = {
  readonly customerUid: string
  readonly customer: string
  /** UID and generation of the DeviceAssignment. */
  readonly assignment: string
  readonly generation: number
  /** Makes it a move: the customer that has the devices now. */
  readonly fromUid: string | undefined
  /** The customer's other assignments that exist: what one of them has is not taken from it. */
  readonly others: readonly string[]
  readonly license: License | undefined
}

export type License = {
  readonly sku: string
  readonly quantity: number
  /** Why no further device gets it. */
  readonly refusal: 'LicenseEnded' | 'LicenseMissing' | undefined
}

export type DataPolicy = 'Retain' | 'Migrate' | 'Purge'

/** What is so, or would be done. */
export type Granted = 'Assigned' | 'Claim' | 'Move' | 'Adopt' | 'Update'
export type Refused =
  | 'DeviceTaken'
  | 'DeviceReserved'
  | 'MovedAway'
  | 'NotAtSource'
  | 'InOtherAssignment'
  | 'LicenseExceeded'
  | 'LicenseEnded'
  | 'LicenseMissing'
export type Outcome = { readonly id: string; readonly outcome: Granted | Refused }

export type Holding = {
  /** How many devices the assignment has. */
  readonly assigned: number
  /** How many of these came by a move. */
  readonly moved: number
  /** How many of these are not to be kept. */
  readonly dropped: number
  /** How many of the customer's devices use the license. */
  readonly used: number
}

/** What would become of each device. Writes nothing. */
export function judge(
  signal: AbortSignal,
  sql: Session,
  terms: Terms,
  devices: readonly AskedDevice[],
): Promise<readonly Outcome[]> {
  return sql.query<Outcome>(
    signal,
    `SELECT id, outcome FROM tenantry.judge_devices($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text[]::jsonb[])
     ORDER BY place`,
    [
      terms.customerUid,
      terms.assignment,
      terms.generation,
      terms.fromUid ?? null,
      terms.others,
      ...licenseOf(terms),
      ...columns(devices),
    ],
  )
}

/** Claims, moves and corrects in one transaction, all that can be. */
export function claim(
  signal: AbortSignal,
  sql: Session,
  terms: Terms,
  devices: readonly AskedDevice[],
  policy: DataPolicy,
): Promise<readonly Outcome[]> {
  return sql.query<Outcome>(
    signal,
    `SELECT id, outcome FROM tenantry.claim_devices($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::text[]::jsonb[])`,
    [
      terms.customerUid,
      terms.customer,
      terms.assignment,
      terms.generation,
      terms.fromUid ?? null,
      terms.others,
      ...licenseOf(terms),
      policy,
      ...columns(devices),
    ],
  )
}

export async function release(
  signal: AbortSignal,
  sql: Session,
  assignment: string,
  kept: readonly string[],
  policy: DataPolicy,
): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(
    signal,
    `SELECT id FROM tenantry.release_devices($1, $2, $3, '${reservedFor}')`,
    [assignment, kept, policy],
  )
  return rows.map(({ id }) => id)
}

/** How long a released device waits for its last customer. */
const reservedFor = '24 hours'

/** When the first of these may be claimed by anybody, in epoch ms. */
export async function readReservedUntil(
  signal: AbortSignal,
  sql: Session,
  ids: readonly string[],
): Promise<number | undefined> {
  const [row] = await sql.query<{ until: number | null }>(
    signal,
    `SELECT (extract(epoch FROM min(until)) * 1000)::float8 AS until FROM tenantry.reservations
     WHERE device = ANY ($1)`,
    [ids],
  )
  return row?.until ?? undefined
}

export async function readHolding(
  signal: AbortSignal,
  sql: Session,
  { customerUid, assignment, license }: Terms,
  kept: readonly string[] | undefined,
): Promise<Holding> {
  const [row] = await sql.query<Holding>(
    signal,
    `SELECT count(*)::int AS assigned, count(came_from)::int AS moved,
       (count(*) FILTER (WHERE id <> ALL ($2::text[])))::int AS dropped,
       (SELECT count(*)::int FROM tenantry.owned_devices WHERE customer_uid = $3 AND sku = $4) AS used
     FROM tenantry.owned_devices WHERE assignment = $1`,
    [assignment, kept ?? null, customerUid, license?.sku ?? null],
  )
  return row ?? { assigned: 0, moved: 0, dropped: 0, used: 0 }
}

/** UIDs of the assignments from which these devices were moved away, now or earlier. */
export async function readLeftBehind(
  signal: AbortSignal,
  sql: Session,
  ids: readonly string[],
): Promise<readonly string[]> {
  const rows = await sql.query<{ assignment: string }>(
    signal,
    `SELECT DISTINCT jsonb_object_keys(left_behind) AS assignment FROM tenantry.owned_devices
     WHERE id = ANY ($1)`,
    [ids],
  )
  return rows.map(({ assignment }) => assignment)
}

/** The devices that these unit ids stand for; what the inventory does not know is left out. */
export async function readUnits(
  signal: AbortSignal,
  sql: Session,
  units: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await sql.query<{ unit: string; device: string }>(
    signal,
    'SELECT unit, device FROM tenantry.units WHERE unit = ANY ($1)',
    [units],
  )
  return new Map(rows.map(({ unit, device }) => [unit, device]))
}

export type Address = {
  readonly customerUid: string
  readonly customer: string
  readonly host: string | null
  readonly port: number | null
  readonly database: string | null
}

/** Where a gateway finds the customer's database. Writes only what differs. */
export async function writeAddress(
  signal: AbortSignal,
  sql: Session,
  { customerUid, customer, host, port, database }: Address,
): Promise<void> {
  const address = [customerUid, customer, host, port, database]
  const found = await sql.query(
    signal,
    `SELECT FROM tenantry.addresses WHERE customer_uid = $1 AND customer = $2
       AND (host, port, database) IS NOT DISTINCT FROM ($3, $4::int, $5)`,
    address,
  )
  if (found.length > 0) return
  await sql.query(
    signal,
    `INSERT INTO tenantry.addresses (customer_uid, customer, host, port, database) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (customer_uid) DO UPDATE SET customer = excluded.customer, host = excluded.host,
       port = excluded.port, database = excluded.database`,
    address,
  )
}

function licenseOf({ license }: Terms): readonly unknown[] {
  return [license?.sku ?? null, license?.quantity ?? null, license?.refusal ?? null]
}

function columns(devices: readonly AskedDevice[]): readonly unknown[] {
  return [
    devices.map(({ id }) => id),
    devices.map(({ name }) => name),
    devices.map(({ model }) => model),
    devices.map(({ labels }) => JSON.stringify(labels)),
  ]
}
