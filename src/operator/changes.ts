// What a change of an object is, as far as it decides whom it concerns and how urgent that is. Pure.

import type { CustomerOrganization, PartnerOrganization } from '../api/kinds.generated.ts'
import type { Change, KubeObject } from '../runtime/index.ts'
import type { Lane } from './lanes.ts'

export function bothOf<T>({ before, after }: Change<T>): readonly T[] {
  return [before, after].filter((object) => object !== undefined)
}

/** What may take something away is `urgent`; the first list is work that nobody waits for. */
export function laneOf({ before, after, origin }: Change<KubeObject>, urgent: Lane): Lane {
  if (origin === 'list' && !before) return 'resync'
  if (!after || after.metadata.deletionTimestamp) return urgent === 'revoke' ? urgent : 'delete'
  return before ? urgent : 'new'
}

/** Its wish is another one, or it goes; what it is marked with and its status are left out. */
export function isWantedOtherwise({ before, after }: Change<KubeObject>): boolean {
  const [was, is] = [before?.metadata, after?.metadata]
  return (
    was?.uid !== is?.uid ||
    was?.generation !== is?.generation ||
    was?.deletionTimestamp !== is?.deletionTimestamp
  )
}

/** Nobody has wished for anything else: only what the operator itself says has changed. */
export function isStatusAlone({ before, after }: Change<KubeObject>): boolean {
  if (!before || !after || before.metadata.uid !== after.metadata.uid) return false
  const [was, is] = [before.metadata, after.metadata]
  return (
    was.generation === is.generation &&
    was.deletionTimestamp === is.deletionTimestamp &&
    JSON.stringify([was.annotations, was.finalizers]) ===
      JSON.stringify([is.annotations, is.finalizers])
  )
}

/** ONE-HOME: whom status keeps as the last SuperAdmin is claimed by that, and whom it lets go no more. */
export function newlyKept({
  before,
  after,
}: Change<CustomerOrganization | PartnerOrganization>): readonly string[] {
  const [was, is] = [before, after].map((object) => object?.status?.superAdmin?.user)
  return was === is ? [] : [was, is].filter((name) => name !== undefined)
}

export function patternChanged({
  before,
  after,
}: Change<CustomerOrganization | PartnerOrganization>): boolean {
  const was = before?.spec.usernames
  const is = after?.spec.usernames
  return was?.prefix !== is?.prefix || was?.suffix !== is?.suffix
}

/** Licenses, levels, where the database is and whether it is there: all that assignments read of their customer. */
export function concernsDevices({ before, after }: Change<CustomerOrganization>): boolean {
  const read = (customer: CustomerOrganization | undefined) =>
    customer && [
      customer.metadata.uid,
      customer.metadata.deletionTimestamp,
      customer.spec.licenses,
      customer.spec.informationLevel,
      customer.spec.database?.enabled,
      customer.status?.database,
      customer.status?.conditions?.find(({ type }) => type === 'DatabaseReady')?.status,
    ]
  return JSON.stringify(read(before)) !== JSON.stringify(read(after))
}
