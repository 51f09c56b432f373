// The status of a DeviceAssignment: counts always, a reason for each device that was refused as far as there is room, conditions.
// Holds ISOLATED: what a refusal says is the same whoever has the device.

import {
  conditionsFrom,
  isFalse,
  isTrue,
  isUnknown,
  readyFrom,
  type Finding,
} from '../api/conditions.ts'
import type { DeviceAssignmentStatus } from '../api/kinds.generated.ts'
import { reasonCatalogue, type Reason } from '../api/reasons.ts'
import type { EpochMs } from '../api/time.ts'
import type { Outcome } from '../databases/registry/devices.sql.ts'
import type { Facts } from './apply.ts'
import type { Rejected } from './asked.ts'
import type { Seen } from './gather.ts'
import { isWork, type Judged, type Plan } from './plan.ts'

export type Report = {
  readonly status: DeviceAssignmentStatus
  readonly findings: readonly Finding[]
}

/** So many are told one by one; all are counted. */
const mostTold = 100

export function reportWaiting(
  seen: Seen,
  { why, error }: Extract<Plan, { act: 'wait' }>,
  now: EpochMs,
): Report {
  const { status, spec } = seen.object
  const finding = error === undefined ? isFalse : isUnknown
  const findings = [
    finding('Assigned', why.reason, why.message),
    isFalse('Ready', why.reason, why.message),
  ]
  const assigned = status?.assigned ?? 0
  const pending = Math.max(0, listed(spec) - assigned)
  return whole(seen, { assigned, pending, moved: status?.moved ?? 0, rejected: [] }, findings, now)
}

export function reportPreview(seen: Seen, judged: Judged, now: EpochMs): Report {
  const { looked } = judged
  const rejected = rejectedIn(judged, looked.outcomes)
  const count = (...which: readonly Outcome['outcome'][]) =>
    looked.outcomes.filter(({ outcome }) => which.includes(outcome)).length
  const pending = looked.outcomes.filter(isWork).length
  const message = `A preview; nothing was changed. It would claim ${count('Claim', 'Adopt')}, move ${count('Move')}, correct ${count('Update')} and reject ${rejected.length} of ${listed(seen.object.spec)} devices${looked.holding.dropped > 0 ? `, and release ${looked.holding.dropped}` : ''}. Set spec.preview to false to carry it out.`
  const findings = [
    isFalse('Assigned', 'Preview', message),
    licensed(seen, judged, looked.holding.used, rejected),
    isFalse('Ready', 'Preview', message),
  ]
  const { assigned, moved } = looked.holding
  return whole(seen, { assigned, pending, moved, rejected }, findings, now)
}

export function reportAssigned(
  seen: Seen,
  judged: Judged,
  { outcomes, holding, notShown }: Facts,
  now: EpochMs,
): Report {
  const rejected = rejectedIn(judged, outcomes)
  const pending = outcomes.filter(({ outcome }) =>
    ['Claim', 'Move', 'Adopt'].includes(outcome),
  ).length
  const { assigned, moved, used } = holding
  const found = [
    assignedFinding(listed(seen.object.spec), assigned, rejected),
    licensed(seen, judged, used, rejected),
  ]
  const ready = readyFrom(found, ['Assigned', 'Licensed'])
  const findings = [
    ...found,
    ready.status === 'True' && notShown
      ? isFalse('Ready', notShown.why.reason, notShown.why.message)
      : ready,
  ]
  return whole(seen, { assigned, pending, moved, rejected }, findings, now)
}

/** Its deletion waits. */
export function reportLeaving(
  seen: Seen,
  why: NonNullable<Facts['notShown']>['why'],
  now: EpochMs,
): Report {
  const { status } = seen.object
  const findings = [isFalse('Ready', why.reason, why.message)]
  const counts = { assigned: 0, pending: 0, moved: status?.moved ?? 0, rejected: [] }
  return whole(seen, counts, findings, now)
}

