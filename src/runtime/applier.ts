// Brings objects to what is wanted, by server-side apply under one field manager; what is so already
// costs no request. What we write is in the cache at once (read-your-writes). Fields that nobody
// here knows are never touched: an apply says only what it wants.
// Some wishes never read back as they were written (the server makes 1 of 1000m, and drops false).
// Such an answer is remembered with its version: until somebody else writes, asking again is futile.

import { typed } from './client-answers.ts'
import type { Client } from './client.ts'
import type { Lane } from './client-slots.ts'
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts'
import { hashOf, holds, same, stamped } from './intent.ts'
import type { KubeObject, ObjectRef, ResourceOf } from './object.ts'
import type { Store } from './store.ts'

export type WriteVerb = 'create' | 'apply' | 'status' | 'delete' | 'finalizer'

export type ApplierOptions = {
  readonly fieldManager: string
  /** Status has a manager of its own. Default: `<fieldManager>-status`. */
  readonly statusFieldManager?: string
  /** Annotation that keeps what was asked for last time. */
  readonly hashAnnotation: string
  readonly onWrite?: (verb: WriteVerb, resource: ResourceOf<unknown>, ref: ObjectRef) => void
}

/** The part of a client that it needs. */
type Writer = Pick<Client, 'apply' | 'create' | 'find' | 'patch' | 'remove'>
type Urgency = { readonly lane?: Lane }
type WithStatus = KubeObject & { readonly status?: unknown }

/** Of a write that others may overtake each time. */
const mostTries = 4

export type Written<T> = { readonly wrote: boolean; readonly object: T }

export class Applier {
  readonly #client: Writer
  readonly #options: Required<ApplierOptions>
  /** By uid and part: what was asked for and which version answered, if the answer differs. */
  readonly #futile = new Map<string, string>()

