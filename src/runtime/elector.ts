// One leader among replicas, by a Lease of coordination.k8s.io. States of a replica:
//
//   follows --the lease is free, or has not moved for its whole duration; our write succeeds--> leads
//   leads --no renewal succeeded for renewMs, or somebody else holds it--> follows
//   leads --asked for it, and it yields--> hands over --what was begun has ended--> follows
//
// Whether the lease has moved is judged by what we see change, on our monotonic clock; the times in
// it are other machines' and decide nothing. Safe as long as no clock runs half as fast again as
// another: the others wait leaseMs from when they saw our last write, we stop renewMs after we began
// it. It is no fencing: what must not be done twice is guarded where it is written.
// Who hands over leads no more, but renews until its last work has ended, and then writes the name of
// the one who asked into the lease: nobody can come in between.

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

export const leases: ResourceOf<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
}

export type LeaseSharing = {
  /** Of the Lease: in it stands who asks for it. */
  readonly askedBy: string
  /** Further annotations, written with every renewal. */
  readonly marks: Readonly<Record<string, string>>
  /** Told of each lease that was read or written, whoever holds it. */
  readonly onSeen: (lease: Lease) => void
  /** Whether whoever asks gets it. */
  readonly yields: () => boolean
  /** Nothing that was begun while we led goes on. */
  readonly isIdle: () => boolean
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
  /** Replicas may ask each other for the lease. Default: they may not. */
  readonly sharing?: LeaseSharing
  readonly report?: (problem: { readonly message: string; readonly error: unknown }) => void
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number
  /** Epoch ms, for the times that people read, and to notice a suspend. Default `Date.now`. */
  readonly wallClock?: () => number
  readonly random?: () => number
  readonly sleep?: Sleep
}

type Term = { readonly until: number; readonly wallUntil: number }

const lookAgainMs = 20

export class Elector {
  readonly #options: Required<Omit<ElectorOptions, 'sharing'>>
  readonly #sharing: LeaseSharing | undefined
  /** How long the last write of ours lasts. */
  #term: Term | undefined
  /** The lease as we wrote it last: renewed without asking first, until somebody else writes. */
  #mine: Lease | undefined
  #seen: { readonly version: string; readonly at: number } | undefined
  /** We want it, and have not said so yet. */
  #asks = false
  /** It says that we ask for it. */
  #isAwaited = false
  /** To whom we hand it over. */
  #successor: string | undefined
  #told = false

  constructor({ sharing, ...options }: ElectorOptions) {
    this.#sharing = sharing
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
    return this.#holds() && this.#successor === undefined
  }

  /** At its next try it writes into the lease that it wants it, if another holds it by then. */
  ask(): void {
    this.#asks = true
  }

  #holds(): boolean {
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
    if (this.#successor !== undefined) return this.#handOver(signal, this.#successor)
    if (this.#mine && (await this.#write(signal, this.#mine))) return
    this.#mine = undefined
    const found = await this.#call(signal, (call) =>
      this.#options.client.find(call, leases, { namespace, name }),
    )
    if (found) this.#see(found)
    const holder = found?.spec?.holderIdentity ?? ''
    if (holder !== identity) this.#term = undefined // whatever we believed
    const asker = this.#askerOf(found)
    this.#isAwaited = asker === identity && holder !== identity
    const free = holder === '' || holder === identity
    if (!free && this.#seen && now() - this.#seen.at < leaseMs) {
      if (found && asker === undefined) await this.#askFor(signal, found)
      return
    }
    const isAsked = holder === identity && asker !== undefined && asker !== identity
    const yields = isAsked && this.leads() && this.#sharing?.yields()
    // From here on we do not lead; before the call, since what was asked for is gone with it.
    if (yields) this.#successor = asker
    this.#tell()
    await this.#write(signal, found)
  }

