// A customer's database, from placement to proof. Holds ISOLATED, NOTHING-LOST, PROVEN.
// The order nobody would guess: placement is in status before any DDL, the Secret is written before
// the role that it opens, and only a login with the Secret's password counts as ready.

import { TenantryError } from '../api/errors.ts'
import { eventTypeOf, type Reason, type Verdict } from '../api/reasons.ts'
import type { EpochMs } from '../api/time.ts'
import type { DatabaseSpec } from '../databases/change.sql.ts'
import type { CustomerDatabase } from '../databases/databases.ts'
import { databaseUidOf } from '../databases/names.ts'
import { makesDatabase } from '../databases/recipe.sql.ts'
import {
  ensureSecrets,
  knownSecrets,
  markSecrets,
  nextLogins,
  rotationWish,
  turnSecrets,
  type HeldByRole,
} from './database-secrets.ts'
import { verdictOf } from '../api/verdict.ts'
import type { Seen } from './gather.ts'
import type { Plan } from './plan.ts'
import type { Ports } from './ports.ts'
import { planRotation, type RotationWish } from './rotation.ts'

export type DatabaseFact =
  | { readonly state: 'Off' }
  | { readonly state: 'Kept' }
  /** Chosen in this run, to be recorded before anything is made. */
  | {
      readonly state: 'Placed'
      readonly server: string
      readonly pool: string
      /** The customer that had it before, if it is an older one. */
      readonly madeFor?: string
    }
  | {
      readonly state: 'Ready'
      readonly name: string
      readonly note?: Verdict
      readonly rotatedAt?: EpochMs
    }
  | { readonly state: 'Failed'; readonly why: Verdict; readonly error: Error }

/** What was proven, by customer UID, so that a run without a change asks PostgreSQL nothing. */
export type DatabaseMemory = Map<string, string>

export async function ensureDatabase(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  plan: Plan,
): Promise<DatabaseFact> {
  if (plan.database === 'off') return { state: 'Off' }
  if (plan.database === 'kept') return { state: 'Kept' }
  try {
    return await placeOrEnsure(signal, ports, seen, plan)
  } catch (error) {
    if (signal.aborted) throw error
    return failed(error)
  }
}

async function placeOrEnsure(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  plan: Plan,
): Promise<DatabaseFact> {
  const { object } = seen
  const pool = object.spec.database?.pool ?? 'default'
  const recorded = object.status?.database
  if (!recorded?.server) {
    if (!ports.databases.configured) throw new TenantryError('NO_SERVER', object.metadata.name)
    const { name: customerName, uid: customer = '' } = object.metadata
    const restoreFrom = object.spec.database?.restoreFrom
    const old = await ports.retirement?.comingBack(signal, { customer, customerName, restoreFrom })
    if (old) {
      const { server, madeFor } = old
      return { state: 'Placed', server, pool: old.pool, ...(madeFor !== customer && { madeFor }) }
    }
    // A Secret outlives a status that was lost, and is written before any statement.
    const mayStand = Object.values(knownSecrets(ports, seen)).some((secret) => secret !== undefined)
    const { server } = await ports.databases.place(signal, pool, customer, mayStand)
    return { state: 'Placed', server, pool }
  }
  const customerUid = databaseUidOf(object)
  const spec = {
    server: recorded.server,
    customerUid,
    connectionLimit: object.spec.database?.connectionLimit ?? 20,
    extensions: object.spec.database?.extensions ?? [],
  }
  const wish = rotationWish(ports, seen, plan)
  const now = ports.clock.now()
  const known = () => planRotation(knownSecrets(ports, seen), wish, now)
  const fingerprint = () => JSON.stringify([spec, known().graces, secretVersions(ports, seen)])
  const isAsked = known().due.length + known().unmarked.length > 0
  if (isAsked || ports.databaseMemory.get(customerUid) !== fingerprint()) {
    const problems = await bringAbout(signal, ports, seen, spec, wish)
    if (problems.length > 0) return notIsolated(problems)
    ports.databaseMemory.set(customerUid, fingerprint())
  }
  const name = ports.databases.nameFor(customerUid)
  const { rotatedAt } = known()
  const ready = { state: 'Ready', name, ...(rotatedAt !== undefined && { rotatedAt }) } as const
  return recorded.pool === undefined || recorded.pool === pool
    ? ready
    : { ...ready, note: moveNotSupported(recorded.pool, pool) }
}

type Spec = DatabaseSpec & { readonly server: string }

/** @returns what keeps the database from being proven */
async function bringAbout(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  spec: Spec,
  wish: RotationWish,
): Promise<readonly string[]> {
  const { server } = spec
  const rotationOf = ({ adm, rw, ro }: HeldByRole) =>
    planRotation({ adm: adm.metadata, rw: rw.metadata, ro: ro.metadata }, wish, ports.clock.now())
  let held = await ensureSecrets(signal, ports, seen, { server, wish })
  const { due, graces, unmarked } = rotationOf(held)
  held = await markSecrets(signal, ports, wish, held, unmarked)
  if (due.length > 0) {
    // The next logins first, beside those in use; only when they are proven does a Secret name them.
    const next = nextLogins(ports, seen, held, due)
    const inUse = Object.fromEntries(due.map((role) => [role, 'open' as const]))
    const candidate = { ...spec, logins: next, graces: { ...graces, ...inUse } }
    const problems = await makeAndProve(signal, ports, seen, candidate)
    if (problems.length > 0) return problems
    held = await turnSecrets(signal, ports, seen, { server, wish, held, due, next })
  }
  const logins = { adm: held.adm.login, rw: held.rw.login, ro: held.ro.login }
  return makeAndProve(signal, ports, seen, { ...spec, logins, graces: rotationOf(held).graces })
}

async function makeAndProve(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  spec: CustomerDatabase,
): Promise<readonly string[]> {
  const { steps } = await ports.databases.ensure(signal, spec)
  const { name, madeFor } = seen.object.status?.database ?? {}
  const stood = name !== undefined || madeFor !== undefined
  if (stood && steps.some(makesDatabase)) tellLoss(ports, seen)
  const { problems } = await ports.databases.prove(signal, spec)
  return problems
}

/** It stood before, so somebody has dropped it: the new one is empty, and somebody must know. */
function tellLoss({ events }: Ports, { object }: Seen): void {
  const reason = 'DatabaseMadeAgain'
  events.record(object, {
    type: eventTypeOf(reason),
    reason,
    action: 'DatabaseReady',
    note: `The database of ${object.metadata.name} was gone from its server, dropped by hand or lost, and was made again, empty. Restore its data from a backup.`,
  })
}

function secretVersions(ports: Ports, seen: Seen): readonly (string | undefined)[] {
  return Object.values(knownSecrets(ports, seen)).map((metadata) => metadata?.resourceVersion)
}

function notIsolated(problems: readonly string[]): DatabaseFact {
  return failedBecause(
    'DatabaseNotIsolated',
    `The database does not stand as it should: ${problems.join('; ')}. The operator repairs what is its own and asks again.`,
  )
}

function moveNotSupported(placed: string, wanted: string): Verdict {
  return {
    reason: 'MoveNotSupported',
    message: `The database is in pool ${placed} and stays there; moving it to ${wanted} is not supported. Set spec.database.pool back to ${placed}.`,
  }
}

function failedBecause(reason: Reason, message: string): DatabaseFact {
  return { state: 'Failed', why: { reason, message }, error: new Error(message) }
}

function failed(cause: unknown): DatabaseFact {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  return { state: 'Failed', why: verdictOf(cause), error }
}
