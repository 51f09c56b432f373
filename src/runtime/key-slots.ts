// Gives each key a small number, so that what belongs to it can lie in typed arrays. With a Map from
// key to place a million deadlines took 51 MB, with this 34; and a move in a heap looks no key up.
// Open addressing with linear probing; a removal shifts back what had been pushed on, so that no
// tombstones are left.

const empty = 0
/** Slots per place of the table at most: beyond it, probes get long. */
const fullest = 0.7

export class KeySlots {
  /** By place: a slot plus one. */
  #table = new Uint32Array(16)
  /** By slot; a hole where a key was released. */
  readonly #keys: (string | undefined)[] = []
  /** By slot: compared first, since a look at a text is most often a cache miss. */
  #hashes = new Uint32Array(16)
  readonly #free: number[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  keyOf(slot: number): string | undefined {
    return this.#keys[slot]
  }

  slotOf(key: string): number | undefined {
    const entry = this.#table[this.#placeOf(key, hashOf(key))] ?? empty
    return entry === empty ? undefined : entry - 1
  }

  /** The slot of a new key; slots of released ones come first, so that numbers stay small. */
  take(key: string): number {
    if (this.#size >= this.#table.length * fullest) this.#grow()
    const slot = this.#free.pop() ?? this.#keys.length
    const hash = hashOf(key)
    this.#keys[slot] = key
    if (slot >= this.#hashes.length) this.#hashes = longer(this.#hashes)
    this.#hashes[slot] = hash
    this.#table[this.#placeOf(key, hash)] = slot + 1
    this.#size++
    return slot
  }

  release(slot: number): void {
    const key = this.#keys[slot]
    if (key === undefined) return
    this.#closeGap(this.#placeOf(key, this.#hashes[slot] ?? 0))
    this.#keys[slot] = undefined
    this.#free.push(slot)
    this.#size--
  }

  /** Where the key is, or where it belongs. */
  #placeOf(key: string, hash: number): number {
    const mask = this.#table.length - 1
    let place = hash & mask
    for (;;) {
      const entry = this.#table[place] ?? empty
      if (entry === empty) return place
      if (this.#hashes[entry - 1] === hash && this.#keys[entry - 1] === key) return place
      place = (place + 1) & mask
    }
  }

  /** Whoever was pushed past the gap moves into it, unless it lies before where they belong. */
  #closeGap(from: number): void {
    const mask = this.#table.length - 1
    let gap = from
    for (let place = (gap + 1) & mask; ; place = (place + 1) & mask) {
      const entry = this.#table[place] ?? empty
      if (entry === empty) break
      const home = (this.#hashes[entry - 1] ?? 0) & mask
      if (((place - home) & mask) < ((place - gap) & mask)) continue
      this.#table[gap] = entry
      gap = place
    }
    this.#table[gap] = empty
  }

  #grow(): void {
    const before = this.#table
    this.#table = new Uint32Array(before.length * 2)
    const mask = this.#table.length - 1
    for (const entry of before) {
      if (entry === empty) continue
      let place = (this.#hashes[entry - 1] ?? 0) & mask
      while (this.#table[place] !== empty) place = (place + 1) & mask
      this.#table[place] = entry
    }
  }
}

/** By an eighth only: what lies idle is memory too. */
function longer(numbers: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(Math.ceil(numbers.length * 1.125))
  more.set(numbers)
  return more
}

/** FNV-1a over UTF-16 units, mixed once more because only the low bits are used. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
