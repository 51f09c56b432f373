// Keys that wait for a run. A key is in it once, however often it is added; while its run goes on it
// is remembered and comes again afterwards, so that one key never has two runs at once.
//
//   asleep (addAfter, retry, an addition that settles)
//      | due, or added meanwhile
//      v
//   waiting, in the most urgent lane it was added with --take--> running --done--> gone
//      ^                                                            | added meanwhile
//      +------------------------------------------------------------+
//
// Lanes are in order of urgency. The first is always served first. Of the others the more urgent
// goes first too, but every 16th turn belongs to a lane below, each of those in its turn, so that a
// flood above starves nobody.

import { Deadlines } from './deadlines.ts'
import type { SetTimer } from './timer.ts'

export type QueueMetrics = {
  readonly added: (queue: string) => void
  readonly depth: (queue: string, depth: number) => void
  /** Seconds between the addition and the run. */
  readonly waited: (queue: string, seconds: number) => void
  readonly retried: (queue: string) => void
  /** Seconds that a run took. */
  readonly worked?: (queue: string, seconds: number) => void
  /** Called once; `running` tells the seconds of each run that goes on now. */
  readonly watch?: (queue: string, running: () => readonly number[]) => void
}

export type QueueOptions = {
  readonly name: string
  /** In order of urgency; the first has no bucket and is never held back for others. */
  readonly lanes: readonly string[]
  /** Delay after the first failure of a key, in ms; doubles. Default 5. */
  readonly firstRetryMs?: number
  /** Longest delay, in ms. Default 1,000,000. */
  readonly maxRetryMs?: number
  /** What differs for a lane. */
  readonly perLane?: Readonly<Record<string, { readonly maxRetryMs: number }>>
  /** Retries of all keys together: so many per second after a burst. Default 10 and 100. */
  readonly retryRate?: number
  readonly retryBurst?: number
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number
  /** In [0, 1); spreads retries. Default `Math.random`. */
  readonly random?: () => number
  readonly setTimer?: SetTimer
  /** A key that is added sleeps so long first, in ms, and what is added meanwhile is the same run. Default 0. */
  readonly settleMs?: number
  readonly metrics?: QueueMetrics
}

export type Taken = { readonly key: string; readonly lane: string }

type Waiting = { readonly lane: number; readonly since: number }
type Running = { readonly since: number; again?: number }

const fairTurn = 16

export class Queue {
  readonly #options: Required<Omit<QueueOptions, 'setTimer'>>
  readonly #lanes: readonly Set<string>[]
  readonly #waiting = new Map<string, Waiting>()
  readonly #running = new Map<string, Running>()
  /** When those that sleep are due, and in which lane they come. */
  readonly #alarms: Deadlines
  readonly #asleep = new Map<string, number>()
  readonly #failures = new Map<string, number>()
  /** Of workers that found nothing, in order of their coming. */
  readonly #takers = new Set<() => void>()
  #turn = 0
  #servedBelow = 0
  #tokens: number
  #tokensAt: number
  #stopped = false

