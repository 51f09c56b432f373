// How many calls are in flight at once, and who goes first.
// More than some 32 in flight only makes an API server's p99 two to three times longer at equal
// throughput. Some slots stay free for `revoke`: taking access away must not queue behind a burst.
// Nor beside one: what comes while a revocation is in flight waits for its answer, since a server that
// writes four objects at once takes longer for each. Not for ever: a lease has to be renewed meanwhile.

export type Lane = 'revoke' | 'normal'

export type SlotsOptions = {
  /** Calls in flight at most. Default 24. */
  readonly limit?: number
  /** Of these, how many only `revoke` may take. Default 4. */
  readonly reserved?: number
  /** How long a call makes way for revocations that are in flight, in ms. Default 250. */
  readonly patienceMs?: number
}

type Waiting = { readonly lane: Lane; readonly enter: () => void; isPatient: boolean }

/** States: a call waits in its lane, holds a slot, or is gone. Whoever leaves lets the next in. */
export class Slots {
  readonly #limit: number
  readonly #reserved: number
  readonly #patienceMs: number
  #taken = 0
  /** Of those taken, by revocations. */
  #revoking = 0
  /** In order of arrival; a Set, so that one who gives up leaves from the middle. */
  readonly #waiting: Record<Lane, Set<Waiting>> = { revoke: new Set(), normal: new Set() }

  constructor({ limit = 24, reserved = 4, patienceMs = 250 }: SlotsOptions = {}) {
    if (reserved >= limit)
      throw new RangeError(`${reserved} of ${limit} slots leave none to others`)
    this.#limit = limit
    this.#reserved = reserved
    this.#patienceMs = patienceMs
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
    if (this.#mayEnter(lane, true)) this.#enter(lane)
    else await this.#wait(signal, lane)
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#taken--
      if (lane === 'revoke') this.#revoking--
      this.#admit()
    }
  }

  #mayEnter(lane: Lane, isPatient: boolean): boolean {
    if (lane === 'revoke') return this.#taken < this.#limit
    const makesWay = isPatient && this.#revoking > 0
    return !makesWay && this.#taken < this.#limit - this.#reserved
  }

  #enter(lane: Lane): void {
    this.#taken++
    if (lane === 'revoke') this.#revoking++
  }

  #wait(signal: AbortSignal, lane: Lane): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        clearTimeout(timer)
        this.#waiting[lane].delete(waiting)
        reject(signal.reason)
      }
      const waiting: Waiting = {
        lane,
        isPatient: true,
        enter: () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', giveUp)
          resolve()
        },
      }
      const timer = setTimeout(() => {
        waiting.isPatient = false
        this.#admit()
      }, this.#patienceMs)
      this.#waiting[lane].add(waiting)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  #admit(): void {
    for (const lane of ['revoke', 'normal'] as const) {
      for (const waiting of this.#waiting[lane]) {
        if (!this.#mayEnter(lane, waiting.isPatient)) break
        this.#waiting[lane].delete(waiting)
        this.#enter(lane) // before the promise resolves: nobody slips in between
        waiting.enter()
      }
    }
  }
}
