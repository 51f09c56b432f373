// The circuit breaker of one server. Closed: everybody may connect. After a failure it is open: attempts fail at once, for a
// short time that grows with each further failure. Then one attempt, and one alone, finds out; its success closes the breaker.
// Attempts that were under way together when the server went away count as one failure: they tell the same news.

export type BreakerOptions = {
  /** How long it stays open after the first failure, in ms; doubles per failure. Default 250. */
  readonly firstMs?: number
  /** The longest, in ms: so late it may be seen that the server is back. Default 5,000. */
  readonly maxMs?: number
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number
  /** In [0, 1); spreads the replicas. Default `Math.random`. */
  readonly random?: () => number
  /** An attempt succeeded after some had failed. Default: nobody wants to know. */
  readonly onBack?: () => void
}

const defaults: Required<BreakerOptions> = {
  firstMs: 250,
  maxMs: 5_000,
  now: () => performance.now(),
  random: Math.random,
  onBack: () => {},
}

export type Reachable = 'yes' | 'no' | 'unknown'

export class Breaker {
  readonly #options: Required<BreakerOptions>
  #failures = 0
  #openUntil = -Infinity
  #finding = false
  #reachable: Reachable = 'unknown'

  constructor(options: BreakerOptions = {}) {
    this.#options = { ...defaults, ...options }
  }

  /** What the last attempt showed. */
  get reachable(): Reachable {
    return this.#reachable
  }

  /**
   * @param judge what a failure says of the server: a refused login shows that it answers, an abort shows nothing
   * @param refusal what is thrown while the breaker is open
   */
  async attempt<T>(
    connect: () => Promise<T>,
    judge: (error: unknown) => Reachable,
    refusal: () => Error,
  ): Promise<T> {
    if (this.#failures > 0 && (this.#finding || this.#options.now() < this.#openUntil)) {
      throw refusal()
    }
    const before = this.#failures
    const finds = before > 0
    this.#finding = finds
    try {
      const connected = await connect()
      this.#close()
      return connected
    } catch (error) {
      const reachable = judge(error)
      if (reachable === 'yes') this.#close()
      if (reachable === 'no' && before === this.#failures) this.#open()
      throw error
    } finally {
      if (finds) this.#finding = false
    }
  }

  /** Somebody else has found that it answers: the next attempt finds out, whatever time is left. */
  tryNow(): void {
    this.#openUntil = -Infinity
  }

  #close(): void {
    const isBack = this.#failures > 0
    this.#failures = 0
    this.#reachable = 'yes'
    if (isBack) this.#options.onBack()
  }

  #open(): void {
    const { firstMs, maxMs, now, random } = this.#options
    const longest = Math.min(maxMs, firstMs * 2 ** this.#failures)
    this.#failures += 1
    this.#openUntil = now() + (longest * (1 + random())) / 2
    this.#reachable = 'no'
  }
}
