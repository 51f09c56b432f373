// Keeps the devices in customers' databases equal to the registry: what left is put away, then what is there is shown.
// Holds ONE-OWNER, NOTHING-LOST, QUIET. A device is put away in its old database before its new one shows it, so it is in no two;
// whoever dies in between has left a row in the registry by which the next run goes on.
import type { Control } from '../control/control.ts'
import type { Databases } from '../databases.ts'
import { isNoDatabase } from '../failures.ts'
import { databaseName } from '../names.ts'
import type { Session } from '../server.ts'
import { inside } from '../servers.ts'
import { KeyedTurns } from '../turns.ts'
import { endDepartures, markPutAway, readDepartures, type Departure } from './departures.sql.ts'
import {
  changeInventory,
  forgetData,
  inventoryChanges,
  putAway,
  readData,
  readInventory,
  readShown,
  readShownPage,
  show,
  type Data,
  type Levels,
} from './inventory.sql.ts'
import { readOwnedPage, readRows } from './rows.sql.ts'

/** Where a customer's database is. */
export type Place = {
  readonly server: string
  /** The customer after whom it is named. */
  readonly madeFor: string
}

/** A database that shows its customer's devices. */
export type Shelf = Place & { readonly customerUid: string; readonly levels: Levels }

/** The database of a customer from which devices came; `undefined`: it has none. */
export type PlaceOf = (customerUid: string) => Place | undefined

const pageSize = 10_000
const batchSize = 1_000

export class Inventory {
  readonly #databases: Databases
  readonly #control: Control
  readonly #turns = new KeyedTurns()

  constructor(databases: Databases, control: Control) {
    this.#databases = databases
    this.#control = control
  }

