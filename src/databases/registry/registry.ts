// The registry as assignments use it: one round trip to look, one to carry out. Holds ONE-OWNER.
import type { Control } from '../control/control.ts'
import type { Databases } from '../databases.ts'
import {
  claim,
  judge,
  readHolding,
  readLeftBehind,
  readReservedUntil,
  readUnits,
  release,
  writeAddress,
  type AskedDevice,
  type DataPolicy,
  type Holding,
  type Outcome,
  type Terms,
} from './devices.sql.ts'
import { Inventory, type Place } from './inventory.ts'

export type Looked = {
  readonly outcomes: readonly Outcome[]
  readonly holding: Holding
  /** When a reserved device of these is free, in epoch ms. */
  readonly reservedUntil: number | undefined
}

export class Registry {
  readonly inventory: Inventory
  readonly #databases: Databases
  readonly #control: Control

  constructor(databases: Databases, control: Control) {
    this.#databases = databases
    this.#control = control
    this.inventory = new Inventory(databases, control)
  }

  units(signal: AbortSignal, units: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#control.work(signal, 'reading the inventory', (sql) =>
      readUnits(signal, sql, units),
    )
  }

  /**
   * What would become of these devices, and what the assignment has. Writes nothing.
   *
   * @param kept what it may go on having; `undefined`: everything
   */
  look(
    signal: AbortSignal,
    terms: Terms,
    devices: readonly AskedDevice[],
    kept: readonly string[] | undefined,
  ): Promise<Looked> {
    return this.#control.work(signal, 'looking for devices', async (sql) => {
      const outcomes = await judge(signal, sql, terms, devices)
      const reserved = outcomes.filter(({ outcome }) => outcome === 'DeviceReserved')
      const ids = reserved.map(({ id }) => id)
      return {
        outcomes,
        holding: await readHolding(signal, sql, terms, kept),
        reservedUntil: ids.length > 0 ? await readReservedUntil(signal, sql, ids) : undefined,
      }
    })
  }

  /** What the assignment has. Writes nothing. */
  holding(signal: AbortSignal, terms: Terms): Promise<Holding> {
    return this.#control.work(signal, 'counting devices', (sql) =>
      readHolding(signal, sql, terms, undefined),
    )
  }

  /** Claims, moves, corrects; what the answer says is so. */
  claim(
    signal: AbortSignal,
    terms: Terms,
    devices: readonly AskedDevice[],
    policy: DataPolicy,
  ): Promise<readonly Outcome[]> {
    return this.#control.work(signal, 'claiming devices', (sql) =>
      claim(signal, sql, terms, devices, policy),
    )
  }

  /** UIDs of the assignments that these devices have left, now or earlier. */
  leftBehind(signal: AbortSignal, ids: readonly string[]): Promise<readonly string[]> {
    return this.#control.work(signal, 'looking where devices came from', (sql) =>
      readLeftBehind(signal, sql, ids),
    )
  }

  /** Gives back what an assignment has, but for `kept`. */
  release(
    signal: AbortSignal,
    assignment: string,
    kept: readonly string[],
    policy: DataPolicy,
  ): Promise<readonly string[]> {
    return this.#control.work(signal, 'releasing devices', (sql) =>
      release(signal, sql, assignment, kept, policy),
    )
  }

  /** Where `whose` finds the customer's database. */
  async address(
    signal: AbortSignal,
    { customerUid, customer }: Pick<Terms, 'customerUid' | 'customer'>,
    place: Place | undefined,
  ): Promise<void> {
    const { host, port } = place ? this.#databases.addressOf(place.server) : {}
    const database = place && this.#databases.nameFor(place.madeFor)
    const address = { host: host ?? null, port: port ?? null, database: database ?? null }
    await this.#control.work(signal, 'writing an address', (sql) =>
      writeAddress(signal, sql, { customerUid, customer, ...address }),
    )
  }
}
