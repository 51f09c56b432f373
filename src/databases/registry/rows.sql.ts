// A customer's devices as the registry has them and its own database is to show them, in pages that two databases can compare.
import type { Session } from '../server.ts'

export type DeviceRow = {
  readonly id: string
  readonly name: string | null
  readonly model: string | null
  readonly sku: string | null
  /** JSON. */
  readonly labels: string
  readonly version: string
}

/** An id and a digest of what is shown of it. */
export type Shown = { readonly id: string; readonly digest: string }

/** Over columns that both databases have. */
export const digest = 'md5(ROW(d.name, d.model, d.sku, d.labels)::text)'

/** Without those that another customer's database still shows: in no two at a time. */
const notShownElsewhere = `NOT EXISTS (SELECT FROM tenantry.departures p
  WHERE p.device = d.id AND p.customer_uid <> d.customer_uid AND NOT p.put_away)`

export function readRows(
  signal: AbortSignal,
  sql: Session,
  customerUid: string,
  ids: readonly string[],
): Promise<readonly DeviceRow[]> {
  return sql.query<DeviceRow>(
    signal,
    `SELECT d.id, d.name, d.model, d.sku, d.labels::text, d.version::text FROM tenantry.owned_devices d
     WHERE d.customer_uid = $1 AND d.id = ANY ($2) AND ${notShownElsewhere}`,
    [customerUid, ids],
  )
}

export function readOwnedPage(
  signal: AbortSignal,
  sql: Session,
  customerUid: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly Shown[]> {
  return sql.query<Shown>(
    signal,
    `SELECT d.id, ${digest} AS digest FROM tenantry.owned_devices d
     WHERE d.customer_uid = $1 AND d.id > $2 AND ${notShownElsewhere} ORDER BY d.id LIMIT $3`,
    [customerUid, after, limit],
  )
}
