// Wires the operator: caches, writers, databases, one controller per kind; starts them in order and
// stops them in reverse. Every replica runs all controllers, since every replica takes away at
// deadlines; only the leader of a shard gives to the organizations in it.

import type { OperatorConfig } from '../api/config.ts'
import { TenantryError } from '../api/errors.ts'
import { annotations, apiGroup, fieldManagers } from '../api/names.ts'
import { countedSkew } from '../api/time.ts'
import { Departures } from '../customers/departures.ts'
import type { Control } from '../databases/control/control.ts'
import { SignIns } from '../databases/control/sign-ins.ts'
import type { Databases } from '../databases/databases.ts'
import { Viewers } from '../databases/registry/viewers.ts'
import { Retirement } from '../databases/retirement.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { observeTenants } from '../observe/tenants.ts'
import {
  AccessReviews,
  Applier,
  Controller,
  EventRecorder,
  Reflector,
  isConflict,
  type Client,
  type KubeObject,
} from '../runtime/index.ts'
import { directoryOf } from './directory.ts'
import { endedSessions } from './ended-sessions.ts'
import { watchImpersonation, type Offer } from './impersonation.ts'
import { Leadership, type Shard } from './leadership.ts'
import { watchPolicies } from './policies.ts'
import { makeDeadlines, makeQueues, onlyThose } from './queues.ts'
import { watchSkew, whoAmI } from './self.ts'
import { shardWork, type ShardParts } from './shard-work.ts'
import { askSilent } from './silent-servers.ts'
import { fillEach, makeStores, rememberGone } from './stores.ts'
import { enqueueAll, enqueueWaiting, firstKeys } from './concerns.ts'
import { controllerNames } from './lanes.ts'
import { connectTriggers } from './triggers.ts'
import { keepUp } from './upkeep.ts'

export type OperatorParts = {
  readonly config: OperatorConfig
  readonly client: Client
  /** Acts as a user who does not exist, by constrained impersonation: so we know whether the cluster has it. */
  readonly asNobody: Client
  readonly databases: Databases
  /** Undefined: none is configured. */
  readonly control: Control | undefined
  readonly log: Log
  readonly metrics: Metrics
  /** Names this replica in the leases and in Events. */
  readonly identity: string
  readonly clock?: { readonly now: () => number }
}

/** The part of a reflector that does not depend on what it fills. */
type Filling = Pick<Reflector<KubeObject>, 'run' | 'wake' | 'whenSynced'>

export type Operator = {
  /** Runs until the signal; resolves when everything has stopped. */
  run(signal: AbortSignal): Promise<void>
  /** What keeps it from serving, in words; empty when it is ready. */
  notReady(): readonly string[]
}

