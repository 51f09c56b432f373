// How far our clock is from the server's, from the `Date` header of answers. The header has whole
// seconds, so the estimate is good to half a second and half a round trip. Time since the header
// was seen is monotonic: a jump of our own clock shows as skew.

export class ServerClock {
  readonly #now: () => number
  readonly #wallClock: () => number
  #seen: { readonly serverMs: number; readonly at: number } | undefined

  constructor({ now, wallClock }: { now: () => number; wallClock: () => number }) {
    this.#now = now
    this.#wallClock = wallClock
  }

  /** @param begun monotonic ms at which the call was sent */
  saw(date: string | string[] | undefined, begun: number): void {
    const serverMs = typeof date === 'string' ? Date.parse(date) : NaN
    if (Number.isNaN(serverMs)) return
    this.#seen = { serverMs: serverMs + 500, at: (begun + this.#now()) / 2 }
  }

  /** Positive when the server's clock is ahead; `undefined` before the first answer. */
  skewMs(): number | undefined {
    if (!this.#seen) return undefined
    return this.#seen.serverMs + (this.#now() - this.#seen.at) - this.#wallClock()
  }
}
