// Wires the operator: caches, writers, databases, one controller per kind; starts them in order and
// stops them in reverse. Every replica runs all controllers, since every replica takes away at
// deadlines; only the leader gives.

import type { OperatorConfig } from '../api/config.ts'
import { TenantryError } from '../api/errors.ts'
import { annotations, apiGroup, customerNamespace, fieldManagers } from '../api/names.ts'
import { apiVersionOf, resources, type Subject } from '../api/resources.ts'
import { countedSkew } from '../api/time.ts'
import { Departures } from '../customers/departures.ts'
import { removeReadable } from '../customers/person-secret.ts'
import { isGoneFrom } from '../customers/ledger.ts'
import { customerReconciler } from '../customers/reconciler.ts'
import type { Control } from '../databases/control/control.ts'
import { Ledger } from '../databases/control/ledger.ts'
import type { Databases } from '../databases/databases.ts'
import { databaseUidOf } from '../databases/names.ts'
import { Registry } from '../databases/registry/registry.ts'
import { Viewers } from '../databases/registry/viewers.ts'
import { Retirement } from '../databases/retirement.ts'
import { deviceReconciler } from '../devices/reconciler.ts'
import { grantReconciler } from '../grants/reconciler.ts'
import { linkReconciler } from '../links/reconciler.ts'
import { memberReconciler } from '../members/reconciler.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { observeTenants } from '../observe/tenants.ts'
import { makeNotify } from '../notify/port.ts'
import { partnerReconciler } from '../partners/reconciler.ts'
import {
  AccessReviews,
  Applier,
  Controller,
  Deadlines,
  Elector,
  EventRecorder,
  Queue,
  Reflector,
  isConflict,
  sleep,
  type Client,
  type KubeObject,
  type Result,
} from '../runtime/index.ts'
import { directoryOf } from './directory.ts'
import { startDrift } from './drift.ts'
import { dropNowAndThen } from './dropping.ts'
import { endedSessions } from './ended-sessions.ts'
import { policyIsMissing, watchPolicies } from './policies.ts'
import { keepPools } from './pools.ts'
import { keepViewers } from './viewers.ts'
import { watchImpersonation, type Offer } from './impersonation.ts'
import { fillEach, makeStores } from './stores.ts'
import { Standing } from './standing.ts'
import {
  connectTriggers,
  controllerNames,
  enqueueAll,
  enqueueDevices,
  firstKeys,
  lanes,
  type Queues,
} from './triggers.ts'

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
  /** Names this replica in the lease and in Events. */
  readonly identity: string
  readonly clock?: { readonly now: () => number }
}

