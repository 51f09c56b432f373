// How many calls are in flight at once, and who goes first.
// More than some 32 in flight only makes an API server's p99 two to three times longer at equal
// throughput. Some slots stay free for `revoke`: taking access away must not queue behind a burst.

export type Lane = 'revoke' | 'normal'

export type SlotsOptions = {
  /** Calls in flight at most. Default 24. */
  readonly limit?: number
  /** Of these, how many only `revoke` may take. Default 4. */
  readonly reserved?: number
}

type Waiting = { readonly lane: Lane; readonly enter: () => void }

/** States: a call waits in its lane, holds a slot, or is gone. Whoever leaves lets the next in. */
export class Slots {
  readonly #limit: number
  readonly #reserved: number
  #taken = 0
  /** In order of arrival; a Set, so that one who gives up leaves from the middle. */
  readonly #waiting: Record<Lane, Set<Waiting>> = { revoke: new Set(), normal: new Set() }

  constructor({ limit = 24, reserved = 4 }: SlotsOptions = {}) {
    if (reserved >= limit)
      throw new RangeError(`${reserved} of ${limit} slots leave none to others`)
    this.#limit = limit
    this.#reserved = reserved
  }

  get taken(): number {
    return this.#taken
  }

  get waiting(): number {
    return this.#waiting.revoke.size + this.#waiting.normal.size
  }

  /** Resolves with what gives the slot back; call it once. */
  async take(signal: AbortSignal, lane: Lane): Promise<() => void> {
    signal.throwIfAborted()
    if (!this.#mayEnter(lane)) await this.#wait(signal, lane)
    else this.#taken++
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#taken--
      this.#admit()
    }
  }

  #mayEnter(lane: Lane): boolean {
    return this.#taken < (lane === 'revoke' ? this.#limit : this.#limit - this.#reserved)
  }

  #wait(signal: AbortSignal, lane: Lane): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting[lane].delete(waiting)
        reject(signal.reason)
      }
      const waiting: Waiting = {
        lane,
        enter: () => {
          signal.removeEventListener('abort', giveUp)
          resolve()
        },
      }
      this.#waiting[lane].add(waiting)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  #admit(): void {
    for (const lane of ['revoke', 'normal'] as const) {
      for (const waiting of this.#waiting[lane]) {
        if (!this.#mayEnter(lane)) break
        this.#waiting[lane].delete(waiting)
        this.#taken++ // before the promise resolves: nobody slips in between
        waiting.enter()
      }
    }
  }
}
