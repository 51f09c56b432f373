// What a person asks the registry, as oneself: whose devices and whose audit are shown the server decides, row by row.

export type Ask = <Row extends object>(
  text: string,
  values: readonly unknown[],
) => Promise<readonly Row[]>

export type DeviceRow = {
  readonly id: string
  readonly customer: string
  readonly name: string | null
  readonly model: string | null
  readonly labels: Readonly<Record<string, string>>
}

export type Wanted = {
  readonly customer: string | undefined
  /** Devices have all of these. */
  readonly labels: Readonly<Record<string, string>>
  /** A part of id, name or model. */
  readonly text: string
}

/** As many as find_devices gives at once. */
const foundAtOnce = 1_000
const readAtOnce = 10_000

/** A page at a time, in the order of the ids. */
export async function* readDevices(
  ask: Ask,
  { customer, labels, text }: Wanted,
): AsyncGenerator<readonly DeviceRow[], void, undefined> {
  const columns = 'id, customer, name, model, labels'
  // Each has its own index: the function those of labels and text, the view that of the ids.
  const isSearch = text !== '' || Object.keys(labels).length > 0
  const limit = isSearch ? foundAtOnce : readAtOnce
  for (let after: string | undefined = ''; after !== undefined;) {
    const rows: readonly DeviceRow[] = isSearch
      ? await ask<DeviceRow>(
          `SELECT ${columns} FROM tenantry.find_devices($1::jsonb, $2, $3, $4) ORDER BY id`,
          [JSON.stringify(labels), text, after, limit],
        )
      : await ask<DeviceRow>(
          `SELECT ${columns} FROM tenantry.devices
           WHERE id > $1 AND ($2::text IS NULL OR customer = $2) ORDER BY id LIMIT $3`,
          [after, customer ?? null, limit],
        )
    yield rows
    after = rows.length < limit ? undefined : rows.at(-1)?.id
  }
}

/** Ids of the customers that the person may enter now. */
export async function readEntered(ask: Ask): Promise<readonly string[]> {
  const rows = await ask<{ customer: string }>(
    'SELECT unnest(tenantry.visible_customers())::text AS customer',
    [],
  )
  return rows.map(({ customer }) => customer)
}

export type AuditRow = {
  readonly at: string
  readonly partner: string | null
  readonly person: string | null
  readonly action: string
  readonly reason: string | null
  readonly detail: Readonly<
    Partial<Record<'kind' | 'scope' | 'until' | 'from', string>> & {
      readonly agreementRef?: string | null
      readonly informationLevel?: readonly string[]
    }
  >
}

/** The latest, in the order of time. */
export function readAudit(ask: Ask, customer: string, limit: number): Promise<readonly AuditRow[]> {
  return ask<AuditRow>(
    `SELECT to_char(l.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at,
       l.partner, l.person, l.action, l.reason, l.detail
     FROM (SELECT * FROM tenantry.audit_trail a WHERE a.customer = $1 ORDER BY a.id DESC LIMIT $2) l ORDER BY l.id`,
    [customer, limit],
  )
}
