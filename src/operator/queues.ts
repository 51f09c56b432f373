// The queues and deadlines of a replica, one of each per controller.

import type { Metrics } from '../observe/metrics.ts'
import { Deadlines, Queue, type QueueOptions } from '../runtime/index.ts'
import { lanes, type Additions, type ControllerName, type Queues } from './lanes.ts'

export function makeQueues(metrics: Metrics): Queues {
  const queue = (name: string, settling: Pick<QueueOptions, 'settleMs'> = {}) =>
    new Queue({
      name,
      lanes,
      perLane: { revoke: { maxRetryMs: 250 } },
      metrics: metrics.queue,
      ...settling,
    })
  return {
    customers: queue('customers'),
    partners: queue('partners'),
    members: queue('members', telling),
    grants: queue('grants', telling),
    links: queue('links', telling),
    devices: queue('devices', nextTurn),
  }
}

/**
 * These tell what the others do. Of one change, whatever it takes away is gone and proven by then, and what they say of it they
 * say once: three writes of status at once would keep the API server from its next no for as long as the taking took.
 */
const telling = { settleMs: 25 }
/** By then the others have sent what is urgent. */
const nextTurn = { settleMs: 1 }

/** What is due with a partner's write comes so much later, in ms. */
const afterMs = 5

export type AllDeadlines = ReturnType<typeof makeDeadlines>

/** @param onWindowsEnd windows of some customer begin or end now */
export function makeDeadlines(queues: Additions, onWindowsEnd: () => void) {
  return {
    // One write of the partner's ends what ends now, for all of its customers; their void bindings
    // are swept afterwards, and a window that begins is no revocation either. To enqueue thousands takes
    // longer than to send that write, so that they are not so much as due at the same moment.
    partners: new Deadlines({ onDue: (key) => queues.partners.add(key, 'revoke') }),
    // Sessions in databases end by one statement per server, and the customer's own run proves it.
    sessions: new Deadlines({ onDue: onWindowsEnd }),
    customers: new Deadlines({
      afterMs,
      onDue: (key) => {
        onWindowsEnd()
        queues.customers.add(key, 'change')
      },
    }),
    grants: new Deadlines({ afterMs, onDue: (key) => queues.grants.add(key, 'new') }),
    links: new Deadlines({ afterMs, onDue: (key) => queues.links.add(key, 'new') }),
    devices: new Deadlines({ afterMs, onDue: (key) => queues.devices.add(key, 'new') }),
  }
}

/** Takes only these keys. */
export function onlyThose(
  queues: Queues,
  isWanted: (controller: ControllerName, key: string) => boolean,
): Additions {
  const only = (name: ControllerName): Additions[ControllerName] => ({
    add: (key, lane) => {
      if (isWanted(name, key)) queues[name].add(key, lane)
    },
    addAfter: (key, lane, delayMs) => {
      if (isWanted(name, key)) queues[name].addAfter(key, lane, delayMs)
    },
    isRunning: (key) => queues[name].isRunning(key),
  })
  return {
    customers: only('customers'),
    partners: only('partners'),
    members: only('members'),
    grants: only('grants'),
    links: only('links'),
    devices: only('devices'),
  }
}
