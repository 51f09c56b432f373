// How far each server's clock is from ours. A login ends by the server's clock, without us: on a server that is behind it would
// outlast its window, so it is told an earlier end there. On a server that is ahead it ends early. Holds NO-LATE.
import { countedSkew, type End } from '../api/time.ts'

/** An answer that took longer says too little about when the server looked at its clock. */
const longestAnswerMs = 2_000

export class Clocks {
  readonly #now: () => number
  readonly #skews = new Map<string, number>()

  /** @param now ms since 1970 */
  constructor(now: () => number) {
    this.#now = now
  }

  now(): number {
    return this.#now()
  }

  isKnown(server: string): boolean {
    return this.#skews.has(server)
  }

  /**
   * @param clock what the server said, in ms since 1970
   * @param askedAt our own time before the question
   */
  saw(server: string, clock: number, askedAt: number): void {
    const answeredAt = this.#now()
    if (Number.isNaN(clock) || answeredAt - askedAt > longestAnswerMs) return
    this.#skews.set(server, clock - (askedAt + answeredAt) / 2)
  }

  /** As far as it counts, in ms; positive when the server is ahead. */
  skewMs(server: string): number {
    return countedSkew(this.#skews.get(server))
  }

  /** What the server has to be told, so that it is over when it is over here. */
  endOn(server: string, until: End): End {
    return until === 'open' ? until : until + Math.min(0, this.skewMs(server))
  }
}
