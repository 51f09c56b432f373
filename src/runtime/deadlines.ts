// Moments at which keys are due: one min-heap, one timer. The clock is read again at every wake-up,
// so that a suspended machine, a clock that jumps and an end in two years are all right: a timer
// above 24.8 days would fire at once, and one that slept through a suspend would fire too late.

import { KeySlots } from './key-slots.ts'
import { setTimer, type SetTimer, type Timer } from './timer.ts'

export type DeadlinesOptions = {
  /** Must only pass the key on: it is called once for each that is due. */
  readonly onDue: (key: string) => void
  /** Epoch milliseconds, or any other clock that moments are told by. Default `Date.now`. */
  readonly now?: () => number
  /** A key is due so long after the moment that it is set to, in ms: others have that moment to themselves. Default 0. */
  readonly afterMs?: number
  /** Longest sleep, in ms: a jump of the clock is noticed within it. Default 60,000. */
  readonly maxSleepMs?: number
  readonly setTimer?: SetTimer
}

/**
 * Of thousands that are due together so many are told in one turn of the event loop: what the first of them has begun to send
 * must not wait until the last one is told.
 */
const mostAtOnce = 100

export class Deadlines {
  readonly #options: Required<DeadlinesOptions>
  readonly #slots = new KeySlots()
  /** By slot: when it is due, and where in the heap it is. */
  #times = new Float64Array(64)
  #places = new Uint32Array(64)
  /** By place, a slot. Heap order: nothing is due before its parent. */
  #heap = new Uint32Array(64)
  #timer: Timer | undefined
  #wakeAt = Infinity
  #stopped = false

  constructor(options: DeadlinesOptions) {
    this.#options = { now: Date.now, afterMs: 0, maxSleepMs: 60_000, setTimer, ...options }
  }

  get size(): number {
    return this.#slots.size
  }

  /** The earliest moment. */
  get next(): number | undefined {
    return this.size === 0 ? undefined : this.#timeAt(0)
  }

  get(key: string): number | undefined {
    const slot = this.#slots.slotOf(key)
    return slot === undefined ? undefined : this.#times[slot]
  }

  /**
   * Each key has one moment; `undefined` takes it away.
   *
   * @throws RangeError for NaN: a moment that nobody can read must not be one that never comes
   */
  set(key: string, moment: number | undefined): void {
    if (Number.isNaN(moment)) throw new RangeError(`The moment at which ${key} is due is no number`)
    const at = moment === undefined ? undefined : moment + this.#options.afterMs
    const slot = this.#slots.slotOf(key)
    if (at === undefined) {
      if (slot !== undefined) this.#remove(slot)
    } else if (slot === undefined) {
      this.#insert(key, at)
    } else {
      this.#times[slot] = at
      this.#settle(this.#places[slot] ?? 0, slot)
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
    const isDue = () => (this.next ?? Infinity) <= at
    while (due.length < mostAtOnce && isDue()) {
      const slot = this.#heap[0] ?? 0
      due.push(this.#slots.keyOf(slot) ?? '')
      this.#remove(slot)
    }
    let told = 0
    try {
      for (const key of due) {
        told++
        this.#options.onDue(key)
      }
    } finally {
      // Only after a throw is something left: it stays due.
      for (const key of due.slice(told)) if (this.get(key) === undefined) this.set(key, at)
      this.#arm()
    }
  }

  #insert(key: string, at: number): void {
    const place = this.size
    const slot = this.#slots.take(key)
    if (slot >= this.#times.length) this.#grow()
    this.#times[slot] = at
    this.#rise(place, slot)
  }

  #remove(slot: number): void {
    const place = this.#places[slot] ?? 0
    this.#slots.release(slot)
    const last = this.#heap[this.size] ?? 0
    if (place < this.size) this.#settle(place, last)
  }

  #settle(place: number, slot: number): void {
    if (place > 0 && this.#timeOf(slot) < this.#timeAt((place - 1) >> 1)) this.#rise(place, slot)
    else this.#sink(place, slot)
  }

  /** Moves a hole upwards until the slot fits into it: half the writes of swapping. */
  #rise(from: number, slot: number): void {
    const at = this.#timeOf(slot)
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (this.#timeAt(parent) <= at) break
      this.#put(place, this.#heap[parent] ?? 0)
      place = parent
    }
    this.#put(place, slot)
  }

  #sink(from: number, slot: number): void {
    const at = this.#timeOf(slot)
    const { size } = this
    let place = from
    for (let child = 2 * place + 1; child < size; child = 2 * place + 1) {
      if (child + 1 < size && this.#timeAt(child + 1) < this.#timeAt(child)) child++
      if (this.#timeAt(child) >= at) break
      this.#put(place, this.#heap[child] ?? 0)
      place = child
    }
    this.#put(place, slot)
  }

  #put(place: number, slot: number): void {
    this.#heap[place] = slot
    this.#places[slot] = place
  }

  #timeAt(place: number): number {
    return this.#timeOf(this.#heap[place] ?? 0)
  }

  #timeOf(slot: number): number {
    return this.#times[slot] ?? Infinity
  }

  /** By an eighth only: what lies idle is memory too. */
  #grow(): void {
    const length = Math.ceil(this.#times.length * 1.125)
    const [times, places, heap] = [this.#times, this.#places, this.#heap]
    this.#times = new Float64Array(length)
    this.#places = new Uint32Array(length)
    this.#heap = new Uint32Array(length)
    this.#times.set(times)
    this.#places.set(places)
    this.#heap.set(heap)
  }
}
