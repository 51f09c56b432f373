// Keeps a store equal to the server: a list in pages, then a watch from exactly where it ended,
// again and again until the signal is aborted. Whatever happens ends in one of four ways: resume at
// once, resume after a pause, list at once, list after a pause. It never throws and never gives up.
//
// What a list has to repair is counted: `missed` are changes up to the version that the watch had
// told to be complete, and which it had not told all the same. What happened while we were cut off
// lies after that version and is not missed, only late. A deletion carries no version in a list, so
// it counts as missed only when the list is of the very version that the watch had reached.

import { emitWarning } from 'node:process'
import { backoff, type BackoffOptions } from './backoff.ts'
import { typed } from './client-answers.ts'
import type { Client } from './client.ts'
import type { WatchEvent } from './client-options.ts'
import type { Selection } from './client-paths.ts'
import { ApiError, apiErrorOf, isGone, StreamError } from './errors.ts'
import {
  hasName,
  isRecord,
  keyOf,
  resourceName,
  type KubeObject,
  type ResourceOf,
} from './object.ts'
import { Problems, type ProblemOptions } from './reflector-problems.ts'
import { sleep, whileWaiting, type Sleep } from './sleep.ts'
import type { Store } from './store.ts'

export type ReflectorOptions = Selection &
  ProblemOptions & {
    /** Objects per page. Default 500. */
    readonly pageSize?: number
    /** Must be that of the store; given here it is only checked. */
    readonly metadataOnly?: boolean
    /** A watch without a byte for this long, in ms, is dead. Default 90,000: bookmarks come by the minute. */
    readonly idleMs?: number
    /** A watch that ends sooner than this without an event, in ms, is a failure. Default 1,000. */
    readonly shortMs?: number
    /** A list sooner than this after the last one is put off, in ms. Default 10,000. */
    readonly calmMs?: number
    /** Longest line of a watch, in bytes. Default 32 MiB. */
    readonly maxLineBytes?: number
    /** How many changes a list repaired that the watch had missed. Called only when there are any. */
    readonly onMissed?: (missed: number) => void
    /** A list was taken over; the first one included. */
    readonly onList?: (list: { readonly objects: number; readonly changed: number }) => void
    readonly backoff?: BackoffOptions
    readonly sleep?: Sleep
    /** In [0, 1). Default `Math.random`. */
    readonly random?: () => number
  }

/** Refusals in a row after which a resumed watch is given up for a list. */
const refusalsBeforeList = 3

export class Reflector<T extends KubeObject> {
  readonly #client: Pick<Client, 'list' | 'watch'>
  readonly #store: Store<T>
  readonly #options: ReflectorOptions
  readonly #problems: Problems
  #nextPause: () => number
  readonly #sleep: Sleep
  readonly #now: () => number
  readonly #random: () => number
  readonly #synced = Promise.withResolvers<void>()
  /** Where the next watch begins; `undefined`: only a list tells. */
  #version: string | undefined
  #refusals = 0
  /** Version at which a line could not be read; twice at the same place, only a list leads past it. */
  #stuckAt: string | undefined
  /** A continue token that went stale: the server forgets faster than we turn pages. */
  #staleTokens = 0
  #listedAt = -Infinity
  #heardAt = -Infinity
  #cut = new AbortController()
  #pausing = new AbortController()

  constructor(
    client: Pick<Client, 'list' | 'watch'>,
    store: Store<T>,
    options: ReflectorOptions = {},
  ) {
    if (options.metadataOnly !== undefined && options.metadataOnly !== store.metadataOnly) {
      // Else the answer of a write would bring into the cache what the watch leaves out.
      throw new RangeError(`${store.resource.kind}: reflector and store differ in metadataOnly`)
    }
    this.#client = client
    this.#store = store
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#random = options.random ?? Math.random
    this.#sleep = options.sleep ?? sleep
    this.#nextPause = this.#firstPause()
    this.#problems = new Problems(resourceName(store.resource), options)
  }

  /** Resolves once a whole list is in the store; rejects when the signal is aborted first. */
  whenSynced(signal: AbortSignal): Promise<void> {
    return whileWaiting(signal, this.#synced.promise)
  }

  /** How long the server has said nothing, in ms, bookmarks included. Infinite before the first list. */
  get silentMs(): number {
    return this.#now() - this.#heardAt
  }

  /** Cuts the watch that is open, and nothing else: for tests of what follows. */
  cutWatch(): void {
    this.#cut.abort(new StreamError('cut', 'the watch was cut by hand'))
  }

  /** The server answers again: whoever waits for that need not wait longer. */
  wake(): void {
    this.#nextPause = this.#firstPause()
    this.#pausing.abort()
  }

  /** Resolves after the signal was aborted; nothing is open then. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#pausing = new AbortController()
      const pauseMs = await this.#round(signal)
      if (pauseMs === 0 || signal.aborted) continue
      const early = AbortSignal.any([signal, this.#pausing.signal])
      await this.#sleep(early, pauseMs).catch(() => undefined) // the loop asks why
    }
  }

  #firstPause(): () => number {
    return backoff({ now: this.#now, random: this.#random, ...this.#options.backoff })
  }

  /** One list or one watch; gives the pause before the next, in ms. */
  async #round(signal: AbortSignal): Promise<number> {
    const during = this.#version === undefined ? 'list' : 'watch'
    try {
      if (this.#version === undefined) {
        this.#version = await this.#list(signal)
        return 0
      }
      await this.#watch(signal, this.#version)
      return 0
    } catch (error) {
      if (signal.aborted) return 0
      try {
        return this.#pauseAfter(error, during)
      } catch (broken) {
        emitWarning(new Error('a hook of the reflector threw', { cause: broken }))
        return this.#nextPause()
      }
    }
  }

