// Finds objects by what they refer to. Most values have one object, so a bucket of one is the
// object itself: a Set for each would cost more than the slim object in it.

type Bucket<T> = T | Set<T>

export class Index<T extends object> {
  readonly #valuesOf: (object: T) => readonly string[]
  readonly #buckets = new Map<string, Bucket<T>>()

  constructor(valuesOf: (object: T) => readonly string[]) {
    this.#valuesOf = valuesOf
  }

  add(object: T): void {
    for (const value of this.#valuesOf(object)) {
      const bucket = this.#buckets.get(value)
      if (bucket === undefined) this.#buckets.set(value, object)
      else if (bucket instanceof Set) bucket.add(object)
      else if (bucket !== object) this.#buckets.set(value, new Set([bucket, object]))
    }
  }

  remove(object: T): void {
    for (const value of this.#valuesOf(object)) {
      const bucket = this.#buckets.get(value)
      if (bucket === object) this.#buckets.delete(value)
      if (!(bucket instanceof Set)) continue
      bucket.delete(object)
      if (bucket.size === 0) this.#buckets.delete(value)
    }
  }

  get(value: string): readonly T[] {
    const bucket = this.#buckets.get(value)
    if (bucket === undefined) return []
    return bucket instanceof Set ? [...bucket] : [bucket]
  }

  get values(): Iterable<string> {
    return this.#buckets.keys()
  }
}
