// Wires the operator: caches, writers, databases, one controller per kind; starts them in order and
// stops them in reverse. Every replica runs all controllers, since every replica takes away at
// deadlines; only the leader gives.

import { countedSkew } from '../access/window.ts'
import type { OperatorConfig } from '../api/config.ts'
import { TenantryError } from '../api/errors.ts'
import { annotations, apiGroup, fieldManagers } from '../api/names.ts'
import { apiVersionOf, resources, type Subject } from '../api/resources.ts'
import { customerReconciler } from '../customers/reconciler.ts'
import type { Databases } from '../databases/databases.ts'
import { deviceReconciler } from '../devices/reconciler.ts'
import { grantReconciler } from '../grants/reconciler.ts'
import { linkReconciler } from '../links/reconciler.ts'
import { memberReconciler } from '../members/reconciler.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
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
import { fillEach, makeStores } from './stores.ts'
import { Standing } from './standing.ts'
import {
  connectTriggers,
  controllerNames,
  enqueueAll,
  firstKeys,
  lanes,
  type Queues,
} from './triggers.ts'

export type OperatorParts = {
  readonly config: OperatorConfig
  readonly client: Client
  readonly databases: Databases
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
  const { config, client, databases, log, metrics, identity } = parts
  const clock = parts.clock ?? { now: () => Date.now() }
  const stores = makeStores()
  const directory = directoryOf(stores)
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
      if (!leads) return standing.end()
      // Another leader may have let people in meanwhile.
      databases.forgetPeople()
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
  const peopleMemory = { letIn: new Map<string, string>(), ended: new Map<string, string>() }
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
  }
  const shared = {
    directory,
    client,
    applier,
    platform: writer(fieldManagers.platform),
    databases,
    databaseMemory,
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
  const customerStores = { ...stores, secrets: secretsIn(stores) }
  const deadlines = {
    // One write of the partner's ends what ends now, for all of its customers; their void bindings
    // are swept afterwards, and a window that begins is no revocation either. Sessions in databases
    // end by the customer's own run: before what nobody waits for.
    partners: new Deadlines({ onDue: (key) => queues.partners.add(key, 'revoke') }),
    customers: new Deadlines({ onDue: (key) => queues.customers.add(key, 'change') }),
    grants: new Deadlines({ onDue: (key) => queues.grants.add(key, 'new') }),
    links: new Deadlines({ onDue: (key) => queues.links.add(key, 'new') }),
  }
  const reconcilers = {
    customers: customerReconciler({
      ...shared,
      stores: customerStores,
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
    links: linkReconciler({ ...shared, stores, deadlines: deadlines.links }),
    devices: deviceReconciler({ ...shared, devices: stores.devices }),
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
  const reflectors = fillEach<Filling>(
    stores,
    (store, selection) =>
      new Reflector(client, store, {
        ...selection,
        report: ({ error, ...problem }) => log.warn({ ...problem, err: error }, 'a watch failed'),
        onMissed: (count) => metrics.missedEvents(store.resource.plural, count),
      }),
  )
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
      const watchingSkew = watchSkew(
        signal,
        () => countedSkew(client.skewMs()),
        (skewMs) => {
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
        onFailure: (server, err) => log.warn({ server, err }, 'a server could not be looked at'),
      })
      // Of a customer that is gone by force only its server knows who could still sign in.
      stores.customers.onChange(({ after }) => after === undefined && drift.lookNow())
      const working = controllers.map((controller) => controller.run(signal))
      // The lease is given back only when nothing of ours is at work any more.
      const releasing = new AbortController()
      const electing = elector.run(releasing.signal)
      await Promise.all(working)
      releasing.abort()
      for (const each of Object.values(deadlines)) each.stop()
      await Promise.all([electing, watchingSkew, drift.stopped, ...caches])
      await events.flush(AbortSignal.timeout(2_000))
      await databases.stop()
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