/** The part of a reflector that does not depend on what it fills. */
type Filling = Pick<Reflector<KubeObject>, 'run' | 'whenSynced'>

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
  const directory = directoryOf(stores, () => offer?.isMissing() ?? true)
  const queues = makeQueues(metrics)
  const report = ({ error, message }: { readonly error: unknown; readonly message: string }) =>
    log.warn({ err: error }, message)
  const elector = new Elector({
    client,
    namespace: config.namespace,
    name: config.lease,
    identity,
    // The proportions of client-go: a leader gives up well before others take over.
    leaseMs: config.leaseSeconds * 1000,
    renewMs: (config.leaseSeconds * 1000 * 2) / 3,
    retryMs: (config.leaseSeconds * 1000 * 2) / 15,
    onChange: (leads) => {
      metrics.leads(config.lease, leads)
      log.info({ leads }, leads ? 'this replica leads' : 'this replica does not lead')
      if (!leads) {
        metrics.windows.clear()
        notify?.drop()
        return standing.end()
      }
      // Another leader may have let people in meanwhile.
      databases.forgetPeople()
      databases.forgetPools()
      ledger?.forget()
      viewers?.forget()
      peopleMemory.letIn.clear()
      const first = firstKeys(stores)
      standing.begin(first.map(({ queue, key }) => `${queue}/${key}`))
      for (const { queue, key } of first) queues[queue].add(key, 'revoke')
    },
    report,
  })
  const standing = new Standing({
    leads: () => elector.leads(),
    onGives: () => enqueueAll(stores, queues),
  })
  const writer = (fieldManager: string) =>
    new Applier(client, {
      fieldManager,
      statusFieldManager: fieldManagers.status,
      hashAnnotation: annotations.appliedHash,
    })
  const applier = writer(fieldManagers.children)
  const events = new EventRecorder({
    client,
    controller: `${apiGroup}/operator`,
    instance: identity,
    report,
  })
  const databaseMemory = new Map<string, string>()
  const devicesCompared = new Map<string, string>()
  const peopleMemory = { letIn: new Map<string, string>(), ended: new Map<string, string>() }
  const retirement = control && new Retirement(databases, control, identity)
  const ledger = control && new Ledger(control, identity)
  const departures = new Departures(clock.now)
  const onDrift = (uid: string, differences: readonly string[]) => {
    const [object] = stores.customers.by('uid', uid)
    if (!object || object.metadata.deletionTimestamp) return
    const customer = object.metadata.name
    log.warn({ customer, differences }, 'a database was changed by hand; it is repaired')
    metrics.drift(differences.length)
    databaseMemory.delete(uid)
    databases.forgetPeople(uid)
    peopleMemory.letIn.delete(uid)
    queues.customers.add(customer, 'change')
    devicesCompared.delete(object.metadata.uid ?? '')
    enqueueDevices(stores, queues, customerNamespace(customer))
  }
  const notify =
    config.notifications &&
    makeNotify(config.notifications, {
      clock,
      onSettled: (customer) => queues.customers.add(customer, 'resync'),
      report: ({ customer, key, result, error }) => {
        metrics.notice(result)
        if (error === undefined) log.info({ customer, notice: key }, 'a notice has arrived')
        else log.warn({ customer, notice: key, result, err: error }, 'a notice has not arrived')
      },
    })
  const shared = {
    directory,
    notify,
    client,
    applier,
    platform: writer(fieldManagers.platform),
    databases,
    databaseMemory,
    rotationGraceMs: config.databases.rotationGraceSeconds * 1000,
    peopleMemory,
    self: whoAmI(client),
    events,
    clock,
    skewMs: () => countedSkew(client.skewMs()),
    signInURL: config.signInURL,
    leads: () => standing.takesAway(),
    gives: () => standing.gives(),
    reviews: new AccessReviews(client, {
      // Every role that lets somebody in allows it.
      attributes: { verb: 'get', version: 'v1', resource: 'pods' },
    }),
  }
  const stopping = new AbortController()
  const endSessions = endedSessions(stopping.signal, {
    servers: config.databases.servers.map(({ name }) => name),
    endExpired: (signal, server) => databases.endExpired(signal, server),
    onEnded: (server, sessions) => log.info({ server, sessions }, 'sessions ended with their time'),
    onFailure: (server, err) => log.warn({ server, err }, 'sessions past their time may go on'),
  })
  const viewers = control && new Viewers(control)
  const endViewers = endedSessions(stopping.signal, {
    servers: viewers ? [viewers.serverName] : [],
    endExpired: async (signal) => viewers?.endSessions(signal) ?? 0,
    onEnded: (server, sessions) => log.info({ server, sessions }, 'looking at devices has ended'),
    onFailure: (server, err) =>
      log.warn({ server, err }, 'sessions that looked at devices may go on'),
  })
  const customerStores = { ...stores, secrets: secretsIn(stores) }
  const deadlines = {
    // One write of the partner's ends what ends now, for all of its customers; their void bindings
    // are swept afterwards, and a window that begins is no revocation either. Sessions in databases
    // end by one statement per server, and the customer's own run proves it: before what nobody waits for.
    partners: new Deadlines({ onDue: (key) => queues.partners.add(key, 'revoke') }),
    customers: new Deadlines({
      onDue: (key) => {
        endSessions()
        endViewers()
        queues.customers.add(key, 'change')
      },
    }),
    grants: new Deadlines({ onDue: (key) => queues.grants.add(key, 'new') }),
    links: new Deadlines({ onDue: (key) => queues.links.add(key, 'new') }),
    devices: new Deadlines({ onDue: (key) => queues.devices.add(key, 'new') }),
  }
  const reconcilers = {
    customers: customerReconciler({
      ...shared,
      stores: customerStores,
      retirement,
      ledger,
      viewers,
      departures,
      deadlines: deadlines.customers,
    }),
    partners: partnerReconciler({ ...shared, stores, deadlines: deadlines.partners }),
    members: memberReconciler({ ...shared, stores }),
    grants: grantReconciler({
      ...shared,
      stores,
      deadlines: deadlines.grants,
      windows: metrics.windows,
    }),
    links: linkReconciler({
      ...shared,
      stores,
      deadlines: deadlines.links,
      maxCustomers: config.links.maxCustomers,
    }),
    devices: deviceReconciler({
      ...shared,
      stores,
      registry: control && new Registry(databases, control),
      compared: devicesCompared,
      movesAreGuarded: () => !policyIsMissing(stores, 'tenantry-devices'),
      onLeft: (customer) => enqueueDevices(stores, queues, customerNamespace(customer)),
      deadlines: deadlines.devices,
    }),
  } satisfies Record<keyof Queues, (signal: AbortSignal, key: string) => Promise<Result>>
  const controllers = controllerNames.map(
    (name) =>
      new Controller({
        name,
        queue: queues[name],
        workers: name === 'customers' ? config.workers : Math.max(1, config.workers / 2),
        reconcile: async (signal, key) => {
          try {
            return await reconcilers[name](signal, key)
          } finally {
            standing.seen(`${name}/${key}`)
          }
        },
        metrics: metrics.controller,
        isConflict,
        isTerminal: (error) => error instanceof TenantryError && !error.retries,
        onError: (key, error, { id }) =>
          log.error({ controller: name, key, reconcileID: id, err: error }, 'a run failed'),
      }),
  )
  const reflectors = fillEach<Filling>(stores, (store, selection) => {
    const onMissed = (count: number) => metrics.missedEvents(store.resource.plural, count)
    onMissed(0) // seen from the start: what appears with its first count looks like nothing has happened
    return new Reflector(client, store, {
      ...selection,
      report: ({ error, ...problem }) => log.warn({ ...problem, err: error }, 'a watch failed'),
      onMissed,
    })
  })
  let started = false
  return {
    notReady: () => (started ? [] : ['The caches are not filled yet.']),
    run: async (signal) => {
      connectTriggers(stores, queues)
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
      const drift = startDrift(signal, {
        servers: config.databases.servers.map(({ name }) => name),
        everyMs: config.databases.checkSeconds * 1000,
        gives: () => standing.gives(),
        observe: (asking, server) => databases.observe(asking, server),
        isKnown: (uid) => stores.customers.by('uid', uid).length > 0,
        endPeople: async (ending, server, customerUid) => {
          log.warn({ server, customerUid }, 'people of a customer that is gone are taken out')
          await databases.revokePeople(ending, { server, customerUid, except: [] })
        },
        onDrift,
        skewMs: (server) => databases.skewMs(server),
        onSkew: (server, skewMs) => {
          log.warn({ server, skewMs }, "the server's clock and ours differ: logins end early there")
          metrics.skew(server, skewMs)
          for (const { metadata, status } of stores.customers.list()) {
            if (status?.database?.server !== server) continue
            peopleMemory.letIn.delete(databaseUidOf({ metadata, status }))
            queues.customers.add(metadata.name, 'change')
          }
        },
        onFailure: (server, err) => log.warn({ server, err }, 'a server could not be looked at'),
      })
      const pooling = keepPools(signal, {
        servers: config.databases.servers.map(({ name }) => name),
        gives: () => standing.gives(),
        fill: (filling, server) => databases.fillPool(filling, server),
        onFailure: (server, err) => log.warn({ server, err }, 'a warm pool could not be filled'),
      })
      // Of a customer that is gone by force only its server knows who could still sign in.
      stores.customers.onChange(({ after }) => after === undefined && drift.lookNow())
      stores.customers.onChange(({ before, after }) => {
        if (before && !after) departures.record(before)
      })
      const dropping =
        retirement &&
        dropNowAndThen(signal, {
          everyMs: config.databases.checkSeconds * 1000,
          gives: () => standing.gives(),
          dropDue: async (asking) => {
            // Of customers that went by force while nobody watched.
            await ledger?.endAll(asking, isGoneFrom(stores.customers))
            return retirement.dropDue(asking, (uid) => stores.customers.by('uid', uid).length > 0)
          },
          onDropped: ({ id, customerName }) => {
            log.warn({ database: id }, 'a retained database was dropped: its time is over')
            queues.customers.add(customerName, 'change') // a new one of that name may have waited
          },
          onRefused: (database, err) =>
            log.error({ database, err }, 'a retained database could not be dropped'),
        })
      const tidying =
        viewers &&
        keepViewers(signal, {
          everyMs: config.databases.checkSeconds * 1000,
          gives: () => standing.gives(),
          viewers,
          roles: stores.roles,
          remove: (removing, role, secret) =>
            removeReadable(removing, { client, stores: customerStores }, role, secret),
          onFailure: (err) =>
            log.warn({ err }, 'logins of people who left the registry could not be ended'),
        })
      const working = controllers.map((controller) => controller.run(signal))
      // The lease is given back only when nothing of ours is at work any more.
      const releasing = new AbortController()
      const electing = elector.run(releasing.signal)
      await Promise.all(working)
      releasing.abort()
      notify?.drop()
      for (const each of Object.values(deadlines)) each.stop()
      stopping.abort()
      await Promise.all([
        electing,
        watchingSkew,
        offer.stopped,
        drift.stopped,
        pooling,
        dropping,
        tidying,
        ...caches,
      ])
      await events.flush(AbortSignal.timeout(2_000))
      await Promise.all([databases.stop(), control?.stop()])
    },
  }
}

