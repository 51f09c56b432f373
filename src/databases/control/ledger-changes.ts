// What a run changes in the ledger and what the audit is told of it. Pure. Holds QUIET: who stands as written is no change.
import {
  gone,
  type AuditRow,
  type LedgerRow,
  type LinkRow,
  type Mark,
  type Writing,
} from './ledger.sql.ts'

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
  const audit = [...partnerNews(before, next), ...termsNews(before, next)]
  if (audit.length === 0) return undefined
  const lastPartner = next.partner ?? before?.lastPartner ?? before?.partner ?? null
  return { rows: [], ended: [], links: [{ ...next, lastPartner }], audit }
}

type News = (
  before: LinkRow | undefined,
  next: Omit<LinkRow, 'lastPartner'>,
) => readonly [AuditRow] | readonly []

const partnerNews: News = (before, next) => {
  const { customer, customerName, state, partner, epoch } = next
  const isNothingNew = before
    ? before.state === state && before.partner === partner && before.epoch === epoch
    : partner === null
  if (isNothingNew) return []
  const from = before?.lastPartner ?? null
  const handsOver = state === 'Linked' && from !== null && from !== partner
  return [
    {
      customer,
      customerName,
      action: handsOver ? 'HandedOver' : state === 'Vacant' ? 'Released' : state,
      ...((partner ?? from) !== null && { partner: partner ?? from ?? '' }),
      detail: { epoch, ...(handsOver && { from }) },
    },
  ]
}

const termsNews: News = (before, { customer, customerName, agreement, levels }) => {
  const isNothingNew =
    (before?.agreement ?? null) === agreement && (before?.levels ?? []).join() === levels.join()
  if (isNothingNew) return []
  const detail = { agreementRef: agreement, informationLevel: levels }
  return [{ customer, customerName, action: 'TermsChanged', detail }]
}

/** The objects by which access to a customer is decided, and which of those that were are gone. */
export type Basis = {
  readonly customer: string
  readonly customerName: string
  readonly objects: readonly { readonly uid: string; readonly generation?: number }[]
  readonly isGone: (uid: string) => boolean
  /** What a restore has brought back is meant: a mark may become smaller. */
  readonly accepts: boolean
}

/** What is to be written down of the objects, whenever something else is written. */
export function markChanges(known: ReadonlyMap<string, number>, basis: Basis): readonly Mark[] {
  const { customer, customerName, objects, isGone, accepts } = basis
  const mark = (object: string, generation: number): Mark => ({
    customer,
    customerName,
    object,
    generation,
  })
  const now = new Map(objects.map(({ uid, generation }) => [uid, generation]))
  const seen = [...now].flatMap(([uid, generation]) => {
    const before = known.get(uid)
    if (uid === '' || generation === undefined || generation === before) return []
    return before === undefined || accepts || generation > before ? [mark(uid, generation)] : []
  })
  const lost = [...known].filter(
    ([uid, generation]) => generation !== gone && !now.has(uid) && isGone(uid),
  )
  return [...seen, ...lost.map(([uid]) => mark(uid, gone))]
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
