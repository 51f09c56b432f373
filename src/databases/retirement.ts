// What happens to a database when its customer is deleted: it is recorded, then left as it is or closed, given back when
// somebody asks for it, dropped when its time is over. Holds NOTHING-LOST, PROVEN.
// The order nobody would guess: the row in the control database comes before every act, so that whoever dies in between has
// promised what the next one carries out; and a database keeps its name for life, so that giving it back renames nothing.
import { setTimeout as sleep } from 'node:timers/promises'
import { TenantryError } from '../api/errors.ts'
import type { Control } from './control/control.ts'
import {
  beginDrop,
  endDrop,
  readDue,
  readRestored,
  readRetained,
  restore,
  retain,
  type Retained,
} from './control/retained.sql.ts'
import type { Databases } from './databases.ts'
import { codeOf, isForbidden, isGone } from './failures.ts'
import { applicationRolesOf, databaseName, markOf } from './names.ts'
import {
  close,
  dropDatabase,
  dropRole,
  endSessions,
  readRoles,
  readStanding,
  refuseForeign,
  refuseToDrop,
} from './retirement.sql.ts'
import { lockCustomer, unlockAll } from './server.sql.ts'
import type { At } from './servers.ts'

export type Leaver = {
  readonly customer: string
  readonly customerName: string
  /** As status has it; without a server it was never placed. */
  readonly server: string | undefined
  readonly pool: string | undefined
  /** The customer after whom the database is named: itself, unless it was given an older one. */
  readonly madeFor: string
  /** Undefined: kept as it is. */
  readonly retainForSeconds: number | undefined
}

export type Returner = {
  readonly customer: string
  readonly customerName: string
  /** An id, `none` for a new database, or not decided yet. */
  readonly restoreFrom: string | undefined
}

export class Retirement {
  readonly #databases: Databases
  readonly #control: Control
  readonly #actor: string

  /** @param actor names this replica in the audit */
  constructor(databases: Databases, control: Control, actor: string) {
    this.#databases = databases
    this.#control = control
    this.#actor = actor
  }

