// Devices that have left a customer and are still shown in its database, as the registry remembers them until that is put right.
import type { Session } from '../server.ts'
import type { DataPolicy } from './devices.sql.ts'

export type Departure = {
  readonly id: string
  readonly device: string
  /** Whose database may still show the device. */
  readonly customerUid: string
  readonly toUid: string | null
  readonly policy: DataPolicy
  readonly version: string
}

/** What has left this customer, is to come to it, or is its own by now. */
export function readDepartures(
  signal: AbortSignal,
  sql: Session,
  customerUid: string,
): Promise<readonly Departure[]> {
  return sql.query<Departure>(
    signal,
    `SELECT id::text, device, customer_uid AS "customerUid", to_uid AS "toUid", policy, version::text
     FROM tenantry.departures p WHERE p.customer_uid = $1 OR p.to_uid = $1
       OR EXISTS (SELECT FROM tenantry.owned_devices d WHERE d.id = p.device AND d.customer_uid = $1)
     ORDER BY p.id`,
    [customerUid],
  )
}

/** Nobody's database shows them any more; their data is still on its way. */
export async function markPutAway(
  signal: AbortSignal,
  sql: Session,
  departures: readonly Departure[],
): Promise<void> {
  await sql.query(
    signal,
    'UPDATE tenantry.departures SET put_away = true WHERE id = ANY ($1::bigint[]) AND NOT put_away',
    [departures.map(({ id }) => id)],
  )
}

/** Every database that they concern is right. */
export async function endDepartures(
  signal: AbortSignal,
  sql: Session,
  departures: readonly Departure[],
): Promise<void> {
  await sql.query(signal, 'DELETE FROM tenantry.departures WHERE id = ANY ($1::bigint[])', [
    departures.map(({ id }) => id),
  ])
}
