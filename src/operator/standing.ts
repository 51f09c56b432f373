// What this replica may do. Holds NO-LATE, ONE-PARTNER: revocations come first, also at the start.
//
//   follows: takes away what time has ended, nothing else
//   takes away: has the lease; everything is looked at once, and whoever must not be in is put out
//   gives: everything was looked at; from now on people are let in, too
//
// One customer that fails does not hold up the others: its own run revokes before it grants anyway.

export class Standing {
  readonly #leads: () => boolean
  readonly #onGives: () => void
  #unseen: Set<string> | undefined

  constructor({ leads, onGives }: { leads: () => boolean; onGives: () => void }) {
    this.#leads = leads
    this.#onGives = onGives
  }

  takesAway(): boolean {
    return this.#leads()
  }

  gives(): boolean {
    return this.#leads() && this.#unseen?.size === 0
  }

  /** The lease is ours: all of these are to be looked at before anybody is let in. */
  begin(keys: readonly string[]): void {
    this.#unseen = new Set(keys)
    if (keys.length === 0) this.#onGives()
  }

  /** The lease is lost. */
  end(): void {
    this.#unseen = undefined
  }

  /** One of them was looked at, whatever came of it. */
  seen(key: string): void {
    if (!this.#unseen?.delete(key) || this.#unseen.size > 0) return
    this.#onGives()
  }
}
