// Moments at which keys are due: one min-heap, one timer. The clock is read again at every wake-up,
// so that a suspended machine, a clock that jumps and an end in two years are all right: a timer
// above 24.8 days would fire at once, and one that slept through a suspend would fire too late.

import { setTimer, type SetTimer, type Timer } from './timer.ts'

export type DeadlinesOptions = {
  /** Must only pass the key on: it is called once for each that is due. */
  readonly onDue: (key: string) => void
  /** Epoch milliseconds, or any other clock that moments are told by. Default `Date.now`. */
  readonly now?: () => number
  /** Longest sleep, in ms: a jump of the clock is noticed within it. Default 60,000. */
  readonly maxSleepMs?: number
  readonly setTimer?: SetTimer
}

export class Deadlines {
  readonly #options: Required<DeadlinesOptions>
  /** Heap order: no key is due before its parent. */
  readonly #keys: string[] = []
  readonly #times: number[] = []
  readonly #places = new Map<string, number>()
  #timer: Timer | undefined
  #wakeAt = Infinity
  #stopped = false

  constructor(options: DeadlinesOptions) {
    this.#options = { now: Date.now, maxSleepMs: 60_000, setTimer, ...options }
  }

  get size(): number {
    return this.#keys.length
  }

  /** The earliest moment. */
  get next(): number | undefined {
    return this.#times[0]
  }

  get(key: string): number | undefined {
    const place = this.#places.get(key)
    return place === undefined ? undefined : this.#times[place]
  }

  /**
   * Each key has one moment; `undefined` takes it away.
   *
   * @throws RangeError for NaN: a moment that nobody can read must not be one that never comes
   */
  set(key: string, at: number | undefined): void {
    if (Number.isNaN(at)) throw new RangeError(`The moment at which ${key} is due is no number`)
    const place = this.#places.get(key)
    if (at === undefined) {
      if (place !== undefined) this.#removeAt(place)
    } else if (place === undefined) {
      this.#rise(this.#keys.length, key, at)
    } else {
      this.#settle(place, key, at)
    }
    this.#arm()
  }

  /** Nothing is due any more; what is still in it stays readable. */
  stop(): void {
    this.#stopped = true
    this.#rest()
  }

  /** A timer would keep the process from ending. */
  #rest(): void {
    this.#timer?.clear()
    this.#timer = undefined
  }

  #arm(): void {
    const next = this.next
    if (this.#stopped) return
    if (next === undefined) return this.#rest()
    const { now, maxSleepMs, setTimer: start } = this.#options
    const at = now()
    const wakeAt = Math.min(next, at + maxSleepMs)
    // A later end keeps the timer: it wakes too early, finds nothing due and sleeps on. Hence one
    // timer call per earlier deadline, not one per deadline.
    if (this.#timer && this.#wakeAt > at && wakeAt >= this.#wakeAt) return
    this.#timer?.clear()
    this.#wakeAt = wakeAt
    this.#timer = start(() => this.#wake(), Math.max(0, Math.ceil(wakeAt - at)))
  }

  #wake(): void {
    this.#timer = undefined
    const at = this.#options.now()
    // All are taken out first: one that sets itself anew from `onDue` waits for the next wake-up.
    const due: string[] = []
    for (let next = this.next; next !== undefined && next <= at; next = this.next) {
      due.push(this.#keys[0] ?? '')
      this.#removeAt(0)
    }
    let told = 0
    try {
      for (const key of due) {
        told++
        this.#options.onDue(key)
      }
    } finally {
      // Only after a throw is something left: it stays due.
      for (const key of due.slice(told)) if (!this.#places.has(key)) this.set(key, at)
      this.#arm()
    }
  }

  #removeAt(place: number): void {
    const removed = this.#keys[place]
    const key = this.#keys.pop()
    const at = this.#times.pop()
    if (removed !== undefined) this.#places.delete(removed)
    if (key !== undefined && at !== undefined && place < this.#keys.length) {
      this.#settle(place, key, at)
    }
  }

  #settle(place: number, key: string, at: number): void {
    if (at < this.#timeAt((place - 1) >> 1)) this.#rise(place, key, at)
    else this.#sink(place, key, at)
  }

  /** Moves a hole upwards until `key` fits into it: half the writes of swapping. */
  #rise(from: number, key: string, at: number): void {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (this.#timeAt(parent) <= at) break
      this.#put(place, this.#keys[parent] ?? '', this.#timeAt(parent))
      place = parent
    }
    this.#put(place, key, at)
  }

  #sink(from: number, key: string, at: number): void {
    const { length } = this.#keys
    let place = from
    for (let child = 2 * place + 1; child < length; child = 2 * place + 1) {
      if (child + 1 < length && this.#timeAt(child + 1) < this.#timeAt(child)) child++
      if (this.#timeAt(child) >= at) break
      this.#put(place, this.#keys[child] ?? '', this.#timeAt(child))
      place = child
    }
    this.#put(place, key, at)
  }

  /** Above the root is nothing that could be later. */
  #timeAt(place: number): number {
    return this.#times[place] ?? -Infinity
  }

  #put(place: number, key: string, at: number): void {
    this.#keys[place] = key
    this.#times[place] = at
    this.#places.set(key, place)
  }
}