  #pauseAfter(error: unknown, during: 'list' | 'watch'): number {
    if (error instanceof StreamError) return this.#pauseAfterFault(error)
    if (isGone(error)) {
      // Not a fault: we were away for longer than the server remembers, or turned pages too slowly.
      if (during === 'list') this.#staleTokens++
      this.#version = undefined
      const { calmMs = 10_000 } = this.#options
      return this.#now() - this.#listedAt < calmMs ? this.#nextPause() : 0
    }
    this.#problems.tell(during, error)
    if (!(error instanceof ApiError)) return this.#nextPause() // no answer: the version stays good
    // Too busy for a watch is too busy for a list. A server that fails may fail at this version.
    const failed = error.status !== 429
    const final = failed && error.status < 500
    if (failed && (final || ++this.#refusals >= refusalsBeforeList)) this.#version = undefined
    return Math.max(this.#nextPause(), error.retryAfterMs ?? 0)
  }

  #pauseAfterFault(error: StreamError): number {
    if (error.fault !== 'cut') this.#problems.tell('watch', error)
    switch (error.fault) {
      case 'cut':
      case 'idle':
        return 0 // the dial that follows has a deadline of its own
      case 'malformed':
        if (this.#stuckAt === this.#version) this.#version = undefined
        this.#stuckAt = this.#version
        return this.#nextPause()
      case 'unknown-type': // what it says is unknown, but a list knows how things stand after it
        this.#version = undefined
        return this.#nextPause()
      case 'too-short':
        return this.#nextPause()
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { pageSize = 500, onMissed, onList } = this.#options
    const started = this.#store.listStarts()
    const objects: T[] = []
    let token: string | undefined
    let version = ''
    do {
      const page = await this.#client.list<T>(signal, this.#store.resource, {
        ...this.#selection(),
        ...(this.#staleTokens < 2 ? { limit: pageSize } : {}),
        ...(token === undefined ? {} : { continue: token }),
      })
      for (const item of page.items) {
        if (hasName(item)) objects.push(this.#store.slim(item))
        else
          this.#problems.tell('object', new StreamError('malformed', 'a listed object has no name'))
      }
      version = page.resourceVersion
      token = page.continue
    } while (token !== undefined)
    signal.throwIfAborted()
    const { changed, missed } = this.#store.replace(objects, version, started)
    this.#listedAt = this.#heardAt = this.#now()
    this.#refusals = this.#staleTokens = 0
    if (missed > 0) onMissed?.(missed)
    onList?.({ objects: objects.length, changed })
    this.#synced.resolve()
    return version
  }

  async #watch(signal: AbortSignal, from: string): Promise<void> {
    const { idleMs = 90_000, shortMs = 1_000, maxLineBytes = 32 * 2 ** 20 } = this.#options
    this.#cut = new AbortController()
    const life = new AbortController()
    const end = ({ target }: Event) =>
      life.abort(target instanceof AbortSignal ? target.reason : undefined)
    signal.addEventListener('abort', end, { once: true })
    this.#cut.signal.addEventListener('abort', end, { once: true })
    const begun = this.#now()
    let events = 0
    try {
      const stream = this.#client.watch(life.signal, this.#store.resource, {
        ...this.#selection(),
        resourceVersion: from,
        timeoutSeconds: 300 + Math.floor(this.#random() * 300),
        idleMs,
        maxLineBytes,
        isKnown: (version) => this.#store.takeWritten(version),
      })
      for await (const event of stream) {
        events++
        this.#take(event)
      }
    } finally {
      signal.removeEventListener('abort', end)
    }
    if (events === 0 && this.#now() - begun < shortMs) {
      throw new StreamError('too-short', `the server closed the watch at once, without an event`)
    }
  }

  #take({ type, object }: WatchEvent): void {
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED': {
        const known = named(this.#store.resource, object)
        if (!known) throw new StreamError('malformed', `an object of event ${type} has no name`)
        this.#store.observe(type, known)
        this.#reached(known.metadata.resourceVersion)
        return
      }
      case 'BOOKMARK': {
        const { metadata } = object
        const version = isRecord(metadata) ? metadata['resourceVersion'] : undefined
        if (typeof version !== 'string')
          throw new StreamError('malformed', 'a bookmark without a version')
        this.#store.advance(version)
        this.#reached(version)
        return
      }
      case 'ERROR': // the server may leave the stream open; nothing comes after it
        throw apiErrorOf(object, {
          status: 0,
          method: 'WATCH',
          path: resourceName(this.#store.resource),
        })
      default: {
        const about = named(this.#store.resource, object)
        throw new StreamError(
          'unknown-type',
          `an event of the unknown type ${JSON.stringify(type.slice(0, 40))}`,
          about && keyOf(about.metadata),
        )
      }
    }
  }

  #reached(version: string | undefined): void {
    this.#heardAt = this.#now()
    this.#refusals = 0
    if (version !== undefined) this.#version = version
  }

  #selection(): Selection & { readonly metadataOnly: boolean } {
    const { namespace, labelSelector, fieldSelector } = this.#options
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      metadataOnly: this.#store.metadataOnly,
    }
  }
}

/** What has a name is taken to be of the kind that we asked for. */
function named<T>(resource: ResourceOf<T>, object: unknown): T | undefined {
  return hasName(object) ? typed(resource, object) : undefined
}
