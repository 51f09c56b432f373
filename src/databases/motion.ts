// Which customers' databases are being worked on, or were a moment ago: what a look at the server has read of them meanwhile is
// neither how they stood before nor how they stand now, and no sign that somebody else has changed anything.

export class Motion {
  readonly #now: () => number
  readonly #going = new Map<string, number>()
  readonly #endedAt = new Map<string, number>()

  /** @param now monotonic ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** A moment for `stillSince`. */
  now(): number {
    return this.#now()
  }

  async during<T>(customerUid: string, work: () => Promise<T>): Promise<T> {
    this.#going.set(customerUid, (this.#going.get(customerUid) ?? 0) + 1)
    try {
      return await work()
    } finally {
      const others = (this.#going.get(customerUid) ?? 1) - 1
      if (others > 0) this.#going.set(customerUid, others)
      else this.#going.delete(customerUid)
      this.#endedAt.set(customerUid, this.#now())
    }
  }

  /** Nothing was or is done there since that moment. */
  stillSince(customerUid: string, moment: number): boolean {
    const endedAt = this.#endedAt.get(customerUid) ?? -Infinity
    return !this.#going.has(customerUid) && endedAt < moment
  }

  forget(customerUid: string): void {
    this.#endedAt.delete(customerUid)
  }
}
