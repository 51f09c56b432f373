// What becomes of one DeviceAssignment. Pure: what was gathered in, one decision out. Holds ONE-OWNER, NOTHING-LOST, QUIET.
// Whose a device is the registry judges, in the statement that also changes it; here stands when it may be asked to.

import type { Verdict } from '../api/reasons.ts'
import { earliestOf, parseTime, type EpochMs } from '../api/time.ts'
import { finalizer } from '../api/names.ts'
import type { AskedDevice, DataPolicy, Outcome, Terms } from '../databases/registry/devices.sql.ts'
import type { Looked } from '../databases/registry/registry.ts'
import type { Rejected } from './asked.ts'
import type { Seen } from './gather.ts'

export type Plan =
  /** Nothing can be done yet; what is, stays. */
  | { readonly act: 'wait'; readonly why: Verdict; readonly error?: unknown }
  /** It goes, and what it has goes back, unless its namespace turns out to go as well. */
  | { readonly act: 'release'; readonly policy: DataPolicy }
  /** It goes, and nothing of it is in the registry. */
  | { readonly act: 'let go' }
  | ({ readonly act: 'preview' } & Judged)
  | ({ readonly act: 'assign' } & Judged & {
        readonly policy: DataPolicy
        /** Something is to be claimed, moved or corrected. */
        readonly claims: boolean
        /** What it may go on having, when something is to be given back. */
        readonly drops: readonly string[] | undefined
      })

export type Judged = {
  readonly terms: Terms
  readonly devices: readonly AskedDevice[]
  readonly listedAs: ReadonlyMap<string, string>
  readonly rejected: readonly Rejected[]
  readonly looked: Looked
  readonly nextChange: EpochMs | undefined
}

export function planAssignment(seen: Seen, now: EpochMs): Plan {
  const { object, registry } = seen
  const policy = object.spec.dataPolicy ?? 'Retain'
  if (object.metadata.deletionTimestamp) {
    if (!object.metadata.finalizers?.includes(finalizer)) return { act: 'let go' }
    if (registry.state !== 'Missing') return { act: 'release', policy }
    // With its namespace nothing would be released anyway.
    return seen.notOurs?.reason === 'NamespaceTerminating'
      ? { act: 'let go' }
      : { act: 'wait', why: registryMissing }
  }
  const why = objection(seen)
  if (why) return { act: 'wait', why }
  if (registry.state === 'Silent') {
    return { act: 'wait', why: registry.why, error: registry.error }
  }
  if (registry.state !== 'Asked') return { act: 'wait', why: registryMissing }
  const { terms, names, looked } = registry
  const judged = {
    terms,
    devices: names.devices,
    listedAs: names.listedAs,
    rejected: names.rejected,
    looked,
    nextChange: earliestOf([licenseEnd(seen, now), looked.reservedUntil]),
  }
  if (object.spec.preview) return { act: 'preview', ...judged }
  return {
    act: 'assign',
    ...judged,
    policy,
    claims: looked.outcomes.some(isWork),
    drops: looked.holding.dropped > 0 ? names.kept : undefined,
  }
}

export function isWork({ outcome }: Outcome): boolean {
  return ['Claim', 'Move', 'Adopt', 'Update'].includes(outcome)
}

const registryMissing: Verdict = {
  reason: 'RegistryMissing',
  message:
    'The operator has no registry of devices. The assignment is kept and waits; nothing is lost. Name a server in databases.control of its configuration.',
}

/** The first reason why the registry is not asked, in the order in which somebody would mend them. */
function objection(seen: Seen): Verdict | undefined {
  const { object, customer, notOurs, registry } = seen
  const { namespace = '' } = object.metadata
  if (!customer) {
    return {
      reason: 'OrganizationNotFound',
      message: `Namespace ${namespace} belongs to no customer that exists. Create the customer, or write the assignment in the namespace of the one that is meant.`,
    }
  }
  if (notOurs) return notOurs
  if (customer.metadata.deletionTimestamp) {
    return {
      reason: 'Deleting',
      message: `Customer ${customer.metadata.name} is being deleted. Its devices stay as they are.`,
    }
  }
  if (registry.state === 'Missing') return registryMissing
  return moveObjection(seen)
}

function moveObjection({ object, customer, source, movesAreGuarded }: Seen): Verdict | undefined {
  const { spec, metadata, status } = object
  if (!spec.from) return undefined
  const wasUnguarded = status?.conditions?.some(
    ({ reason, observedGeneration }) =>
      reason === 'PolicyMissing' && observedGeneration === metadata.generation,
  )
  const isUnseen = status?.observedGeneration !== metadata.generation
  if (wasUnguarded || (isUnseen && !movesAreGuarded)) {
    return {
      reason: 'PolicyMissing',
      message:
        'This move was written while nobody was asked about the right to release devices at its source: the policy tenantry-devices is missing. Nothing is moved. The platform applies the chart again; then somebody with the right writes the move anew.',
    }
  }
  if (!source || source.metadata.name === customer?.metadata.name) {
    return {
      reason: 'SourceNotFound',
      message: `There is no other customer ${spec.from.customer} from which devices could come. Correct spec.from.customer, or leave spec.from out.`,
    }
  }
  return undefined
}

function licenseEnd({ object, customer }: Seen, now: EpochMs): EpochMs | undefined {
  const license = customer?.spec.licenses?.find(({ sku }) => sku === object.spec.sku)
  const end = license?.notAfter === undefined ? undefined : parseTime(license.notAfter)
  return end !== undefined && end > now ? end : undefined
}