function assignedFinding(asked: number, assigned: number, rejected: readonly Rejected[]): Finding {
  if (rejected.length === 0) {
    return isTrue(
      'Assigned',
      'Assigned',
      `${assigned} of ${asked} devices belong to this customer.`,
    )
  }
  const reasons = [...Map.groupBy(rejected, ({ reason }) => reason)]
  const counts = reasons.map(([reason, { length }]) => `${reason} ${length}`).join(', ')
  const told = rejected.length > mostTold ? `the first ${mostTold} of them` : 'each of them'
  const message = `${assigned} of ${asked} devices belong to this customer; ${rejected.length} were rejected (${counts}). status.rejected says why for ${told}.`
  return isFalse('Assigned', 'DevicesRejected', message)
}

const licenseReasons = ['LicenseMissing', 'LicenseEnded', 'LicenseExceeded'] as const

function licensed(
  { object, customer }: Seen,
  { terms: { license } }: Judged,
  used: number,
  rejected: readonly Rejected[],
): Finding {
  if (!license) return isTrue('Licensed', 'Licensed', 'The assignment names no license.')
  const { sku, quantity } = license
  const name = customer?.metadata.name ?? ''
  const refused = licenseReasons.find((each) => rejected.some(({ reason }) => reason === each))
  const why = license.refusal ?? (used > quantity ? 'LicenseExceeded' : refused)
  switch (why) {
    case undefined:
      return isTrue('Licensed', 'Licensed', `${used} of ${quantity} licenses ${sku} are used.`)
    case 'LicenseMissing':
      return isFalse(
        'Licensed',
        why,
        `Customer ${name} has no license ${sku}. Correct spec.sku, or have the platform add it to spec.licenses of the customer.`,
      )
    case 'LicenseEnded':
      return isFalse(
        'Licensed',
        why,
        `License ${sku} of customer ${name} has ended. The ${object.status?.assigned ?? 0} devices that have it keep it; further ones are refused until the platform sets a later notAfter.`,
      )
    case 'LicenseExceeded':
      return isFalse(
        'Licensed',
        why,
        `${used} of ${quantity} licenses ${sku} of customer ${name} are used. Release devices, or have the platform raise the quantity.`,
      )
  }
}

/** In the order of the list. */
function rejectedIn(
  { listedAs, rejected }: Judged,
  outcomes: readonly Outcome[],
): readonly Rejected[] {
  const refused = outcomes.flatMap(({ id, outcome }) =>
    isRefusal(outcome) ? [{ id: listedAs.get(id) ?? id, reason: outcome }] : [],
  )
  return [...rejected, ...refused]
}

function isRefusal(outcome: Outcome['outcome']): outcome is Outcome['outcome'] & Reason {
  return outcome !== 'Assigned' && Object.hasOwn(reasonCatalogue, outcome)
}

/** A repeated id is one device. */
function listed({ idType, devices }: Seen['object']['spec']): number {
  return new Set(devices.map(({ id, unitId }) => (idType === 'UnitID' ? unitId : id))).size
}

function whole(
  { object: { metadata, status } }: Seen,
  {
    assigned,
    pending,
    moved,
    rejected,
  }: {
    readonly assigned: number
    readonly pending: number
    readonly moved: number
    readonly rejected: readonly Rejected[]
  },
  findings: readonly Finding[],
  now: EpochMs,
): Report {
  const { generation } = metadata
  const told = rejected.slice(0, mostTold).map(({ id, reason }) => {
    return { id, reason, message: reasonCatalogue[reason].means }
  })
  return {
    findings,
    status: {
      ...(generation !== undefined && { observedGeneration: generation }),
      assigned,
      pending,
      moved,
      ...(told.length > 0 && { rejected: told }),
      conditions: conditionsFrom(findings, status?.conditions, { now, generation }),
    },
  }
}
