// What a replica looks after beside the runs of single objects: databases that were changed by hand, warm pools, databases whose
// time is over, logins that nobody needs. Of what belongs to customers it looks after those of its shards; what belongs to a
// whole server is looked after by the replica that has the first shard. Holds NOTHING-LOST, QUIET.

import { customerNamespace, labels, registrySecret } from '../api/names.ts'
import { resources, type RbacRole } from '../api/resources.ts'
import { removeReadable } from '../customers/person-secret.ts'
import { databaseUidOf } from '../databases/names.ts'
import type { Client } from '../runtime/index.ts'
import { startDrift } from './drift.ts'
import { dropNowAndThen } from './dropping.ts'
import type { Leadership, Shard } from './leadership.ts'
import { keepPools } from './pools.ts'
import type { ShardParts, ShardWork } from './shard-work.ts'
import { uidsOf } from './stores.ts'
import { enqueueDevices } from './concerns.ts'
import { keepViewers } from './viewers.ts'

export type UpkeepParts = ShardParts & {
  readonly leadership: Leadership
  readonly works: ReadonlyMap<Shard, ShardWork>
}

/** Until the signal. */
export async function keepUp(signal: AbortSignal, parts: UpkeepParts): Promise<void> {
  const { config, stores, databases, leadership, log } = parts
  const servers = config.databases.servers.map(({ name }) => name)
  const everyMs = config.databases.checkSeconds * 1000
  const drift = watchDrift(signal, parts, { servers, everyMs })
  // Of a customer that is gone by force only its server knows who could still sign in.
  stores.customers.onChange(({ after }) => after === undefined && drift.lookNow())
  stores.customers.onChange(({ before, after }) => {
    if (before && !after) parts.departures.record(before)
    // Another replica has taken a database from a pool that is known here as full.
    const hasChanged = after && before?.status?.database?.state !== after.status?.database?.state
    if (hasChanged && !leadership.of(after.metadata.name).takesAway()) databases.forgetPools()
  })
  await Promise.all([
    drift.stopped,
    keepPools(signal, {
      servers,
      gives: () => leadership.first.gives(),
      fill: (filling, server) => databases.fillPool(filling, server),
      forget: () => databases.forgetPools(),
      onFailure: (server, err) => log.warn({ server, err }, 'a warm pool could not be filled'),
    }),
    dropRetained(signal, parts, everyMs),
    tidyViewers(signal, parts, everyMs),
  ])
}

function watchDrift(
  signal: AbortSignal,
  parts: UpkeepParts,
  { servers, everyMs }: { readonly servers: readonly string[]; readonly everyMs: number },
) {
  const { stores, queues, databases, ports, leadership, works, metrics, log } = parts
  return startDrift(signal, {
    servers,
    everyMs,
    gives: () => leadership.shards.some((shard) => shard.gives()),
    observe: (asking, server) => databases.observe(asking, server),
    isKnown: (uid) => stores.customers.by('uid', uid).length > 0,
    endPeople: async (ending, server, customerUid) => {
      if (!leadership.first.gives() || (await exists(ending, ports.client, customerUid))) return
      log.warn({ server, customerUid }, 'people of a customer that is gone are taken out')
      await databases.revokePeople(ending, { server, customerUid, except: [] })
    },
    onDrift: (uid, differences) => {
      const [object] = stores.customers.by('uid', uid)
      if (!object || object.metadata.deletionTimestamp) return
      const customer = object.metadata.name
      const shard = leadership.of(customer)
      if (!shard.gives()) return
      log.warn({ customer, differences }, 'a database was changed by hand; it is repaired')
      metrics.drift(differences.length)
      works.get(shard)?.forgetDatabase(uid, object.metadata.uid ?? '')
      queues.customers.add(customer, 'change')
      enqueueDevices(stores, queues, customerNamespace(customer))
    },
    skewMs: (server) => databases.skewMs(server),
    onSkew: (server, skewMs) => {
      log.warn({ server, skewMs }, "the server's clock and ours differ: logins end early there")
      metrics.skew(server, skewMs)
      for (const customer of stores.customers.list()) {
        if (customer.status?.database?.server !== server) continue
        const { name } = customer.metadata
        works.get(leadership.of(name))?.forgetPeople(databaseUidOf(customer))
        queues.customers.add(name, 'change')
      }
    },
    onFailure: (server, err) => log.warn({ server, err }, 'a server could not be looked at'),
  })
}

/** Asked of the API server: another replica may have let people in for a customer that our cache has not heard of yet. */
async function exists(signal: AbortSignal, client: Client, customerUid: string): Promise<boolean> {
  const { items } = await client.list(signal, resources.customers)
  return items.some((customer) => uidsOf(customer).includes(customerUid))
}

async function dropRetained(
  signal: AbortSignal,
  { stores, queues, retirement, leadership, works, log }: UpkeepParts,
  everyMs: number,
): Promise<void> {
  if (!retirement) return
  await dropNowAndThen(signal, {
    everyMs,
    gives: () => leadership.shards.some((shard) => shard.gives()),
    dropDue: async (asking) => {
      for (const [shard, work] of works) if (shard.gives()) await work.endGone(asking)
      const isInUse = (uid: string) => stores.customers.by('uid', uid).length > 0
      return retirement.dropDue(asking, isInUse, (name) => leadership.of(name).gives())
    },
    onDropped: ({ id, customerName }) => {
      log.warn({ database: id }, 'a retained database was dropped: its time is over')
      queues.customers.add(customerName, 'change') // a new one of that name may have waited
    },
    onRefused: (database, err) =>
      log.error({ database, err }, 'a retained database could not be dropped'),
  })
}

async function tidyViewers(
  signal: AbortSignal,
  { stores, viewers, ports: { client }, leadership, log }: UpkeepParts,
  everyMs: number,
): Promise<void> {
  if (!viewers) return
  // Whoever gives up a login unlists its Secret; it may have been another replica.
  stores.roles.onChange(({ before, after }) => {
    if (before && listsLogin(before) && !(after && listsLogin(after))) {
      viewers.forget(before.metadata.labels?.[labels.person])
    }
  })
  await keepViewers(signal, {
    everyMs,
    gives: () => leadership.first.gives(),
    viewers,
    roles: stores.roles,
    remove: (removing, role, secret) => removeReadable(removing, { client, stores }, role, secret),
    onFailure: (err) =>
      log.warn({ err }, 'logins of people who left the registry could not be ended'),
  })
}

function listsLogin({ metadata, rules }: RbacRole): boolean {
  const secret = registrySecret(metadata.labels?.[labels.person] ?? '')
  return (rules ?? []).some(({ resourceNames }) => resourceNames?.includes(secret))
}
