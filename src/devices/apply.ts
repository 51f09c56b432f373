// Carries out the plan of one DeviceAssignment: finalizer, registry, then the customer's database. Holds NOTHING-LOST, PROVEN.
// The order nobody would guess: the finalizer comes before the first claim, and goes only when no database shows the devices any
// more; and whether the namespace goes too is asked of the API server, whose word a cache may not have yet.

import type { CustomerOrganization, DeviceAssignment } from '../api/kinds.generated.ts'
import { finalizer } from '../api/names.ts'
import { resources, type Namespace } from '../api/resources.ts'
import type { Verdict } from '../api/reasons.ts'
import { verdictOf } from '../api/verdict.ts'
import type { Holding, Outcome } from '../databases/registry/devices.sql.ts'
import type { Levels } from '../databases/registry/inventory.sql.ts'
import { placeOf, type Seen } from './gather.ts'
import { isWork, type Plan } from './plan.ts'
import type { Ports } from './ports.ts'

export type Facts = {
  /** As the last write left it. */
  readonly object: DeviceAssignment
  readonly outcomes: readonly Outcome[]
  readonly holding: Holding
  /** Why the customer's database does not show the devices yet. */
  readonly notShown: { readonly why: Verdict; readonly error?: unknown } | undefined
}

export async function assign(
  signal: AbortSignal,
  ports: Ports,
  { object: found, customer }: Seen,
  plan: Extract<Plan, { act: 'assign' }>,
): Promise<Facts> {
  const { registry } = ports
  const { terms, devices, policy, claims, drops, looked } = plan
  if (!registry || !customer) return { ...looked, object: found, notShown: undefined }
  const object =
    claims || looked.holding.assigned > 0
      ? await ports.applier.addFinalizer(signal, ports.stores.devices, found, finalizer)
      : found
  if (!claims && !drops) {
    return { ...looked, object, notShown: await bring(signal, ports, customer, undefined) }
  }
  await registry.address(signal, terms, placeOf(customer))
  // What is given back makes room in a license for what comes.
  if (drops) await registry.release(signal, terms.assignment, drops, policy)
  const outcomes = claims ? await registry.claim(signal, terms, devices, policy) : looked.outcomes
  const moved = outcomes.filter(({ outcome }) => outcome === 'Move').map(({ id }) => id)
  if (moved.length > 0 && object.spec.from) {
    // The source hears of it whatever becomes of this run: the next one finds nothing to move.
    const left = await registry.leftBehind(signal, moved).catch(() => undefined)
    ports.onLeft(object.spec.from.customer, left)
  }
  const changed = outcomes.filter(isWork).map(({ id }) => id)
  const notShown = await bring(signal, ports, customer, changed)
  const done = claims ? carriedOut(looked.outcomes, outcomes) : undefined
  const now = done
    ? { outcomes: done, holding: await registry.holding(signal, terms) }
    : await registry.look(signal, terms, devices, undefined)
  return { ...now, object, notShown }
}

/** What is so after everything came as it was judged before; `undefined`: somebody was faster, or what he had is free again. */
function carriedOut(
  judged: readonly Outcome[],
  claimed: readonly Outcome[],
): readonly Outcome[] | undefined {
  const came = new Map(claimed.map(({ id, outcome }) => [id, outcome]))
  if (judged.some(({ id, outcome }) => came.get(id) !== outcome)) return undefined
  return judged.map((each) => (isWork(each) ? { ...each, outcome: 'Assigned' } : each))
}

/**
 * It goes. While its namespace or the kind itself is being deleted nothing is released.
 *
 * @returns why its finalizer has to wait
 */
export async function releaseAll(
  signal: AbortSignal,
  ports: Ports,
  { object, customer }: Seen,
  { policy }: Extract<Plan, { act: 'release' }>,
): Promise<Facts['notShown']> {
  const { registry } = ports
  if (registry && !(await goesWithMore(signal, ports, object.metadata.namespace ?? ''))) {
    try {
      await registry.release(signal, object.metadata.uid ?? '', [], policy)
    } catch (error) {
      signal.throwIfAborted()
      return { why: verdictOf(error), error }
    }
    const waits = customer && (await bring(signal, ports, customer, []))
    if (waits && placeOf(customer)) return waits
  }
  await ports.applier.removeFinalizer(signal, ports.stores.devices, object, finalizer)
  return undefined
}

async function goesWithMore(
  signal: AbortSignal,
  { client }: Ports,
  namespace: string,
): Promise<boolean> {
  const found = await client.find<Namespace>(signal, resources.namespaces, { name: namespace })
  if (!found || found.metadata.deletionTimestamp) return true
  const { plural, group } = resources.devices
  const name = `${plural}.${group}`
  const definition = await client.find(signal, resources.definitions, { name })
  return !definition || definition.metadata.deletionTimestamp !== undefined
}

/**
 * Compares the whole once per process, and again after a failure; else only what has changed is written.
 *
 * @param changed devices that were claimed, moved or corrected; `undefined`: nothing was done
 */
async function bring(
  signal: AbortSignal,
  { registry, stores, compared }: Ports,
  customer: CustomerOrganization,
  changed: readonly string[] | undefined,
): Promise<Facts['notShown']> {
  const { uid: customerUid = '', name } = customer.metadata
  const place = placeOf(customer)
  const placed = (uid: string) => placeOf(stores.customers.by('uid', uid)[0])
  if (!registry) return undefined
  try {
    if (customer.spec.database?.enabled === false || !place) {
      if (compared.get(customerUid) !== 'none' || changed) {
        await registry.inventory.clear(signal, customerUid, placed)
        compared.set(customerUid, 'none')
      }
      return customer.spec.database?.enabled === false ? undefined : { why: notPlaced(name) }
    }
    const ready = customer.status?.conditions?.find(({ type }) => type === 'DatabaseReady')
    if (ready?.status !== 'True') return { why: notPlaced(name) }
    const shelf = { ...place, customerUid, levels: levelsOf(customer) }
    const fingerprint = JSON.stringify(shelf)
    if (compared.get(customerUid) !== fingerprint) {
      await registry.address(signal, { customerUid, customer: name }, place)
      await registry.inventory.bring(signal, shelf, 'all', placed)
      compared.set(customerUid, fingerprint)
    } else if (changed) {
      await registry.inventory.bring(signal, shelf, changed, placed)
    }
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    compared.delete(customerUid)
    const { message } = verdictOf(error)
    const says = `The devices are assigned. The database of ${name} does not show them yet: ${message}`
    return { why: { reason: 'ShowingDevices', message: says }, error }
  }
}

function notPlaced(name: string): Verdict {
  return {
    reason: 'ShowingDevices',
    message: `The devices are assigned. The database of ${name} shows them as soon as its condition DatabaseReady is True.`,
  }
}

function levelsOf({ spec }: CustomerOrganization): Levels {
  const { informationLevel = {} } = spec
  return {
    estimatedLoad: informationLevel.estimatedLoad ?? false,
    measuredPeakLoad: informationLevel.measuredPeakLoad ?? false,
    deviceProperties: informationLevel.deviceProperties ?? false,
    customProperties: informationLevel.customProperties ?? false,
  }
}