  /**
   * Makes the customer's database show these devices as the registry has them.
   *
   * @param ids `all`: everything is compared, and drift repaired
   * @returns how many devices were written
   */
  async bring(
    signal: AbortSignal,
    shelf: Shelf,
    ids: readonly string[] | 'all',
    placeOf: PlaceOf,
  ): Promise<number> {
    return this.#turns.run(signal, shelf.customerUid, async () => {
      const placed = (uid: string) => (uid === shelf.customerUid ? shelf : placeOf(uid))
      const { data, migrating } = await this.#putAwayDeparted(signal, shelf.customerUid, placed)
      const coming = migrating.map(({ device }) => device)
      const { written, arrived } = await this.#within(signal, shelf, async (inner) => {
        const state = await readInventory(signal, inner)
        const changes = inventoryChanges(shelf.madeFor, state, shelf.levels)
        if (changes.length > 0) await changeInventory(signal, inner, changes)
        // One that has just been made shows nothing yet.
        const isWhole = ids === 'all' || state.owner === undefined
        const differing = isWhole ? await this.#differing(signal, inner, shelf.customerUid) : ids
        const wanted = [...differing, ...coming]
        return {
          written: await this.#show(signal, inner, shelf.customerUid, wanted, data),
          arrived: coming.length > 0 ? await readShown(signal, inner, coming) : [],
        }
      })
      // What has moved on meanwhile is not here, and neither is its data: it stays where it was.
      const moved = migrating.filter(({ device }) => arrived.includes(device))
      await this.#forgetMigrated(signal, moved, placed)
      await this.#end(signal, migrating)
      return written
    })
  }

  /** For a customer without a database: what left it, or came to it, is put away where it was. */
  async clear(signal: AbortSignal, customerUid: string, placeOf: PlaceOf): Promise<void> {
    await this.#turns.run(signal, customerUid, async () => {
      const { migrating } = await this.#putAwayDeparted(signal, customerUid, placeOf)
      // There is no database that the data could go to: it stays where it was.
      await this.#end(signal, migrating)
    })
  }

  async #putAwayDeparted(
    signal: AbortSignal,
    customerUid: string,
    placeOf: PlaceOf,
  ): Promise<{ readonly data: readonly Data[]; readonly migrating: readonly Departure[] }> {
    const departures = await this.#control.work(signal, 'reading departures', (sql) =>
      readDepartures(signal, sql, customerUid),
    )
    const data: Data[] = []
    for (const [source, left] of Map.groupBy(departures, (each) => each.customerUid)) {
      const place = placeOf(source)
      if (place) data.push(...(await this.#putAway(signal, place, left)))
    }
    const goesOn = ({ policy, toUid, customerUid: source }: Departure) =>
      policy === 'Migrate' && toUid !== null && placeOf(source) !== undefined
    await this.#end(
      signal,
      departures.filter((each) => !goesOn(each)),
    )
    const going = departures.filter(goesOn)
    if (going.length > 0) {
      await this.#control.work(signal, 'recording departures', (sql) =>
        markPutAway(signal, sql, going),
      )
    }
    // What migrates to somebody else is for that customer's run.
    return { data, migrating: going.filter(({ toUid }) => toUid === customerUid) }
  }

  /** @returns what was measured of those whose data goes with them */
  async #putAway(
    signal: AbortSignal,
    place: Place,
    left: readonly Departure[],
  ): Promise<readonly Data[]> {
    const idsOf = (policy: Departure['policy']) =>
      left.filter((each) => each.policy === policy).map(({ device }) => device)
    const data = await this.#whereShown(signal, place, async (inner) => {
      await putAway(
        signal,
        inner,
        left.map(({ device: id, version }) => ({ id, version })),
      )
      const purged = idsOf('Purge')
      if (purged.length > 0) await forgetData(signal, inner, purged)
      const migrating = idsOf('Migrate')
      return migrating.length > 0 ? readData(signal, inner, migrating) : []
    })
    return data ?? []
  }

  async #forgetMigrated(
    signal: AbortSignal,
    migrated: readonly Departure[],
    placeOf: PlaceOf,
  ): Promise<void> {
    for (const [source, left] of Map.groupBy(migrated, (each) => each.customerUid)) {
      const place = placeOf(source)
      const ids = left.map(({ device }) => device)
      if (place) await this.#whereShown(signal, place, (inner) => forgetData(signal, inner, ids))
    }
  }

  async #end(signal: AbortSignal, departures: readonly Departure[]): Promise<void> {
    if (departures.length === 0) return
    await this.#control.work(signal, 'ending departures', (sql) =>
      endDepartures(signal, sql, departures),
    )
  }

  async #show(
    signal: AbortSignal,
    inner: Session,
    customerUid: string,
    ids: readonly string[],
    data: readonly Data[],
  ): Promise<number> {
    let written = 0
    for (let at = 0; at < ids.length; at += batchSize) {
      const batch = ids.slice(at, at + batchSize)
      const rows = await this.#control.work(signal, 'reading devices', (sql) =>
        readRows(signal, sql, customerUid, batch),
      )
      written += await show(signal, inner, rows, data)
    }
    return written
  }

  /** Compares page by page, and puts away what the registry does not have. */
  async #differing(
    signal: AbortSignal,
    inner: Session,
    customerUid: string,
  ): Promise<readonly string[]> {
    const differing: string[] = []
    let after = ''
    for (;;) {
      const page = { after, limit: pageSize }
      const owned = await this.#control.work(signal, 'comparing devices', (sql) =>
        readOwnedPage(signal, sql, customerUid, page),
      )
      const last = owned.length < pageSize ? undefined : owned.at(-1)?.id
      const shown = await readShownPage(signal, inner, { after, upTo: last })
      const digests = new Map(shown.map(({ id, digest }) => [id, digest]))
      differing.push(
        ...owned.filter((row) => digests.get(row.id) !== row.digest).map(({ id }) => id),
      )
      const known = new Set(owned.map(({ id }) => id))
      const strangers = shown.filter(({ id }) => !known.has(id))
      if (strangers.length > 0) await putAway(signal, inner, strangers)
      if (last === undefined) return differing
      after = last
    }
  }

  #within<T>(
    signal: AbortSignal,
    { server, madeFor }: Place,
    work: (inner: Session) => Promise<T>,
  ): Promise<T> {
    return this.#databases.inTurnOf(signal, { server, customerUid: madeFor }, (at) =>
      inside(signal, at, databaseName(madeFor), work),
    )
  }

  /** Where a database, or what shows devices in it, is missing, nothing is shown. */
  async #whereShown<T>(
    signal: AbortSignal,
    place: Place,
    work: (inner: Session) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await this.#within(signal, place, async (inner) => {
        const { owner } = await readInventory(signal, inner)
        return owner === undefined ? undefined : work(inner)
      })
    } catch (error) {
      if (isNoDatabase(error)) return undefined
      throw error
    }
  }
}