  /**
   * Records the database of a customer that goes, and closes it when it is to be dropped later. As often as it takes.
   *
   * @returns the row; `undefined`: there is no database
   */
  async retire(signal: AbortSignal, leaver: Leaver): Promise<Retained | undefined> {
    const place = await this.#placeOf(signal, leaver)
    if (!place) return undefined
    const { server, madeFor } = place
    const named = { server, customerUid: madeFor }
    const found = await this.#databases.inTurnOf(signal, named, (at) =>
      readStanding(signal, at.sql, madeFor),
    )
    if (!found) return undefined
    refuseForeign(madeFor, found)
    const row = await this.#control.work(signal, 'recording a retained database', (sql) =>
      retain(signal, sql, this.#actor, {
        ...place,
        id: databaseName(madeFor),
        customer: leaver.customer,
        customerName: leaver.customerName,
        oid: found.oid,
        roles: applicationRolesOf(madeFor),
        retainForSeconds: leaver.retainForSeconds,
      }),
    )
    if (row.dropAfter !== null) {
      await this.#databases.inTurnOf(signal, named, (at) => closed(signal, at, madeFor))
    }
    return row
  }

  /**
   * The database that a customer takes over, if any. Nothing is taken over that nobody asked for.
   *
   * @throws TenantryError RETAINED_EXISTS, RETAINED_UNKNOWN
   */
  async comingBack(
    signal: AbortSignal,
    { customer, customerName, restoreFrom }: Returner,
  ): Promise<Retained | undefined> {
    const own = databaseName(customer)
    return this.#control.work(signal, 'looking for a retained database', async (sql) => {
      // Whoever died after it was given back, before status said so.
      const given = await readRestored(signal, sql, customer)
      if (given) return given
      const retained = await readRetained(signal, sql, customerName)
      // The very same object is back, as after a restore of the cluster from a backup.
      const id = retained.some((each) => each.id === own) ? own : restoreFrom
      if (id === undefined && retained.length > 0) {
        throw new TenantryError('RETAINED_EXISTS', `${customerName}: ${namesOf(retained)}`)
      }
      if (id === undefined || id === 'none') return undefined
      const restored = await restore(signal, sql, this.#actor, { id, customer, customerName })
      // A replica that died may have been answered only now.
      const row = restored ?? (await readRestored(signal, sql, customer))
      if (!row) throw new TenantryError('RETAINED_UNKNOWN', `${id} of ${customerName}`)
      return row
    })
  }

  /**
   * Drops what is due. Each by itself: one that is refused holds up no other.
   *
   * @param isInUse whether a customer with this UID exists, or has the database that was made for it
   * @param isOurs whether what was the database of a customer of this name is this replica's to drop. Default: all is
   */
  async dropDue(
    signal: AbortSignal,
    isInUse: (customerUid: string) => boolean,
    isOurs: (customerName: string) => boolean = () => true,
  ): Promise<{
    readonly dropped: readonly Pick<Retained, 'id' | 'customerName'>[]
    readonly refused: readonly { readonly id: string; readonly error: unknown }[]
  }> {
    const due = await this.#control.work(signal, 'looking for databases to drop', (sql) =>
      readDue(signal, sql),
    )
    const dropped: Retained[] = []
    const refused: { readonly id: string; readonly error: unknown }[] = []
    for (const row of due.filter(({ customerName }) => isOurs(customerName))) {
      try {
        if (isInUse(row.madeFor) || isInUse(row.customer)) {
          throw new TenantryError('RETAINED_IN_USE', row.id)
        }
        if (await this.#drop(signal, row)) dropped.push(row)
      } catch (error) {
        signal.throwIfAborted()
        refused.push({ id: row.id, error })
      }
    }
    return { dropped, refused }
  }

  async #drop(signal: AbortSignal, { id, madeFor, server, oid }: Retained): Promise<boolean> {
    const customer = { server, customerUid: madeFor }
    // Before it can no longer be given back.
    await this.#databases.inTurnOf(signal, customer, async ({ sql }) => {
      const found = await readStanding(signal, sql, madeFor)
      if (found) refuseToDrop(madeFor, oid, found)
    })
    const begun = await this.#control.work(signal, 'beginning to drop a database', (sql) =>
      beginDrop(signal, sql, id),
    )
    if (!begun) return false
    await this.#databases.inTurnOf(signal, customer, (at) => drop(signal, at, { madeFor, oid }))
    await this.#control.work(signal, 'recording a dropped database', (sql) =>
      endDrop(signal, sql, this.#actor, id),
    )
    return true
  }

  async #placeOf(
    signal: AbortSignal,
    { customer, madeFor, server, pool = 'default' }: Leaver,
  ): Promise<Pick<Retained, 'madeFor' | 'server' | 'pool'> | undefined> {
    if (server !== undefined) return { madeFor, server, pool }
    // It was given one, and died before status said so.
    return this.#control.work(signal, 'looking for a restored database', (sql) =>
      readRestored(signal, sql, customer),
    )
  }
}

// A session that was let in just before the door closed shows up a moment later.
const calmRounds = 2
const maxRounds = 50
const pauseMs = 20

async function closed(signal: AbortSignal, { sql }: At, madeFor: string): Promise<void> {
  await lockCustomer(signal, sql, markOf(madeFor))
  const found = await readStanding(signal, sql, madeFor)
  if (found) {
    refuseForeign(madeFor, found)
    if (found.open) await close(signal, sql, madeFor)
    let calm = 0
    for (let round = 0; round < maxRounds && calm < calmRounds; round += 1) {
      calm = (await endSessions(signal, sql, madeFor)) === 0 ? calm + 1 : 0
      if (calm < calmRounds) await sleep(pauseMs, undefined, { signal })
    }
    if (calm < calmRounds) throw new TenantryError('DATABASE_FAILED', 'sessions do not end')
  }
  await unlockAll(signal, sql)
}

async function drop(
  signal: AbortSignal,
  { sql }: At,
  { madeFor, oid }: { readonly madeFor: string; readonly oid: number },
): Promise<void> {
  await lockCustomer(signal, sql, markOf(madeFor))
  const found = await readStanding(signal, sql, madeFor)
  if (found) {
    refuseToDrop(madeFor, oid, found)
    await dropDatabase(signal, sql, madeFor)
  }
  for (const name of await readRoles(signal, sql, madeFor)) {
    try {
      await dropRole(signal, sql, name)
    } catch (error) {
      // It owns something elsewhere, or somebody took it over: what is not ours keeps it.
      if (!isGone(error) && !isForbidden(error) && codeOf(error) !== ownsSomething) throw error
    }
  }
  await unlockAll(signal, sql)
}

const ownsSomething = '2BP01'

function namesOf(retained: readonly Retained[]): string {
  return retained
    .slice(0, 10)
    .map(({ id, dropAfter }) => (dropAfter === null ? id : `${id} (until ${dropAfter})`))
    .join(', ')
}
