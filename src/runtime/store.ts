// What we know of one kind: the latest list, the watch events after it, and our own writes, which
// count at once (read-your-writes). Three rules keep the order when they cross:
// - within one uid the higher resourceVersion wins, wherever it comes from;
// - what we deleted stays gone: until the watch has told its end, no late event of that uid counts;
// - an answer to a write that is older than where the watch has got to brings nothing back.

import { emitWarning } from 'node:process'
import type { KubeObject, ObjectMeta, ObjectRef, ResourceOf } from './object.ts'
import { Index } from './store-index.ts'
import { Shelves } from './store-shelves.ts'
import { slim, type SlimOptions } from './store-slim.ts'
import { isNewer, isOlder, isWithin } from './store-versions.ts'

/** `before` alone: it is gone. `after` alone: it is new. An object made anew under its name is both. */
export type Change<T> = {
  readonly before?: T
  readonly after?: T
  readonly origin: 'list' | 'watch' | 'own'
}

export type StoreOptions<T> = SlimOptions<T> & {
  /** Values under which `by` finds an object, per index. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>>
  /** A listener that threw; the others are still called. Default: a process warning. */
  readonly onListenerError?: (error: unknown) => void
}

/** What a list changed that the watch should have told, and what it changed at all. */
export type Replaced = { readonly changed: number; readonly missed: number }

export class Store<T extends KubeObject> {
  readonly resource: ResourceOf<T>
  readonly metadataOnly: boolean
  readonly #options: StoreOptions<T>
  readonly #objects = new Shelves<T>()
  readonly #indexes = new Map<string, Index<T>>()
  readonly #listeners = new Set<(change: Change<T>) => void>()
  /** By uid: deleted by us, not yet by the watch. The number says since which list. */
  readonly #deleted = new Map<string, number>()
  /** Versions that own writes brought and the watch has not told yet. */
  readonly #written = new Set<string>()
  #lists = 0
  #synced = false
  #version: string | undefined

  constructor(resource: ResourceOf<T>, options: StoreOptions<T> = {}) {
    this.resource = resource
    this.metadataOnly = options.metadataOnly ?? false
    this.#options = options
    for (const [name, valuesOf] of Object.entries(options.indexes ?? {})) {
      this.#indexes.set(name, new Index(valuesOf))
    }
  }

  /** True once a whole list was delivered; before that, what is not here may still exist. */
  get synced(): boolean {
    return this.#synced
  }

  get size(): number {
    return this.#objects.size
  }

  /** Up to where list and watch have told everything. */
  get version(): string | undefined {
    return this.#version
  }

  get(ref: ObjectRef): T | undefined {
    return this.#objects.get(ref)
  }

  list(): readonly T[] {
    return this.#objects.all()
  }

  byNamespace(namespace: string): readonly T[] {
    return this.#objects.in(namespace)
  }

