// The databases that stand ready on one server: who comes gets one by a rename, which costs a hundredth of making it.
// Holds ISOLATED, NOTHING-LOST, QUIET. What is ready is remembered, so that a claim asks nothing; memory may be wrong (another
// replica was here, somebody dropped one), and then the rename fails, nothing has happened, and the server is looked at again.
import { repairServer, lockCustomer, unlockAll } from './server.sql.ts'
import type { Session } from './server.ts'
import { readState } from './state.sql.ts'
import { newPoolName, poolCreation, poolFinish, poolMark, readPool } from './warm-pool.sql.ts'

export type WarmPoolOptions = {
  /** How many are to stand ready. */
  readonly wanted: number
  /** How many do, whenever that changes. Default: nobody wants to know. */
  readonly onReady?: (ready: number) => void
}

export type PoolRoom = {
  /** How many databases the server may hold, and how many are promised to customers and not made yet. */
  readonly maxDatabases: number
  readonly promised: number
}

export class WarmPool {
  readonly #options: WarmPoolOptions
  /** Undefined: nobody has looked, or what was known is wrong. */
  #ready: string[] | undefined
  /** Given away; the server may show them under the old name for another moment. */
  #taken = new Set<string>()

  constructor(options: WarmPoolOptions) {
    this.#options = options
  }

  /** One for a customer, who has it alone; `undefined`: none is ready. */
  async take(signal: AbortSignal, sql: Session): Promise<string | undefined> {
    if (this.#ready === undefined) this.#know((await readPool(signal, sql)).ready)
    const taken = this.#ready?.shift()
    if (taken === undefined) return undefined
    this.#taken.add(taken)
    this.#tell()
    return taken
  }

  forget(): void {
    this.#ready = undefined
    this.#taken.clear()
  }

  get isFull(): boolean {
    return this.#ready !== undefined && this.#ready.length >= this.#options.wanted
  }

  /**
   * Finishes what somebody left, then makes one more if it is wanted and there is room. One replica at a time.
   *
   * @returns whether one was made: there may be more to do
   */
  async fill(
    signal: AbortSignal,
    sql: Session,
    { maxDatabases, promised }: PoolRoom,
  ): Promise<boolean> {
    await lockCustomer(signal, sql, poolMark)
    const { ready, unfinished, used } = await readPool(signal, sql)
    this.#know(ready)
    for (const name of unfinished) await this.#finish(signal, sql, name)
    const makes = !this.isFull && used + promised < maxDatabases
    if (makes) {
      await repairServer(signal, sql, () => readState(signal, sql, 'none', false))
      const name = newPoolName()
      await sql.query(signal, poolCreation(name))
      await this.#finish(signal, sql, name)
    }
    await unlockAll(signal, sql)
    return makes
  }

  async #finish(signal: AbortSignal, sql: Session, name: string): Promise<void> {
    await sql.query(signal, poolFinish(name))
    this.#ready?.push(name)
    this.#tell()
  }

  #know(found: readonly string[]): void {
    this.#taken = new Set(found.filter((name) => this.#taken.has(name)))
    this.#ready = found.filter((name) => !this.#taken.has(name))
    this.#tell()
  }

  #tell(): void {
    this.#options.onReady?.(this.#ready?.length ?? 0)
  }
}
