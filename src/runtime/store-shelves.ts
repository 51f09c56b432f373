// Objects by namespace and name. Most namespaces hold one object of a kind or a few: one is the shelf
// itself, a few lie in an array. A Map for each would cost as much as the slim objects in it.

import type { KubeObject, ObjectRef } from './object.ts'

type Shelf<T> = T | T[] | Map<string, T>

const clusterWide = ''
/** Up to here looking through all of them is as fast as a Map. */
const few = 8

export class Shelves<T extends KubeObject> {
  readonly #shelves = new Map<string, Shelf<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get({ namespace = clusterWide, name }: ObjectRef): T | undefined {
    const shelf = this.#shelves.get(namespace)
    if (shelf instanceof Map) return shelf.get(name)
    if (Array.isArray(shelf)) return shelf.find(({ metadata }) => metadata.name === name)
    return shelf?.metadata.name === name ? shelf : undefined
  }

  in(namespace: string): readonly T[] {
    const shelf = this.#shelves.get(namespace)
    return shelf === undefined ? [] : [...on(shelf)]
  }

  all(): readonly T[] {
    const all: T[] = []
    for (const shelf of this.#shelves.values()) for (const each of on(shelf)) all.push(each)
    return all
  }

  /** Gives what was there under its name. */
  set(object: T): T | undefined {
    const { namespace = clusterWide, name } = object.metadata
    const before = this.get(object.metadata)
    const shelf = this.#shelves.get(namespace)
    if (!before) this.#size++
    if (shelf instanceof Map) {
      shelf.set(name, object)
    } else {
      const all = shelf === undefined ? [] : on(shelf)
      this.#put(
        namespace,
        before ? all.map((each) => (each === before ? object : each)) : [...all, object],
      )
    }
    return before
  }

  /** False: nothing of its name was there. */
  remove(ref: ObjectRef): boolean {
    const { namespace = clusterWide, name } = ref
    const before = this.get(ref)
    const shelf = this.#shelves.get(namespace)
    if (!before || shelf === undefined) return false
    this.#size--
    if (shelf instanceof Map) shelf.delete(name)
    if (shelf instanceof Map && shelf.size > 0) return true
    this.#put(namespace, shelf instanceof Map ? [] : on(shelf).filter((each) => each !== before))
    return true
  }

  /** In the form that costs least. */
  #put(namespace: string, objects: readonly T[]): void {
    const [first] = objects
    if (first === undefined) this.#shelves.delete(namespace)
    else if (objects.length === 1) this.#shelves.set(namespace, first)
    else if (objects.length <= few) this.#shelves.set(namespace, objects.slice())
    else this.#shelves.set(namespace, new Map(objects.map((each) => [each.metadata.name, each])))
  }
}

function on<T extends KubeObject>(shelf: Shelf<T>): readonly T[] {
  if (shelf instanceof Map) return [...shelf.values()]
  return Array.isArray(shelf) ? shelf : [shelf]
}