  constructor(client: Writer, options: ApplierOptions) {
    this.#client = client
    this.#options = {
      statusFieldManager: `${options.fieldManager}-status`,
      onWrite: () => {},
      ...options,
    }
  }

  /**
   * Makes the object, or brings it to `desired`.
   *
   * @param force take over fields that others own; without it they give a 409. Default true: what
   *   we want of a child we decide
   */
  async ensure<T extends KubeObject>(
    signal: AbortSignal,
    store: Store<T>,
    desired: T,
    { lane = 'normal', force = true }: Urgency & { readonly force?: boolean } = {},
  ): Promise<Written<T>> {
    const { fieldManager, hashAnnotation, onWrite } = this.#options
    const { resource } = store
    const hash = hashOf(desired)
    const isThere = (found: T) =>
      found.metadata.annotations?.[hashAnnotation] === hash &&
      // As the store keeps it: what it dropped of the one cannot be asked of the other.
      holds(found, store.slim(desired))
    const found = store.get(desired.metadata)
    if (found && (isThere(found) || this.#isFutile(found, 'object', hash))) {
      return { wrote: false, object: found }
    }
    const body = stamped(desired, hashAnnotation, hash)
    const answer = await this.#client.apply(signal, resource, body, { fieldManager, force, lane })
    onWrite('apply', resource, desired.metadata)
    store.put(answer)
    const object = store.get(desired.metadata) ?? answer
    this.#remember(answer, 'object', isThere(store.slim(answer)) ? undefined : hash)
    return { wrote: true, object }
  }

  /**
   * Makes what must not be taken over: a POST, where an apply would silently adopt what somebody
   * else has made. `extra` labels say that we made it, and are no part of what `ensure` asks for.
   */
  async createOnce<T extends KubeObject>(
    signal: AbortSignal,
    store: Store<T>,
    desired: T,
    extra: Readonly<Record<string, string>> = {},
  ): Promise<'created' | 'exists'> {
    const { fieldManager, hashAnnotation, onWrite } = this.#options
    const { resource } = store
    const { metadata, ...rest } = stamped(desired, hashAnnotation)
    const body = { ...rest, metadata: { ...metadata, labels: { ...metadata.labels, ...extra } } }
    try {
      store.put(await this.#client.create(signal, resource, body, { fieldManager }))
      onWrite('create', resource, desired.metadata)
      return 'created'
    } catch (error) {
      if (isAlreadyExists(error)) return 'exists'
      throw error
    }
  }

  /**
   * `ensure` for what must not be taken over. `exists`: it has appeared since the caller looked, and
   * whose it is has to be decided first; nothing was written.
   */
  async ensureOwn<T extends KubeObject>(
    signal: AbortSignal,
    store: Store<T>,
    desired: T,
    {
      missing,
      extra,
    }: { readonly missing: boolean; readonly extra?: Readonly<Record<string, string>> },
  ): Promise<'there' | 'exists'> {
    if (missing && (await this.createOnce(signal, store, desired, extra)) === 'exists') {
      return 'exists'
    }
    await this.ensure(signal, store, desired)
    return 'there'
  }

  /** Lets go of what this manager has applied: the values stay, and are for others to change. */
  async disown<T extends KubeObject>(
    signal: AbortSignal,
    store: Store<T>,
    object: T,
  ): Promise<Written<T>> {
    const { fieldManager, hashAnnotation, onWrite } = this.#options
    const { resource } = store
    if (object.metadata.annotations?.[hashAnnotation] === undefined) return { wrote: false, object }
    const found = await this.#client.find(signal, resource, object.metadata)
    if (!found || found.metadata.uid !== object.metadata.uid) return { wrote: false, object }
    const { uid, resourceVersion, managedFields = [] } = found.metadata
    const others = managedFields.filter(({ manager }) => manager !== fieldManager)
    const annotations = { [hashAnnotation]: null }
    // An empty list says nothing to the server; a list of one that is empty does.
    const kept = others.length > 0 ? others : [{}]
    const body = { metadata: { uid, resourceVersion, annotations, managedFields: kept } }
    const written = await this.#client.patch(signal, resource, object.metadata, body, {
      type: 'merge',
      fieldManager,
    })
    onWrite('apply', resource, object.metadata)
    store.put(written)
    return { wrote: true, object: written }
  }

  /** Only this very object: one that was made anew under the name stays. Gone already is success. */
  async remove<T extends KubeObject>(
    signal: AbortSignal,
    store: Store<T>,
    object: T,
    { lane = 'normal' }: Urgency = {},
  ): Promise<void> {
    const { resource } = store
    const { uid } = object.metadata
    let stays: T | undefined
    try {
      // Written out: some kinds orphan their dependents when nothing is said.
      const options = {
        lane,
        propagationPolicy: 'Background' as const,
        ...(uid !== undefined && { uid }),
      }
      const marked = await this.#client.remove(signal, resource, object.metadata, options)
      stays = marked && typed(resource, marked)
      this.#options.onWrite('delete', resource, object.metadata)
    } catch (error) {
      if (!isConflict(error)) throw error
      // Another object by now, or one that is ending already (a namespace says so with a 409).
      const there = await this.#client.find(signal, resource, object.metadata)
      stays = there?.metadata.uid === uid ? there : undefined
      if (stays && stays.metadata.deletionTimestamp === undefined) throw error
    }
    if (stays) return store.put(stays)
    store.forget(object)
    this.#remember(object, 'object', undefined)
    this.#remember(object, 'status', undefined)
  }

  async addFinalizer<T extends KubeObject>(
    signal: AbortSignal,
    store: Store<T>,
    object: T,
    finalizer: string,
  ): Promise<T> {
    const { finalizers = [] } = object.metadata
    if (finalizers.includes(finalizer)) return object
    return this.#setFinalizers(signal, store, object, [...finalizers, finalizer])
  }

  async removeFinalizer<T extends KubeObject>(
    signal: AbortSignal,
    store: Store<T>,
    object: T,
    finalizer: string,
  ): Promise<T> {
    const { finalizers = [] } = object.metadata
    if (!finalizers.includes(finalizer)) return object
    const others = finalizers.filter((other) => other !== finalizer)
    try {
      return await this.#setFinalizers(signal, store, object, others)
    } catch (error) {
      // Gone already: what the finalizer held is no more.
      if (!isNotFound(error) || object.metadata.deletionTimestamp === undefined) throw error
      store.forget(object)
      return object
    }
  }

  /**
   * Says what status is, under a manager of its own; what others say there stays. An object that was
   * made anew under the name has another status: 409. The server does not look at the uid of a
   * status (measured on 1.36), hence the version is always sent.
   *
   * @param guarded a 409 too when anybody wrote since `object` was read; else it is read again
   */
  async writeStatus<T extends WithStatus>(
    signal: AbortSignal,
    store: Store<T>,
    object: T,
    status: object,
    { guarded = false }: { readonly guarded?: boolean } = {},
  ): Promise<Written<T>> {
    const hash = hashOf(status)
    if (same(object.status, status) || this.#isFutile(object, 'status', hash)) {
      return { wrote: false, object }
    }
    const { statusFieldManager, onWrite } = this.#options
    const { resource } = store
    const options = { fieldManager: statusFieldManager, force: true, subresource: 'status' }
    let over = object
    for (let tries = 1; ; tries++) {
      const { name, namespace, resourceVersion } = over.metadata
      if (resourceVersion === undefined) throw unguarded(over)
      const metadata = { name, ...(namespace !== undefined && { namespace }), resourceVersion }
      try {
        const body = { metadata, status }
        const written = await this.#client.apply(signal, resource, body, options)
        onWrite('status', resource, object.metadata)
        store.put(written)
        this.#remember(written, 'status', same(written.status, status) ? undefined : hash)
        return { wrote: true, object: written }
      } catch (error) {
        if (guarded || !isConflict(error) || tries === mostTries) throw error
        const now = await this.#client.find(signal, resource, object.metadata)
        if (now?.metadata.uid !== object.metadata.uid || !now) throw error
        over = now
      }
    }
  }

  /** A patch with the version in it, not an update: it claims no field of a spec. */
  async #setFinalizers<T extends KubeObject>(
    signal: AbortSignal,
    store: Store<T>,
    object: T,
    finalizers: readonly string[],
  ): Promise<T> {
    const { fieldManager, onWrite } = this.#options
    const { resource } = store
    const { uid, resourceVersion } = object.metadata
    // Without the version a finalizer that somebody adds meanwhile would be lost.
    if (resourceVersion === undefined) throw unguarded(object)
    const body = { metadata: { uid, resourceVersion, finalizers } }
    const options = { type: 'merge', fieldManager } as const
    const written = await this.#client.patch(signal, resource, object.metadata, body, options)
    onWrite('finalizer', resource, object.metadata)
    const gone = written.metadata.deletionTimestamp !== undefined && finalizers.length === 0
    if (gone) store.forget(written)
    else store.put(written)
    return written
  }

  #isFutile({ metadata }: KubeObject, part: 'object' | 'status', hash: string): boolean {
    const { uid, resourceVersion } = metadata
    if (uid === undefined || resourceVersion === undefined) return false
    return this.#futile.get(`${uid} ${part}`) === `${hash} ${resourceVersion}`
  }

  #remember({ metadata }: KubeObject, part: 'object' | 'status', hash: string | undefined): void {
    const { uid, resourceVersion } = metadata
    if (hash === undefined) this.#futile.delete(`${uid} ${part}`)
    else this.#futile.set(`${uid} ${part}`, `${hash} ${resourceVersion}`)
  }
}

function unguarded({ kind, metadata }: KubeObject): RangeError {
  return new RangeError(`${kind} ${metadata.name} has no resourceVersion to guard a write with`)
}