const lookAtSkewMs = 10_000

/** A step of the skew moves every window, so everything is looked at anew. */
async function watchSkew(
  signal: AbortSignal,
  read: () => number,
  onStep: (skewMs: number) => void,
): Promise<void> {
  let known = 0
  while (!signal.aborted) {
    const skewMs = read()
    if (skewMs !== known) onStep(skewMs)
    known = skewMs
    await sleep(signal, lookAtSkewMs).catch(() => {})
  }
}

function makeQueues(metrics: Metrics): Queues {
  const queue = (name: string) =>
    new Queue({ name, lanes, perLane: { revoke: { maxRetryMs: 250 } }, metrics: metrics.queue })
  return {
    customers: queue('customers'),
    partners: queue('partners'),
    members: queue('members'),
    grants: queue('grants'),
    links: queue('links'),
    devices: queue('devices'),
  }
}

/** The operator as the API server knows it, asked once. */
function whoAmI(client: Client): (signal: AbortSignal) => Promise<Subject> {
  let known: Subject | undefined
  return async (signal) => {
    if (known) return known
    const review = {
      apiVersion: apiVersionOf(resources.selfReviews),
      kind: resources.selfReviews.kind,
    }
    const { status } = await client.create(signal, resources.selfReviews, review)
    const name = status?.userInfo?.username
    if (name === undefined) throw new Error('The API server does not say who the operator is.')
    known = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }
    return known
  }
}

/** The stores of the three fixed names as one: a Secret's name says which of them has it. */
function secretsIn(stores: ReturnType<typeof makeStores>) {
  const storeOf = (name: string) => stores.secrets.find((each) => each.name === name)?.store
  return {
    get: (ref: { readonly namespace?: string; readonly name: string }) =>
      storeOf(ref.name)?.get(ref),
    put: (object: Parameters<(typeof stores.secrets)[number]['store']['put']>[0]) =>
      storeOf(object.metadata.name)?.put(object),
  }
}
