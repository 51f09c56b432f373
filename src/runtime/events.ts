// Events of events.k8s.io for people who look at `kubectl describe`. The same event within six
// minutes becomes a series of one object instead of many; while that object is being written,
// further ones are counted and written together. Nobody waits for an event, and one that cannot be
// written is dropped: it is news, not state.

import { randomBytes } from 'node:crypto'
import type { Client } from './client.ts'
import { isNotFound } from './errors.ts'
import { microTime } from './micro-time.ts'
import type { KubeObject, ResourceOf } from './object.ts'

export type EventOptions = {
  readonly client: Pick<Client, 'create' | 'patch'>
  /** `reportingController`, such as `example.dev/operator`. */
  readonly controller: string
  /** `reportingInstance`: which replica. */
  readonly instance: string
  /** Where events about cluster-scoped objects go. Default `default`. */
  readonly namespaceForCluster?: string
  /** Within this time the same event is a series, in ms. Default 360,000. */
  readonly seriesMs?: number
  /** Objects being written at once; more are dropped and reported. Default 500. */
  readonly limit?: number
  readonly report?: (problem: { readonly message: string; readonly error: unknown }) => void
  /** Epoch milliseconds. Default `Date.now`. */
  readonly now?: () => number
}

export type EventDetails = {
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, at most 128 characters. */
  readonly reason: string
  /** What was done or tried; likewise. */
  readonly action: string
  /** For people. Longer than 1,024 bytes it is cut. A series keeps its first one. */
  readonly note: string
  /** What tells it from others of the same reason and action. Left out: they are one series. */
  readonly of?: string
}

const eventsResource: ResourceOf<KubeObject> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
}

type Series = {
  readonly regarding: KubeObject
  readonly details: EventDetails
  /** Of the object on the server, once there is one. */
  ref: { readonly namespace: string; readonly name: string } | undefined
  count: number
  lastAt: number
  /** How many of them the server has been told. */
  told: number
  writing: boolean
}

const longestNote = 1_024
const encoder = new TextEncoder()

export class EventRecorder {
  readonly #options: Required<EventOptions>
  /** In order of the last occurrence. */
  readonly #series = new Map<string, Series>()
  readonly #pending = new Set<Promise<void>>()
  readonly #over = new AbortController()

  constructor(options: EventOptions) {
    this.#options = {
      namespaceForCluster: 'default',
      seriesMs: 360_000,
      limit: 500,
      report: () => {},
      now: Date.now,
      ...options,
    }
  }

  /** Never throws, never waits. */
  record(regarding: KubeObject, details: EventDetails): void {
    const { now, seriesMs, limit } = this.#options
    const at = now()
    this.#forgetOld(at)
    const key = keyOfEvent(regarding, details)
    const known = this.#series.get(key)
    const series =
      known && at - known.lastAt < seriesMs
        ? known
        : { regarding, details, ref: undefined, count: 0, lastAt: at, told: 0, writing: false }
    this.#series.delete(key)
    this.#series.set(key, series)
    series.count++
    series.lastAt = at
    if (series.writing) return
    if (this.#pending.size >= limit) {
      this.#report(`an event was dropped: ${limit} are being written`, undefined)
      return
    }
    const writing = this.#write(series)
      .catch((error: unknown) => this.#report('an event could not be written', error))
      .finally(() => this.#pending.delete(writing))
    this.#pending.add(writing)
  }

  /** Waits for what is being written; once the signal is aborted, the rest is dropped. */
  async flush(signal: AbortSignal): Promise<void> {
    const drop = () => this.#over.abort(signal.reason)
    if (signal.aborted) drop()
    else signal.addEventListener('abort', drop, { once: true })
    while (this.#pending.size > 0) await Promise.all(this.#pending)
    signal.removeEventListener('abort', drop)
  }

  async #write(series: Series): Promise<void> {
    series.writing = true
    try {
      while (series.told < series.count) {
        const { ref, count } = series
        if (!ref) {
          series.ref = await this.#begin(series)
          series.told = 1
        } else if (await this.#extend(ref, series)) {
          series.told = count
        } else {
          series.ref = undefined
          series.count -= series.told
          series.told = 0
        }
      }
    } finally {
      series.writing = false
    }
  }

  async #begin(series: Series) {
    const object = this.#eventOf(series)
    await this.#options.client.create(this.#over.signal, eventsResource, object)
    return object.metadata
  }

  /** False: it is no longer on the server, which keeps events for an hour. */
  async #extend(ref: NonNullable<Series['ref']>, { count, lastAt }: Series): Promise<boolean> {
    const body = { series: { count, lastObservedTime: microTime(lastAt) } }
    const options = { type: 'merge' } as const
    try {
      await this.#options.client.patch(this.#over.signal, eventsResource, ref, body, options)
      return true
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    }
  }

  #eventOf({ regarding, details, lastAt }: Series) {
    const { controller, instance, namespaceForCluster } = this.#options
    const { name, namespace, uid, resourceVersion } = regarding.metadata
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: eventName(name), namespace: namespace ?? namespaceForCluster },
      eventTime: microTime(lastAt),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      type: details.type,
      reason: details.reason.slice(0, 128),
      action: details.action.slice(0, 128),
      note: shortened(details.note),
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        name,
        uid,
        resourceVersion,
        ...(namespace !== undefined && { namespace }),
      },
    }
  }

  #forgetOld(at: number): void {
    for (const [key, { lastAt, writing }] of this.#series) {
      if (at - lastAt < this.#options.seriesMs || writing) return
      this.#series.delete(key)
    }
  }

  #report(message: string, error: unknown): void {
    try {
      this.#options.report({ message, error })
    } catch {
      // Nobody is left to tell, and an event is no reason to end the process.
    }
  }
}

function keyOfEvent(
  { kind, metadata }: KubeObject,
  { type, reason, action, of = '' }: EventDetails,
) {
  const { uid, namespace = '', name } = metadata
  return [kind, uid ?? `${namespace}/${name}`, type, reason, action, of].join(' ')
}

/** Names of roles may hold what the name of an event may not. */
function eventName(name: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
  return `${plain.slice(0, 200) || 'event'}.${randomBytes(8).toString('hex')}`
}

/** The server counts bytes. */
function shortened(note: string): string {
  if (encoder.encode(note).length <= longestNote) return note
  const room = new Uint8Array(longestNote - 3) // for the ellipsis
  const { read } = encoder.encodeInto(note, room)
  return `${note.slice(0, read)}…`
}
