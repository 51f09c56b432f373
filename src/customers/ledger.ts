// The access ledger, as a run of one customer writes it: who leaves before anybody else is let in, who enters after the proof.
// Holds ONE-PARTNER, NO-LATE, PROVEN. A control database that is down holds up no revocation in Kubernetes or in the customer's
// own database; it does hold up a hand-over and the end of a customer, which are not whole without it.

import { TenantryError } from '../api/errors.ts'
import type { CustomerOrganization, CustomerOrganizationStatus } from '../api/kinds.generated.ts'
import type { Verdict } from '../api/reasons.ts'
import { verdictOf } from '../api/verdict.ts'
import type { LinkRow } from '../databases/control/ledger.sql.ts'
import { startDeadline } from '../runtime/index.ts'
import type { Seen } from './gather.ts'
import type { Plan } from './plan.ts'
import type { Ports } from './ports.ts'

export type LedgerFact =
  /** Also where there is none to write. */
  | { readonly state: 'Written' }
  /** `leaves`: somebody is known to be written down who must leave. */
  | {
      readonly state: 'Unwritten'
      readonly leaves: boolean
      readonly why: Verdict
      readonly error: unknown
    }

const patienceMs = 3_000

/** Ends, narrows, refuses. Only the replica that leads: an end of a window is in the rows already. */
export async function leaveLedger(
  signal: AbortSignal,
  { ledger, leads }: Ports,
  { object, basis }: Seen,
  { ledger: wanted, link, nextLink }: Plan,
): Promise<LedgerFact> {
  const { uid = '' } = object.metadata
  if (!ledger || !leads()) return { state: 'Written' }
  const leaves = ledger.leaves(uid, wanted) ?? link.state !== nextLink.state
  return attempt(signal, leaves, (trying) => ledger.leave(trying, uid, wanted, basis))
}

export async function enterLedger(
  signal: AbortSignal,
  { ledger }: Ports,
  { object, basis }: Seen,
  { ledger: wanted }: Plan,
): Promise<LedgerFact> {
  const { uid = '' } = object.metadata
  if (!ledger) return { state: 'Written' }
  return attempt(signal, false, (trying) => ledger.enter(trying, uid, wanted, basis))
}

/** After status has it: what cannot be told now is told by the next run. */
export async function tellLink(
  signal: AbortSignal,
  { ledger }: Ports,
  { object }: Seen,
  partner: CustomerOrganizationStatus['partner'],
): Promise<LedgerFact> {
  const { uid: customer = '', name: customerName } = object.metadata
  const { state, epoch = 0, name = null } = partner ?? {}
  if (!ledger || state === undefined) return { state: 'Written' }
  const link = { customer, customerName, state, partner: name, epoch, ...termsOf(object) }
  return attempt(signal, false, (trying) => ledger.tellLink(trying, link))
}

/** What the customer's own people see of their devices, and the agreement that says so. */
function termsOf({ spec }: CustomerOrganization): Pick<LinkRow, 'agreement' | 'levels'> {
  const levels = Object.entries(spec.informationLevel ?? {}).flatMap(([level, isOn]) =>
    isOn ? [level] : [],
  )
  return { agreement: spec.agreementRef ?? null, levels: levels.toSorted() }
}

/** The index finds also whoever has the database of an earlier customer. */
export function isGoneFrom(
  customers: Pick<Ports['stores']['customers'], 'by'>,
): (customerUid: string) => boolean {
  return (uid) => !customers.by('uid', uid).some(({ metadata }) => metadata.uid === uid)
}

async function attempt(
  stopping: AbortSignal,
  leaves: boolean,
  write: (signal: AbortSignal) => Promise<void>,
): Promise<LedgerFact> {
  const late = () => new TenantryError('CONTROL_SILENT', 'the ledger')
  using patience = startDeadline(stopping, patienceMs, late)
  const { signal } = patience
  try {
    await write(signal)
    return { state: 'Written' }
  } catch (cause) {
    stopping.throwIfAborted()
    const error: unknown = patience.passed ? signal.reason : cause
    const { message } = verdictOf(error)
    const why = {
      reason: 'LedgerUnwritten',
      message: `Kubernetes is closed to those who must leave. In the access ledger of the control database it is not proven: ${message}`,
    } as const
    return { state: 'Unwritten', leaves, why, error }
  }
}