export function makeOperator(parts: OperatorParts): Operator {
  const { config, client, databases, control, log, metrics, identity } = parts
  const clock = parts.clock ?? { now: () => Date.now() }
  const stores = makeStores()
  observeTenants(metrics.registry, stores, clock)
  let offer: Offer | undefined
  const queues = makeQueues(metrics)
  const report = ({ error, message }: { readonly error: unknown; readonly message: string }) =>
    log.warn({ err: error }, message)
  const stopping = new AbortController()
  const viewers = control && new Viewers(control)
  const deadlines = makeDeadlines(queues, whatEndsSessions(stopping.signal, parts, viewers))
  const writer = (fieldManager: string) =>
    new Applier(client, {
      fieldManager,
      statusFieldManager: fieldManagers.status,
      hashAnnotation: annotations.appliedHash,
    })
  const events = new EventRecorder({
    client,
    controller: `${apiGroup}/operator`,
    instance: identity,
    report,
  })
  const shared: ShardParts = {
    ...parts,
    stores,
    queues,
    deadlines,
    retirement: control && new Retirement(databases, control, identity),
    signIns: control && new SignIns(control, identity),
    viewers,
    departures: new Departures(clock.now),
    ports: {
      directory: directoryOf(stores, {
        lacksImpersonation: () => offer?.isMissing() ?? true,
        ledger: ({ metadata: { name, uid = '' } }) =>
          works.get(leadership.of(name))?.ledger?.view(uid),
      }),
      client,
      applier: writer(fieldManagers.children),
      platform: writer(fieldManagers.platform),
      self: whoAmI(client),
      events,
      clock,
      skewMs: () => countedSkew(client.skewMs()),
      isGone: rememberGone(stores),
      reviews: new AccessReviews(client, {
        // Every role that lets somebody in allows it.
        attributes: { verb: 'get', version: 'v1', resource: 'pods' },
      }),
    },
  }
  const leadership = new Leadership({
    client,
    config,
    identity,
    onBegin: (shard) => {
      tell(shard, true)
      works.get(shard)?.begin()
      const first = firstKeys(stores).filter(({ queue, key }) => isIn(shard)(queue, key))
      for (const { queue, key } of first) queues[queue].add(key, 'revoke')
      return first.map(({ queue, key }) => `${queue}/${key}`)
    },
    onGives: (shard) => enqueueAll(stores, onlyThose(queues, isIn(shard))),
    onEnd: (shard) => {
      tell(shard, false)
      works.get(shard)?.end()
    },
    report,
  })
  const isIn = (shard: Shard) => (controller: (typeof controllerNames)[number], key: string) =>
    leadership.ofKey(controller, key) === shard
  const tell = ({ lease }: Shard, leads: boolean) => {
    metrics.leads(lease, leads)
    log.info({ lease, leads }, leads ? 'this replica leads' : 'this replica does not lead')
  }
  const works = new Map(
    leadership.shards.map((shard) => {
      metrics.leads(shard.lease, false) // a lease that nobody has must be seen, too
      return [shard, shardWork(shard, (name) => leadership.of(name) === shard, shared)] as const
    }),
  )
  const controllers = controllerNames.map(
    (name) =>
      new Controller({
        name,
        queue: queues[name],
        workers: name === 'customers' ? config.workers : Math.max(1, config.workers / 2),
        reconcile: async (signal, key, run) => {
          const shard = leadership.ofKey(name, key)
          const reconcile = works.get(shard)?.reconcilers[name]
          if (!reconcile) throw new Error(`Nobody works for ${shard.lease}.`)
          return shard.run(`${name}/${key}`, () => reconcile(signal, key, run))
        },
        metrics: metrics.controller,
        isConflict,
        isTerminal: (error) => error instanceof TenantryError && !error.retries,
        onError: (key, error, { id }) =>
          log.error({ controller: name, key, reconcileID: id, err: error }, 'a run failed'),
      }),
  )
  const reflectors = fillEach<Filling>(stores, (store, listing) => {
    const onMissed = (count: number) => metrics.missedEvents(store.resource.plural, count)
    onMissed(0) // seen from the start: what appears with its first count looks like nothing has happened
    return new Reflector(client, store, {
      ...listing,
      report: ({ error, ...problem }) => log.warn({ ...problem, err: error }, 'a watch failed'),
      onMissed,
    })
  })
  let started = false
  return {
    notReady: () => (started ? [] : ['The caches are not filled yet.']),
    run: async (signal) => {
      connectTriggers(stores, queues)
      databases.onBack((server) => {
        log.info({ server }, 'a server answers again')
        if (server === control?.serverName) control.tryNow()
        enqueueWaiting(stores, queues, server)
      })
      control?.onBack(() => {
        log.info({}, 'the control database answers again')
        enqueueAll(stores, queues)
      })
      client.onBack(() => {
        log.info({}, 'the API server answers again')
        for (const reflector of reflectors) reflector.wake()
      })
      const caches = reflectors.map((reflector) => reflector.run(signal))
      await Promise.all(reflectors.map((reflector) => reflector.whenSynced(signal)))
      started = true
      log.info(
        { customers: stores.customers.size, partners: stores.partners.size },
        'caches filled',
      )
      watchPolicies(stores, (policy, isMissing) => {
        metrics.policyMissing(policy, isMissing)
        if (!isMissing) return
        log.error(
          { policy },
          'an admission policy of the chart is missing: what it guards gives nothing until the chart is applied again',
        )
      })
      offer = watchImpersonation(signal, parts.asNobody, {
        onChange: () => enqueueAll(stores, queues),
        onFailure: (err) => log.warn({ err }, 'whether impersonation is offered is not known yet'),
      })
      await offer.known
      const watchingSkew = watchSkew(
        signal,
        () => countedSkew(client.skewMs()),
        (skewMs) => {
          metrics.skew('kubernetes', skewMs)
          log.warn(
            { skewMs },
            "the cluster's clock and ours differ: windows start late and end early",
          )
          enqueueAll(stores, queues)
        },
      )
      const asking = askSilent(signal, {
        servers: config.databases.servers.map(({ name }) => name),
        isSilent: (server) =>
          databases.reachable(server) === 'no' ||
          (server === control?.serverName && control.reachable === 'no'),
        ask: async (trying, server) => {
          await databases.ask(trying, server)
          if (server === control?.serverName) await control.work(trying, 'asking', async () => {})
        },
      })
      const keepingUp = keepUp(signal, { ...shared, leadership, works })
      const working = controllers.map((controller) => controller.run(signal))
      // The leases are given back only when nothing of ours is at work any more.
      const releasing = new AbortController()
      const electing = leadership.run(releasing.signal)
      await Promise.all(working)
      releasing.abort()
      for (const work of works.values()) work.end()
      for (const each of Object.values(deadlines)) each.stop()
      stopping.abort()
      await Promise.all([electing, watchingSkew, offer.stopped, asking, keepingUp, ...caches])
      await events.flush(AbortSignal.timeout(2_000))
      await Promise.all([databases.stop(), control?.stop()])
    },
  }
}

/** Whoever is in a database past the time of the login is out by one statement per server, whichever replica asks first. */
function whatEndsSessions(
  signal: AbortSignal,
  { config, databases, log }: OperatorParts,
  viewers: Viewers | undefined,
): () => void {
  const endSessions = endedSessions(signal, {
    servers: config.databases.servers.map(({ name }) => name),
    endExpired: (ending, server) => databases.endExpired(ending, server),
    onEnded: (server, sessions) => log.info({ server, sessions }, 'sessions ended with their time'),
    onFailure: (server, err) => log.warn({ server, err }, 'sessions past their time may go on'),
  })
  const endViewers = endedSessions(signal, {
    servers: viewers ? [viewers.serverName] : [],
    endExpired: async (ending) => viewers?.endSessions(ending) ?? 0,
    onEnded: (server, sessions) => log.info({ server, sessions }, 'looking at devices has ended'),
    onFailure: (server, err) =>
      log.warn({ server, err }, 'sessions that looked at devices may go on'),
  })
  return () => {
    endSessions()
    endViewers()
  }
}
