// Turns: at most so many at once, first come, first served. With one place it is a mutex.
// The rule nobody would guess: who is aborted while waiting leaves the queue and takes nobody's turn.

export class Turns {
  readonly #places: number
  readonly #waiting: (() => void)[] = []
  #taken = 0

  constructor(places: number) {
    this.#places = places
  }

  /** Nobody works and nobody waits. */
  get idle(): boolean {
    return this.#taken === 0
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(signal)
    try {
      return await work()
    } finally {
      this.#pass()
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#taken < this.#places) {
      this.#taken += 1
      return
    }
    await new Promise<void>((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(start)
    })
  }

  /** The place goes to the next in line without being free in between. */
  #pass(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#taken -= 1
  }
}

/** A mutex per key; a key that nobody uses takes no memory. */
export class KeyedTurns {
  readonly #byKey = new Map<string, Turns>()

  async run<T>(signal: AbortSignal, key: string, work: () => Promise<T>): Promise<T> {
    const turns = this.#byKey.get(key) ?? new Turns(1)
    this.#byKey.set(key, turns)
    try {
      return await turns.run(signal, work)
    } finally {
      if (turns.idle) this.#byKey.delete(key)
    }
  }
}