  /** @throws RangeError when the store was made without that index */
  by(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index)
    if (!found) throw new RangeError(`${this.resource.kind} has no index ${index}`)
    return found.get(value)
  }

  /** Listeners see each change after the store has it. They must not throw. Returns what ends it. */
  onChange(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The answer of an own write. */
  put(object: T): void {
    const { uid, resourceVersion } = object.metadata
    if (uid !== undefined && this.#deleted.has(uid)) return
    const before = this.get(object.metadata)
    // Not here, though the watch is past it: deleted since, or beyond the selector.
    if (!before && isWithin(resourceVersion, this.#version)) return
    const anew = before !== undefined && before.metadata.uid !== uid
    if (before && !supersedes(object, before)) {
      if (anew) this.#bury({ uid, resourceVersion }) // the later one under its name says that it is gone
      return
    }
    if (anew) this.#bury({ uid: before.metadata.uid })
    this.#set(before, slim(object, this.#options), 'own')
    if (resourceVersion !== undefined) this.#written.add(resourceVersion)
  }

  /** An own deletion succeeded: the object is gone for good, whatever the watch still has to tell. */
  forget(object: {
    readonly metadata: ObjectRef & Pick<ObjectMeta, 'uid' | 'resourceVersion'>
  }): void {
    const before = this.get(object.metadata)
    const { uid = before?.metadata.uid, resourceVersion } = object.metadata
    const here = before !== undefined && before.metadata.uid === uid
    if (!here) {
      if (resourceVersion !== undefined) this.#bury({ uid, resourceVersion })
      return
    }
    this.#bury({ uid })
    this.#remove(before, 'own')
  }

  // ---- for the reflector ----

  /** Before the first page is asked for: says which own deletions that list must know of. */
  listStarts(): number {
    return this.#lists++
  }

  /** Drops early what nobody reads, so that pages of a long list need not be kept whole. */
  slim(object: T): T {
    return slim(object, this.#options)
  }

  /** Whether an own write has brought this version: its event is no news, and need not be read. Asked once. */
  takeWritten(version: string): boolean {
    return this.#written.delete(version)
  }

  /** A whole list, already slim. Own writes that are newer than it stay. */
  replace(objects: readonly T[], version: string, started: number): Replaced {
    const watched = this.#version
    // A cluster that was restored from a backup counts from earlier on: nothing we have is newer.
    const restored = isOlder(version, watched)
    const here = new Set<T>()
    let changed = 0
    let missed = 0
    for (const [uid, since] of this.#deleted) if (since <= started) this.#deleted.delete(uid)
    for (const object of objects) {
      const { uid, resourceVersion } = object.metadata
      if (uid !== undefined && this.#deleted.has(uid)) continue
      const before = this.get(object.metadata)
      if (before && !restored && !supersedes(object, before)) {
        here.add(before)
        continue
      }
      changed++
      if (!restored && isWithin(resourceVersion, watched)) missed++
      here.add(this.#set(before, object, 'list'))
    }
    for (const before of this.list()) {
      if (here.has(before)) continue
      if (!restored && isNewer(before.metadata.resourceVersion, version)) continue
      changed++
      if (!restored && version === watched) missed++
      this.#remove(before, 'list')
    }
    this.#version = version
    // It tells of all that was written before, and a cluster that was restored counts the same versions again.
    this.#written.clear()
    this.#synced = true
    return { changed, missed }
  }

  observe(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    const { uid, resourceVersion } = object.metadata
    const before = this.get(object.metadata)
    if (type === 'DELETED') {
      if (uid !== undefined) this.#deleted.delete(uid)
      // An older end is that of a selector which the object has met again since.
      const ended =
        before?.metadata.uid === uid && !isOlder(resourceVersion, before?.metadata.resourceVersion)
      if (before && ended) this.#remove(before, 'watch')
    } else if (uid === undefined || !this.#deleted.has(uid)) {
      if (!before || supersedes(object, before)) {
        this.#set(before, slim(object, this.#options), 'watch')
      }
    }
    this.advance(resourceVersion)
  }

  /** A bookmark: up to here everything was told. */
  advance(version: string | undefined): void {
    if (version !== undefined) this.#version = version
  }

  /** Gone for good. Where the watch is past it, its end has been told and nothing more will come. */
  #bury({
    uid,
    resourceVersion,
  }: {
    uid: string | undefined
    resourceVersion?: string | undefined
  }): void {
    if (uid === undefined || isWithin(resourceVersion, this.#version)) return
    this.#deleted.set(uid, this.#lists)
  }

  #set(before: T | undefined, after: T, origin: Change<T>['origin']): T {
    const anew = before !== undefined && before.metadata.uid !== after.metadata.uid
    if (anew) this.#remove(before, origin)
    const replaced = this.#objects.set(after)
    if (replaced) for (const index of this.#indexes.values()) index.remove(replaced)
    for (const index of this.#indexes.values()) index.add(after)
    this.#tell(replaced ? { before: replaced, after, origin } : { after, origin })
    return after
  }

  #remove(before: T, origin: Change<T>['origin']): void {
    if (!this.#objects.remove(before.metadata)) return
    for (const index of this.#indexes.values()) index.remove(before)
    this.#tell({ before, origin })
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change)
      } catch (error) {
        const { onListenerError = warn } = this.#options
        onListenerError(error)
      }
    }
  }
}

/** Whether `object` is later than what is here. The same version again is no news. */
function supersedes(object: KubeObject, before: KubeObject): boolean {
  const mine = object.metadata.resourceVersion
  const here = before.metadata.resourceVersion
  if (mine === here && object.metadata.uid === before.metadata.uid) return false
  return !isOlder(mine, here)
}

function warn(error: unknown): void {
  emitWarning(
    error instanceof Error ? error : new Error('a listener of a store threw', { cause: error }),
  )
}
