// What becomes of the database of a customer that goes. Holds NOTHING-LOST: it is written down before the finalizer is removed,
// and a policy that deletes counts only when nothing says that the customer goes for another reason than its own deletion.

import { resources } from '../api/resources.ts'
import type { Verdict } from '../api/reasons.ts'
import { parseDuration } from '../api/time.ts'
import { databaseUidOf } from '../databases/names.ts'
import { verdictOf } from '../api/verdict.ts'
import type { Seen } from './gather.ts'
import type { Ports } from './ports.ts'

export type RetireFact =
  | {
      readonly state: 'Done'
      /** Every policy is Retain, also the namespace's. */
      readonly keepsAll: boolean
      /** For those who look for the database later. */
      readonly news: Verdict | undefined
    }
  | { readonly state: 'Failed'; readonly why: Verdict; readonly error: unknown }

const retainForDefault = '720h'

/** People are out, by proof. As often as it takes. */
export async function retire(signal: AbortSignal, ports: Ports, seen: Seen): Promise<RetireFact> {
  try {
    const keeps = await whyAllIsKept(signal, ports, seen)
    return {
      state: 'Done',
      keepsAll: keeps !== undefined,
      news: await retireDatabase(signal, ports, seen, keeps),
    }
  } catch (error) {
    signal.throwIfAborted()
    return { state: 'Failed', why: verdictOf(error), error }
  }
}

async function retireDatabase(
  signal: AbortSignal,
  { retirement }: Ports,
  { object }: Seen,
  keeps: string | undefined,
): Promise<Verdict | undefined> {
  const { name, uid = '' } = object.metadata
  const { database } = object.status ?? {}
  const { reclaimPolicy, retainFor = retainForDefault } = object.spec.database ?? {}
  const deletes = reclaimPolicy === 'Delete'
  if (!retirement) {
    return deletes && database?.server !== undefined
      ? keptAfterAll(name, 'the operator has no control database to remember it in')
      : undefined
  }
  const row = await retirement.retire(signal, {
    customer: uid,
    customerName: name,
    madeFor: databaseUidOf(object),
    server: database?.server,
    pool: database?.pool,
    retainForSeconds: deletes && keeps === undefined ? parseDuration(retainFor) : undefined,
  })
  if (!row) return undefined
  // What was decided first stays: a namespace that goes because this customer goes is no reason.
  if (deletes && row.dropAfter === null && keeps !== undefined) return keptAfterAll(name, keeps)
  const until =
    row.dropAfter === null
      ? 'It is kept until somebody decides otherwise.'
      : `It is closed, and dropped after ${row.dropAfter}.`
  return {
    reason: 'DatabaseRetained',
    message: `The database of ${name} is ${row.id} on PostgreSQL server ${row.server}. ${until} A new customer ${name} has it back with spec.database.restoreFrom: ${row.id}.`,
  }
}

/** Asked only where a policy would take something away. */
async function whyAllIsKept(
  signal: AbortSignal,
  { client }: Ports,
  { object, namespaceObject }: Seen,
): Promise<string | undefined> {
  const { reclaimPolicy, database } = object.spec
  if (reclaimPolicy !== 'Delete' && database?.reclaimPolicy !== 'Delete') return undefined
  if (namespaceObject?.metadata.deletionTimestamp) return 'its namespace is being deleted'
  const { plural, group } = resources.customers
  const definition = await client.find(signal, resources.definitions, {
    name: `${plural}.${group}`,
  })
  if (!definition || definition.metadata.deletionTimestamp)
    return 'the kind CustomerOrganization itself is being deleted'
  return undefined
}

function keptAfterAll(name: string, why: string): Verdict {
  return {
    reason: 'KeptAfterAll',
    message: `The database of ${name} is kept although its reclaimPolicy is Delete: ${why}. Drop it by hand, if nobody needs it.`,
  }
}
