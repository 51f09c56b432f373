// One leader among replicas, by a Lease of coordination.k8s.io. States of a replica:
//
//   follows --the lease is free, or has not moved for its whole duration; our write succeeds--> leads
//   leads --no renewal succeeded for renewMs, or somebody else holds it--> follows
//
// Whether the lease has moved is judged by what we see change, on our monotonic clock; the times in
// it are other machines' and decide nothing. Safe as long as no clock runs half as fast again as
// another: the others wait leaseMs from when they saw our last write, we stop renewMs after we began
// it. It is no fencing: what must not be done twice is guarded where it is written.

import type { Client } from './client.ts'
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts'
import { microTime } from './micro-time.ts'
import type { KubeObject, ResourceOf } from './object.ts'
import { sleep, startDeadline, type Sleep } from './sleep.ts'

type LeaseSpec = {
  readonly holderIdentity?: string
  readonly leaseDurationSeconds?: number
  readonly acquireTime?: string
  readonly renewTime?: string
  readonly leaseTransitions?: number
}
export type Lease = KubeObject & { readonly spec?: LeaseSpec }

const leases: ResourceOf<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
}

export type ElectorOptions = {
  readonly client: Pick<Client, 'find' | 'create' | 'update'>
  readonly namespace: string
  /** Of the Lease: replicas with the same one elect one leader. */
  readonly name: string
  /** Unique per process and start: who finds itself in the lease believes that it holds it. */
  readonly identity: string
  /** How long others wait after the last change that they saw, in ms. Default 15,000. */
  readonly leaseMs?: number
  /** After this long without a renewal we lead no more, in ms. Default 10,000. */
  readonly renewMs?: number
  /** Between two tries, in ms; up to a fifth longer. Default 2,000. */
  readonly retryMs?: number
  /** Told between two tries, so up to a call and a pause after `leads()` has turned false. */
  readonly onChange?: (leads: boolean) => void
  readonly report?: (problem: { readonly message: string; readonly error: unknown }) => void
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number
  /** Epoch ms, for the times that people read, and to notice a suspend. Default `Date.now`. */
  readonly wallClock?: () => number
  readonly random?: () => number
  readonly sleep?: Sleep
}

type Term = { readonly until: number; readonly wallUntil: number }

export class Elector {
  readonly #options: Required<ElectorOptions>
  /** How long the last write of ours lasts. */
  #term: Term | undefined
  /** The lease as we wrote it last: renewed without asking first, until somebody else writes. */
  #mine: Lease | undefined
  #seen: { readonly version: string; readonly at: number } | undefined
  #told = false

