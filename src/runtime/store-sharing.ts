// Equal parts of many objects, kept once. What a controller makes for thousands of namespaces is the same text thousands of times.

import type { KubeObject } from './object.ts'

/** Of the texts that were met last, per part: enough for what all have in common and for what one namespace's objects have. */
const mostTexts = 64

/**
 * A projection that leaves nothing out: labels and these parts are the very objects that equal ones have already. Nobody may write
 * into them, as into anything else that a cache holds.
 */
export function sharing<T extends KubeObject>(...parts: readonly (keyof T)[]): (object: T) => T {
  const labels = new Pool<KubeObject['metadata']['labels']>()
  const pools = parts.map((part) => [part, new Pool<T[keyof T]>()] as const)
  return (object) => {
    const marks = object.metadata.labels
    const metadata = marks ? { ...object.metadata, labels: labels.one(marks) } : object.metadata
    const kept = { ...object, metadata }
    for (const [part, pool] of pools) if (part in kept) kept[part] = pool.one(kept[part])
    return kept
  }
}

class Pool<V> {
  /** By JSON, the one that was asked for longest ago first. */
  readonly #values = new Map<string, V>()

  /** The first of those that are equal to this. */
  one(value: V): V {
    const text = JSON.stringify(value)
    if (text === undefined) return value
    const known = this.#values.get(text) ?? value
    this.#values.delete(text)
    this.#values.set(text, known)
    const [oldest] = this.#values.keys()
    if (this.#values.size > mostTexts && oldest !== undefined) this.#values.delete(oldest)
    return known
  }
}