  constructor({ setTimer, ...options }: QueueOptions) {
    this.#options = {
      firstRetryMs: 5,
      maxRetryMs: 1_000_000,
      perLane: {},
      retryRate: 10,
      retryBurst: 100,
      now: () => performance.now(),
      random: Math.random,
      settleMs: 0,
      metrics: { added() {}, depth() {}, waited() {}, retried() {} },
      ...options,
    }
    const { now, metrics, name, retryBurst } = this.#options
    this.#lanes = options.lanes.map(() => new Set())
    this.#alarms = new Deadlines({
      now,
      onDue: (key) => this.#add(key, this.#asleep.get(key) ?? 0),
      ...(setTimer && { setTimer }),
    })
    this.#tokens = retryBurst
    this.#tokensAt = now()
    metrics.watch?.(name, () => [...this.#running.values()].map(({ since }) => this.#since(since)))
  }

  get name(): string {
    return this.#options.name
  }

  /** Keys that wait for a run; those that run or sleep are not among them. */
  get depth(): number {
    return this.#waiting.size
  }

  /** @throws RangeError for a lane that the queue does not have */
  add(key: string, lane: string): void {
    this.#addAfter(key, this.#index(lane), this.#options.settleMs)
  }

  /**
   * Adds it later. Of several times the earliest stays, and of several lanes the most urgent.
   *
   * @throws RangeError for a delay that is no number
   */
  addAfter(key: string, lane: string, delayMs: number): void {
    if (Number.isNaN(delayMs)) throw new RangeError(`The delay of ${key} is no number`)
    this.#addAfter(key, this.#index(lane), delayMs)
  }

  /** The next key, or `undefined` once the signal is aborted or the queue was stopped. */
  async take(signal: AbortSignal): Promise<Taken | undefined> {
    for (;;) {
      if (signal.aborted || this.#stopped) break
      const taken = this.#next()
      if (taken) return taken
      await this.#somethingToDo(signal)
    }
    // Somebody woke us for a key that we leave there: it is another worker's now.
    if (this.depth > 0) this.#wakeOne()
    return undefined
  }

  /** Whether a run of the key goes on. */
  isRunning(key: string): boolean {
    return this.#running.has(key)
  }

  /** Whether the key was added in the most urgent lane while its run goes on. */
  comesAgainFirst(key: string): boolean {
    return this.#running.get(key)?.again === 0
  }

  /** The run of the key is over. */
  done(key: string): void {
    const run = this.#running.get(key)
    if (!run) return
    this.#running.delete(key)
    const { metrics, name } = this.#options
    metrics.worked?.(name, this.#since(run.since))
    if (run.again !== undefined) this.#add(key, run.again)
  }

  /** Its run failed: it comes again, later each time. */
  retry(key: string, lane: string): void {
    const index = this.#index(lane)
    const { firstRetryMs, maxRetryMs, perLane, random, metrics, name } = this.#options
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    metrics.retried(name)
    const longest = perLane[lane]?.maxRetryMs ?? maxRetryMs
    const own = firstRetryMs * 2 ** Math.min(failures, 40) * (1 + random() / 10)
    const delay = Math.min(longest, own)
    this.#addAfter(key, index, index === 0 ? delay : Math.max(delay, this.#bucketMs()))
  }

  /** Its run succeeded: the next failure is its first. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** Workers leave; nothing is taken or added any more. */
  stop(): void {
    this.#stopped = true
    this.#alarms.stop()
    for (const wake of this.#takers) wake()
  }

  #index(lane: string): number {
    const index = this.#options.lanes.indexOf(lane)
    if (index < 0) throw new RangeError(`Queue ${this.name} has no lane ${lane}`)
    return index
  }

  #since(at: number): number {
    return (this.#options.now() - at) / 1000
  }

  #add(key: string, lane: number): void {
    if (this.#stopped) return
    const { metrics, name, now } = this.#options
    // The run that comes now does what it was to be woken for, unless it was to come more urgently.
    if ((this.#asleep.get(key) ?? -1) >= lane) this.#wakeUp(key)
    const run = this.#running.get(key)
    if (run) {
      run.again = Math.min(run.again ?? lane, lane)
      return
    }
    const waiting = this.#waiting.get(key)
    if (waiting && waiting.lane <= lane) return
    if (waiting) this.#lanes[waiting.lane]?.delete(key)
    this.#waiting.set(key, { lane, since: waiting?.since ?? now() })
    this.#lanes[lane]?.add(key)
    if (waiting) return
    metrics.added(name)
    metrics.depth(name, this.depth)
    this.#wakeOne()
  }

  #addAfter(key: string, lane: number, delayMs: number): void {
    if (this.#stopped) return
    if (delayMs <= 0) return this.#add(key, lane)
    const due = this.#options.now() + delayMs
    this.#asleep.set(key, Math.min(lane, this.#asleep.get(key) ?? lane))
    this.#alarms.set(key, Math.min(due, this.#alarms.get(key) ?? due))
  }

  #wakeUp(key: string): void {
    this.#asleep.delete(key)
    this.#alarms.set(key, undefined)
  }

  #next(): Taken | undefined {
    const { lanes, metrics, name, now } = this.#options
    const index = this.#chooseLane()
    const [key] = this.#lanes[index] ?? []
    const waiting = key === undefined ? undefined : this.#waiting.get(key)
    if (key === undefined || !waiting) return undefined
    this.#lanes[index]?.delete(key)
    this.#waiting.delete(key)
    this.#running.set(key, { since: now() })
    metrics.depth(name, this.depth)
    metrics.waited(name, this.#since(waiting.since))
    return { key, lane: lanes[index] ?? '' }
  }

  #chooseLane(): number {
    const hasKeys = (lane: ReadonlySet<string>) => lane.size > 0
    const first = this.#lanes.findIndex(hasKeys)
    if (first <= 0) return first
    this.#turn = (this.#turn + 1) % fairTurn
    if (this.#turn > 0) return first
    const from = Math.max(first, this.#servedBelow) + 1
    const next = this.#lanes.findIndex((lane, index) => index >= from && hasKeys(lane))
    const again = this.#lanes.findIndex((lane, index) => index > first && hasKeys(lane))
    this.#servedBelow = next >= 0 ? next : again
    return Math.max(first, this.#servedBelow)
  }

  #wakeOne(): void {
    const [worker] = this.#takers
    if (!worker) return
    this.#takers.delete(worker) // whoever comes meanwhile wakes another
    worker()
  }

  #somethingToDo(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#takers.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#takers.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }

  /** How long the shared bucket holds a retry back, in ms. It goes into debt, so order is kept. */
  #bucketMs(): number {
    const { now, retryRate, retryBurst } = this.#options
    const at = now()
    const refilled = this.#tokens + ((at - this.#tokensAt) / 1000) * retryRate
    this.#tokens = Math.min(retryBurst, refilled) - 1
    this.#tokensAt = at
    return this.#tokens >= 0 ? 0 : (-this.#tokens / retryRate) * 1000
  }
}