  #askerOf(lease: Lease | undefined): string | undefined {
    return this.#sharing && lease?.metadata.annotations?.[this.#sharing.askedBy]
  }

  async #askFor(signal: AbortSignal, found: Lease): Promise<void> {
    const { client, identity } = this.#options
    if (!this.#asks || !this.#sharing) return
    const annotations = { ...found.metadata.annotations, [this.#sharing.askedBy]: identity }
    const body = { ...found, metadata: { ...found.metadata, annotations } }
    try {
      this.#see(await this.#call(signal, (call) => client.update(call, leases, body)))
      this.#asks = false
      this.#isAwaited = true
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error // it was renewed meanwhile
    }
  }

  /** What was begun while we led goes on under our lease. */
  async #handOver(signal: AbortSignal, successor: string): Promise<void> {
    const { now, retryMs } = this.#options
    const renewAt = now() + retryMs
    const isIdle = () => this.#sharing?.isIdle() ?? true
    while (!isIdle() && now() < renewAt) await this.#options.sleep(signal, lookAgainMs)
    const mine = this.#holds() ? this.#mine : undefined
    const isDone = isIdle()
    if (isDone) this.#term = undefined // before the call: once it is written, the other one leads
    const wrote = mine && (await this.#write(signal, mine, isDone ? successor : undefined))
    if (wrote && !isDone) return
    this.#mine = undefined
    this.#successor = undefined
  }

  /** A replica that follows wakes up when the lease runs out, or the pause would be lost time. */
  #pauseMs(): number {
    const { leaseMs, retryMs, random, now } = this.#options
    if (this.#successor !== undefined || this.#isAwaited) return retryMs / 10
    const pause = retryMs * (1 + random() / 5)
    const rest = this.#seen && !this.#mine ? this.#seen.at + leaseMs - now() : 0
    return rest > 0 ? Math.min(pause, Math.ceil(rest)) : pause
  }

  /** Over the version that was read: of two who try, one fails. False: somebody else wrote. */
  async #write(
    signal: AbortSignal,
    found: Lease | undefined,
    holder = this.#options.identity,
  ): Promise<boolean> {
    const { client, namespace, name, identity, renewMs, now, wallClock } = this.#options
    // From before the call: the server may have taken it up at any moment since.
    const term = { until: now() + renewMs, wallUntil: wallClock() + renewMs }
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: this.#marked(found?.metadata ?? { namespace, name }),
      spec: this.#specAfter(found?.spec, holder),
    }
    try {
      const written = await this.#call(signal, (call) =>
        found ? client.update(call, leases, body) : client.create(call, leases, body),
      )
      this.#see(written)
      this.#mine = written.spec?.holderIdentity === identity ? written : undefined
      if (!this.#mine) return true
      this.#term = term
      this.#asks = false
      return true
    } catch (error) {
      if (isConflict(error) || isAlreadyExists(error) || isNotFound(error)) return false
      throw error
    }
  }

  #marked(metadata: Lease['metadata']): Lease['metadata'] {
    if (!this.#sharing) return metadata
    const { askedBy, marks } = this.#sharing
    const { [askedBy]: _, ...others } = metadata.annotations ?? {}
    return { ...metadata, annotations: { ...others, ...marks } }
  }

  #specAfter(before: LeaseSpec | undefined, holder: string): LeaseSpec {
    const { leaseMs, wallClock } = this.#options
    const time = microTime(wallClock())
    const holds = before?.holderIdentity === holder
    return {
      ...before,
      holderIdentity: holder,
      leaseDurationSeconds: Math.max(1, Math.round(leaseMs / 1000)),
      acquireTime: holds ? (before.acquireTime ?? time) : time,
      renewTime: time,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (holds || !before ? 0 : 1),
    }
  }

  /** Any change counts as a sign of life, whoever made it. */
  #see(lease: Lease): void {
    const { uid, resourceVersion } = lease.metadata
    const version = `${uid} ${resourceVersion}`
    this.#sharing?.onSeen(lease)
    if (this.#seen?.version !== version) this.#seen = { version, at: this.#options.now() }
  }

  async #release(): Promise<void> {
    const { client, identity, report, wallClock } = this.#options
    const mine = this.#holds() ? this.#mine : undefined
    // Before the call: once it is written, another may lead.
    this.#term = undefined
    this.#mine = undefined
    this.#successor = undefined
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
