// Turns: at most so many at once, first come, first served. With one place it is a mutex.
// Who is patient begins only when nobody works and nobody waits, and one at a time.
// The rule nobody would guess: who is aborted while waiting leaves the queue and takes nobody's turn.

/** Patient is what nobody waits for. */
export type Patience = 'usual' | 'patient'

export class Turns {
  readonly #places: number
  readonly #waiting = { usual: [] as (() => void)[], patient: [] as (() => void)[] } as const
  #taken = 0

  constructor(places: number) {
    this.#places = places
  }

  /** Nobody works and nobody waits. */
  get idle(): boolean {
    return this.#taken === 0
  }

  async run<T>(
    signal: AbortSignal,
    work: () => Promise<T>,
    patience: Patience = 'usual',
  ): Promise<T> {
    await this.#take(signal, patience)
    try {
      return await work()
    } finally {
      this.#pass()
    }
  }

  async #take(signal: AbortSignal, patience: Patience): Promise<void> {
    signal.throwIfAborted()
    if (this.#taken < (patience === 'patient' ? 1 : this.#places)) {
      this.#taken += 1
      return
    }
    const waiting = this.#waiting[patience]
    await new Promise<void>((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        waiting.splice(waiting.indexOf(start), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      waiting.push(start)
    })
  }

  /** The place goes to the next in line without being free in between. */
  #pass(): void {
    const isLast = this.#taken === 1
    const next = this.#waiting.usual.shift() ?? (isLast ? this.#waiting.patient.shift() : undefined)
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