  constructor(options: ElectorOptions) {
    this.#options = {
      leaseMs: 15_000,
      renewMs: 10_000,
      retryMs: 2_000,
      onChange: () => {},
      report: () => {},
      now: () => performance.now(),
      wallClock: Date.now,
      random: Math.random,
      sleep,
      ...options,
    }
    const { leaseMs, renewMs, retryMs } = this.#options
    if (leaseMs <= renewMs || renewMs <= retryMs * 1.2) {
      throw new RangeError(`Not lease ${leaseMs} > renew ${renewMs} > 1.2 × retry ${retryMs} ms`)
    }
  }

  /**
   * Turns false by itself when no renewal succeeded in time, whatever call is under way. A monotonic
   * clock stands still while a machine sleeps, so the wall clock must agree.
   */
  leads(): boolean {
    const { now, wallClock } = this.#options
    return (
      this.#term !== undefined && now() < this.#term.until && wallClock() < this.#term.wallUntil
    )
  }

  /** Until the signal; gives the lease back then, so that another replica need not wait. */
  async run(signal: AbortSignal): Promise<void> {
    const { report } = this.#options
    while (!signal.aborted) {
      try {
        await this.#tryOnce(signal)
      } catch (error) {
        if (!signal.aborted) report({ message: 'the lease could not be read or renewed', error })
      }
      this.#tell()
      // A rejection means that the signal was aborted: the loop ends.
      await this.#options.sleep(signal, this.#pauseMs()).catch(() => {})
      this.#tell()
    }
    await this.#release()
  }

  async #tryOnce(signal: AbortSignal): Promise<void> {
    const { namespace, name, identity, leaseMs, now } = this.#options
    if (this.#mine && (await this.#write(signal, this.#mine))) return
    this.#mine = undefined
    const found = await this.#call(signal, (call) =>
      this.#options.client.find(call, leases, { namespace, name }),
    )
    if (found) this.#see(found)
    const holder = found?.spec?.holderIdentity ?? ''
    if (holder !== identity) this.#term = undefined // whatever we believed
    const free = holder === '' || holder === identity
    if (!free && this.#seen && now() - this.#seen.at < leaseMs) return
    await this.#write(signal, found)
  }

  /** A replica that follows wakes up when the lease runs out, or the pause would be lost time. */
  #pauseMs(): number {
    const { leaseMs, retryMs, random, now } = this.#options
    const pause = retryMs * (1 + random() / 5)
    const rest = this.#seen && !this.#mine ? this.#seen.at + leaseMs - now() : 0
    return rest > 0 ? Math.min(pause, Math.ceil(rest)) : pause
  }

  /** Over the version that was read: of two who try, one fails. False: somebody else wrote. */
  async #write(signal: AbortSignal, found: Lease | undefined): Promise<boolean> {
    const { client, namespace, name, identity, renewMs, now, wallClock } = this.#options
    // From before the call: the server may have taken it up at any moment since.
    const term = { until: now() + renewMs, wallUntil: wallClock() + renewMs }
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: found?.metadata ?? { namespace, name },
      spec: this.#specAfter(found?.spec),
    }
    try {
      const written = await this.#call(signal, (call) =>
        found ? client.update(call, leases, body) : client.create(call, leases, body),
      )
      this.#see(written)
      this.#mine = written.spec?.holderIdentity === identity ? written : undefined
      if (this.#mine) this.#term = term
      return true
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error) || isNotFound(error)) return false
      throw error
    }
  }

  #specAfter(before: LeaseSpec | undefined): LeaseSpec {
    const { identity, leaseMs, wallClock } = this.#options
    const time = microTime(wallClock())
    const holds = before?.holderIdentity === identity
    return {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.round(leaseMs / 1000)),
      acquireTime: holds ? (before.acquireTime ?? time) : time,
      renewTime: time,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (holds || !before ? 0 : 1),
    }
  }

  /** Any change counts as a sign of life, whoever made it. */
  #see({ metadata: { uid, resourceVersion } }: Lease): void {
    const version = `${uid} ${resourceVersion}`
    if (this.#seen?.version !== version) this.#seen = { version, at: this.#options.now() }
  }

  async #release(): Promise<void> {
    const { client, identity, report, wallClock } = this.#options
    const mine = this.leads() ? this.#mine : undefined
    // Before the call: once it is written, another may lead.
    this.#term = undefined
    this.#mine = undefined
    this.#tell()
    if (mine?.spec?.holderIdentity !== identity) return
    const { holderIdentity: _, ...rest } = mine.spec
    const spec = { ...rest, leaseDurationSeconds: 1, renewTime: microTime(wallClock()) }
    try {
      await this.#call(new AbortController().signal, (call) =>
        client.update(call, leases, { ...mine, spec }),
      )
    } catch (error) {
      report({ message: 'the lease was not given back; it runs out by itself', error })
    }
  }

  /** A call that hangs must leave time for another before the term is over. */
  async #call<T>(signal: AbortSignal, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ms = Math.max(1_000, this.#options.renewMs / 2)
    const late = () => new Error(`The lease: no answer in ${ms} ms`)
    using deadline = startDeadline(signal, ms, late)
    return await send(deadline.signal)
  }

  #tell(): void {
    const leads = this.leads()
    if (leads === this.#told) return
    this.#told = leads
    try {
      this.#options.onChange(leads)
    } catch (error) {
      this.#options.report({ message: 'a listener of the election threw', error })
    }
  }
}
