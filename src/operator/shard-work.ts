// What a replica does for one shard: the reconcilers of all kinds, and what they remember. Nothing that is remembered of one
// shard is another's, so that a shard which comes back finds nothing that a second replica may have changed meanwhile. Every
// replica runs all keys of all shards, since every replica takes away at deadlines; what it may do beyond that the shard says.

import type { OperatorConfig } from '../api/config.ts'
import { customerNamespace } from '../api/names.ts'
import type { Departures } from '../customers/departures.ts'
import { isGoneFrom } from '../customers/ledger.ts'
import { customerReconciler } from '../customers/reconciler.ts'
import type { Ports as CustomerPorts } from '../customers/ports.ts'
import type { Control } from '../databases/control/control.ts'
import { Ledger } from '../databases/control/ledger.ts'
import type { SignIns } from '../databases/control/sign-ins.ts'
import type { Databases } from '../databases/databases.ts'
import { databaseUidOf } from '../databases/names.ts'
import { Registry } from '../databases/registry/registry.ts'
import type { Viewers } from '../databases/registry/viewers.ts'
import type { Retirement } from '../databases/retirement.ts'
import { deviceReconciler } from '../devices/reconciler.ts'
import { grantReconciler } from '../grants/reconciler.ts'
import { linkReconciler } from '../links/reconciler.ts'
import { memberReconciler } from '../members/reconciler.ts'
import { makeNotify } from '../notify/port.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { partnerReconciler } from '../partners/reconciler.ts'
import type { Result, Run } from '../runtime/index.ts'
import type { Shard } from './leadership.ts'
import { policyIsMissing } from './policies.ts'
import type { AllDeadlines } from './queues.ts'
import { secretsIn, type Stores } from './stores.ts'
import { enqueueLeft } from './concerns.ts'
import type { Additions, ControllerName } from './lanes.ts'

/** What all shards share. */
export type ShardParts = {
  readonly config: OperatorConfig
  readonly stores: Stores
  readonly queues: Additions
  readonly deadlines: AllDeadlines
  readonly databases: Databases
  /** Undefined, and with it all that lies there: none is configured. */
  readonly control: Control | undefined
  readonly retirement: Retirement | undefined
  readonly signIns: SignIns | undefined
  readonly viewers: Viewers | undefined
  readonly departures: Departures
  readonly metrics: Metrics
  readonly log: Log
  readonly identity: string
  /** What a run of any kind reaches. */
  readonly ports: Pick<
    CustomerPorts,
    | 'directory'
    | 'client'
    | 'applier'
    | 'platform'
    | 'self'
    | 'events'
    | 'clock'
    | 'skewMs'
    | 'reviews'
    | 'isGone'
  >
}

export type ShardWork = {
  readonly reconcilers: Readonly<
    Record<ControllerName, (signal: AbortSignal, key: string, run: Run) => Promise<Result>>
  >
  readonly ledger: Ledger | undefined
  /** The shard is ours: another replica may have written anything meanwhile. */
  readonly begin: () => void
  /** It is ours no more. */
  readonly end: () => void
  /** What was proven of this database is not so any more. */
  readonly forgetDatabase: (databaseUid: string, customerUid: string) => void
  /** Ends were told to its server by a clock that counts otherwise now. */
  readonly forgetPeople: (databaseUid: string) => void
  /** Nobody may enter for customers that went by force while nobody watched. */
  readonly endGone: (signal: AbortSignal) => Promise<void>
}

/** @param owns whether an organization of this name is in this shard */
export function shardWork(
  shard: Shard,
  owns: (organization: string) => boolean,
  parts: ShardParts,
): ShardWork {
  const { config, stores, queues, deadlines, databases, control, metrics, log, identity } = parts
  const { signIns, viewers } = parts
  const databaseMemory = new Map<string, string>()
  const compared = new Map<string, string>()
  const peopleMemory = { letIn: new Map<string, string>(), ended: new Map<string, string>() }
  const ledger = control && new Ledger(control, identity, owns)
  const notify =
    config.notifications &&
    makeNotify(config.notifications, {
      clock: parts.ports.clock,
      onSettled: (customer) => queues.customers.add(customer, 'resync'),
      report: ({ customer, key, result, error }) => {
        metrics.notice(result)
        if (error === undefined) log.info({ customer, notice: key }, 'a notice has arrived')
        else log.warn({ customer, notice: key, result, err: error }, 'a notice has not arrived')
      },
    })
  const ports = {
    ...parts.ports,
    notify,
    databases,
    databaseMemory,
    peopleMemory,
    rotationGraceMs: config.databases.rotationGraceSeconds * 1000,
    signInURL: config.signInURL,
    leads: () => shard.takesAway(),
    gives: () => shard.gives(),
  }
  return {
    ledger,
    reconcilers: {
      customers: customerReconciler({
        ...ports,
        stores: { ...stores, secrets: secretsIn(stores) },
        retirement: parts.retirement,
        ledger,
        viewers,
        departures: parts.departures,
        deadlines: deadlines.customers,
        sessionEnds: deadlines.sessions,
      }),
      partners: partnerReconciler({ ...ports, stores, deadlines: deadlines.partners }),
      members: memberReconciler({ ...ports, stores, signIns }),
      grants: grantReconciler({
        ...ports,
        stores,
        deadlines: deadlines.grants,
        windows: metrics.windows,
      }),
      links: linkReconciler({
        ...ports,
        stores,
        deadlines: deadlines.links,
        maxCustomers: config.links.maxCustomers,
      }),
      devices: deviceReconciler({
        ...ports,
        stores,
        registry: control && new Registry(databases, control),
        compared,
        movesAreGuarded: () => !policyIsMissing(stores, 'tenantry-devices'),
        onLeft: (customer, left) => enqueueLeft(stores, queues, customerNamespace(customer), left),
        deadlines: deadlines.devices,
      }),
    },
    begin: () => {
      for (const customer of stores.customers.list()) {
        if (owns(customer.metadata.name)) databases.forgetPeople(databaseUidOf(customer))
      }
      databases.forgetPools()
      ledger?.forget()
      signIns?.forget()
      viewers?.forget()
      peopleMemory.letIn.clear()
    },
    end: () => {
      metrics.windows.clear(owns)
      notify?.drop()
    },
    forgetDatabase: (databaseUid, customerUid) => {
      databaseMemory.delete(databaseUid)
      databases.forgetPeople(databaseUid)
      peopleMemory.letIn.delete(databaseUid)
      compared.delete(customerUid)
    },
    forgetPeople: (databaseUid) => peopleMemory.letIn.delete(databaseUid),
    endGone: async (signal) => ledger?.endAll(signal, isGoneFrom(stores.customers)),
  }
}
