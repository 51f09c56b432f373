// What a run changes in the ledger and what the audit is told of it. Pure. Holds QUIET: who stands as written is no change.
import type { AuditRow, LedgerRow, LinkRow, Writing } from './ledger.sql.ts'

export type Rows = ReadonlyMap<string, LedgerRow>

/**
 * Two halves of one difference, since one must be written before anybody else is let in and the other only after the proof.
 *
 * @param written by person key, as last written
 * @param wanted everybody who may enter, and whoever is written down and may not
 */
export function ledgerChanges(
  written: Rows,
  wanted: readonly LedgerRow[],
): { readonly leaving: Writing; readonly entering: Writing } {
  const keys = new Set(wanted.map(({ personKey }) => personKey))
  const gone = [...written.values()].filter(({ personKey }) => !keys.has(personKey))
  const differing = wanted.filter((row) => !isSame(written.get(row.personKey), row))
  const enters = differing.filter((row) => mayEnter(row) && !mayEnter(written.get(row.personKey)))
  const others = differing.filter((row) => !enters.includes(row))
  return {
    leaving: {
      rows: others,
      ended: gone.map(({ customer, personKey }) => ({ customer, personKey })),
      links: [],
      audit: [
        ...gone.filter(mayEnter).map((row) => told('Revoked', row)),
        ...others.map((row) => told(actionOf(written.get(row.personKey), row), row)),
      ],
    },
    entering: {
      rows: enters,
      ended: [],
      links: [],
      audit: enters.map((row) => told('Granted', row)),
    },
  }
}

export function linkChanges(
  before: LinkRow | undefined,
  next: Omit<LinkRow, 'lastPartner'>,
): Writing | undefined {
  const isNothingNew = before
    ? before.state === next.state && before.partner === next.partner && before.epoch === next.epoch
    : next.partner === null
  if (isNothingNew) return undefined
  const lastPartner = next.partner ?? before?.lastPartner ?? before?.partner ?? null
  const from = before?.lastPartner ?? null
  const { customer, customerName, state, partner, epoch } = next
  const handsOver = state === 'Linked' && from !== null && from !== partner
  const audit: AuditRow = {
    customer,
    customerName,
    action: handsOver ? 'HandedOver' : state === 'Vacant' ? 'Released' : state,
    ...((partner ?? from) !== null && { partner: partner ?? from ?? '' }),
    detail: { epoch, ...(handsOver && { from }) },
  }
  return { rows: [], ended: [], links: [{ ...next, lastPartner }], audit: [audit] }
}

export function isEmpty({ rows, ended, links }: Writing): boolean {
  return rows.length + ended.length + links.length === 0
}

function mayEnter(row: LedgerRow | undefined): boolean {
  return row?.refusal === null
}

function isSame(a: LedgerRow | undefined, b: LedgerRow): boolean {
  if (!a || a.refusal !== b.refusal) return false
  // Of somebody who may not enter anyway the rest does not matter.
  return b.refusal !== null || (a.scope === b.scope && a.until === b.until && a.kind === b.kind)
}

function actionOf(before: LedgerRow | undefined, after: LedgerRow): string {
  if (mayEnter(after)) return 'Changed'
  return mayEnter(before) ? 'Revoked' : 'Refused'
}

function told(action: string, row: LedgerRow): AuditRow {
  const { customer, customerName, organizationName, kind, person, scope, until, refusal } = row
  return {
    customer,
    customerName,
    person,
    action,
    ...(kind === 'technician' && { partner: organizationName }),
    ...(refusal !== null && { reason: refusal }),
    detail: { kind, ...(action !== 'Refused' && { scope, until }) },
  }
}
