// Who gives what: one replica per shard, each by a lease of its own. Holds ONE-PARTNER: what was begun for a shard has ended
// before another replica begins there. A replica that holds two shards fewer than another asks for one of them, so that they
// spread evenly over however many replicas there are, and nobody has to be told how many that is.
//
// The rule nobody would guess: the first lease says into how many shards the organizations are cut. Whoever is configured with
// another number leads nothing until it holds that lease, and then waits until everybody has seen the new number: a rollout
// that changes it never has two replicas that both think a customer theirs.

import type { OperatorConfig } from '../api/config.ts'
import { annotations, leaseOf } from '../api/names.ts'
import { Elector, sleep, type Client, type Lease } from '../runtime/index.ts'
import { organizationOfKey, shardOf } from './shards.ts'
import { Standing } from './standing.ts'
import type { ControllerName } from './lanes.ts'

export type LeadershipOptions = {
  readonly client: Pick<Client, 'find' | 'create' | 'update'>
  readonly config: Pick<OperatorConfig, 'namespace' | 'lease' | 'leaseSeconds' | 'sharding'>
  readonly identity: string
  /** The shard is ours from now on. @returns what is looked at before anybody is let in */
  readonly onBegin: (shard: Shard) => readonly string[]
  readonly onGives: (shard: Shard) => void
  readonly onEnd: (shard: Shard) => void
  readonly report: (problem: { readonly message: string; readonly error: unknown }) => void
}

/** One range of organizations, as this replica stands to it. */
export class Shard {
  /** The name of its Lease. */
  readonly lease: string
  readonly #standing: Standing
  #begun = 0

  constructor(lease: string, standing: Standing) {
    this.lease = lease
    this.#standing = standing
  }

  takesAway(): boolean {
    return this.#standing.takesAway()
  }

  gives(): boolean {
    return this.#standing.gives()
  }

  /** Nothing that was begun while this replica led goes on. */
  isIdle(): boolean {
    return this.#begun === 0
  }

  /** One run of a key. Who began it without the lease has not looked at what only its holder takes away. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    if (!this.takesAway()) return work()
    this.#begun += 1
    try {
      return await work()
    } finally {
      this.#begun -= 1
      this.#standing.seen(key)
    }
  }
}

type Held = {
  readonly shard: Shard
  readonly standing: Standing
  readonly elector: Elector
  /** Its lease as it was seen last, whoever holds it. */
  lease: Lease | undefined
  told: boolean
}

export class Leadership {
  readonly #options: LeadershipOptions
  readonly #times: Record<'leaseMs' | 'renewMs' | 'retryMs', number>
  readonly #held: readonly Held[]
  /** What the first lease says: when it last said our number, and since when it says no other. */
  #saysOursAt = -Infinity
  #saysOursSince = -Infinity
  #lastSaid: string | undefined
  #asksAgainAt = 0

  constructor(options: LeadershipOptions) {
    this.#options = options
    const leaseMs = options.config.leaseSeconds * 1000
    // The proportions of client-go: a leader gives up well before others take over.
    this.#times = { leaseMs, renewMs: (leaseMs * 2) / 3, retryMs: (leaseMs * 2) / 15 }
    const { shards } = options.config.sharding
    this.#held = Array.from({ length: shards }, (_, index) => this.#hold(index))
  }

  get shards(): readonly Shard[] {
    return this.#held.map(({ shard }) => shard)
  }

  /** Of it is what only one replica may do. */
  get first(): Shard {
    return this.#at(0).shard
  }

  of(organization: string): Shard {
    return this.#at(shardOf(organization, this.#held.length)).shard
  }

  ofKey(controller: ControllerName, key: string): Shard {
    return this.of(organizationOfKey(controller, key))
  }

  /** Until the signal; gives all leases back then. */
  async run(signal: AbortSignal): Promise<void> {
    const electing = this.#held.map(({ elector }) => elector.run(signal))
    while (!signal.aborted) {
      this.#look()
      await sleep(signal, this.#times.retryMs / 4).catch(() => {})
    }
    await Promise.all(electing)
    this.#look()
  }

  #at(index: number): Held {
    const held = this.#held[index]
    if (!held) throw new RangeError(`There is no shard ${index}.`)
    return held
  }

  #hold(index: number): Held {
    const { client, config, identity, report, onGives } = this.#options
    const name = leaseOf(config.lease, index)
    const elector = new Elector({
      client,
      namespace: config.namespace,
      name,
      identity,
      ...this.#times,
      onChange: () => this.#look(),
      sharing: {
        askedBy: annotations.askedBy,
        marks: index === 0 ? { [annotations.shards]: String(config.sharding.shards) } : {},
        onSeen: (lease) => {
          held.lease = lease
          if (index === 0) this.#hear(lease)
        },
        yields: () => this.#held.filter((each) => each.elector.leads()).length > 1,
        isIdle: () => held.shard.isIdle(),
      },
      report,
    })
    const standing: Standing = new Standing({
      leads: () => elector.leads() && this.#isAgreed(),
      onGives: () => onGives(held.shard),
    })
    const held: Held = {
      shard: new Shard(name, standing),
      standing,
      elector,
      lease: undefined,
      told: false,
    }
    return held
  }

  #hear({ metadata }: Lease): void {
    const ours = String(this.#options.config.sharding.shards)
    const said = metadata.annotations?.[annotations.shards] ?? '1'
    const now = performance.now()
    if (said !== ours || (this.#lastSaid ?? said) !== said) this.#saysOursSince = now
    if (said === ours) this.#saysOursAt = now
    this.#lastSaid = said
  }

  /** Whoever was configured with another number has noticed by now, and nobody has changed ours. */
  #isAgreed(): boolean {
    const { leaseMs, renewMs } = this.#times
    const now = performance.now()
    return now < this.#saysOursAt + renewMs && now >= this.#saysOursSince + leaseMs
  }

  #look(): void {
    const { onBegin, onEnd } = this.#options
    for (const held of this.#held) {
      const leads = held.standing.takesAway()
      if (leads === held.told) continue
      held.told = leads
      if (leads) held.standing.begin(onBegin(held.shard))
      else {
        held.standing.end()
        onEnd(held.shard)
      }
    }
    this.#ask()
  }

  /** For one at a time, of whoever holds most. */
  #ask(): void {
    const { identity } = this.#options
    const now = performance.now()
    if (now < this.#asksAgainAt) return
    const holders = this.#held.map(({ lease }) => lease?.spec?.holderIdentity ?? '')
    const isAsked = ({ lease }: Held) =>
      lease?.metadata.annotations?.[annotations.askedBy] !== undefined
    const counts = new Map<string, number>()
    for (const holder of holders) counts.set(holder, (counts.get(holder) ?? 0) + 1)
    const own = counts.get(identity) ?? 0
    const [richest] = [...counts]
      .filter(([holder, count]) => holder !== '' && holder !== identity && count >= own + 2)
      .sort(([, one], [, other]) => other - one)
    if (!richest) return
    const free = this.#held.filter((held, at) => holders[at] === richest[0] && !isAsked(held))
    free[Math.floor(Math.random() * free.length)]?.elector.ask()
    this.#asksAgainAt = now + 2 * this.#times.retryMs
  }
}
