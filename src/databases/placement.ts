// On which server a new database goes: the one of the pool with the largest share of free room. Pure but for what it remembers:
// a placement that was promised counts as taken until the database is there, so that a hundred customers who come at once do not
// all fit into the last free place, and who asks again gets the same answer.
import { TenantryError } from '../api/errors.ts'
import type { ServerOptions } from './server.ts'

export type Room = {
  readonly server: ServerOptions
  readonly used: number
  readonly holds: boolean
}

/** A promise that nobody came back for, as when the customer was deleted meanwhile. */
const promiseLastsMs = 600_000

export class Placement {
  readonly #promised = new Map<string, { readonly server: string; readonly at: number }>()
  readonly #now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** @throws TenantryError SERVER_FULL */
  choose(customerUid: string, pool: string, rooms: readonly Room[]): string {
    // Status was lost, as after a restore from a backup: the database is where it is (NOTHING-LOST).
    const holder = rooms.find(({ holds }) => holds)
    if (holder) return holder.server.name
    for (const [uid, { at }] of this.#promised) {
      if (this.#now() - at > promiseLastsMs) this.#promised.delete(uid)
    }
    const fitting = rooms.filter(({ server }) => server.pools.includes(pool))
    const earlier = this.#promised.get(customerUid)?.server
    if (earlier !== undefined && fitting.some(({ server }) => server.name === earlier)) {
      return earlier
    }
    const [best] = fitting
      .map(({ server, used }) => {
        const taken = used + this.promisedOn(server.name)
        return { name: server.name, free: 1 - taken / server.maxDatabases }
      })
      .filter(({ free }) => free > 0)
      .sort((one, other) => other.free - one.free)
    if (!best) throw new TenantryError('SERVER_FULL', pool)
    this.#promised.set(customerUid, { server: best.name, at: this.#now() })
    return best.name
  }

  /** Databases that will be made on a server for customers to whom it was promised. */
  promisedOn(server: string): number {
    return [...this.#promised.values()].filter((each) => each.server === server).length
  }

  /** The database is there and counted by the server itself. */
  made(customerUid: string): void {
    this.#promised.delete(customerUid)
  }
}
