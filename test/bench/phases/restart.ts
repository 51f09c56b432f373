// P6: the operator is killed and another starts: until it answers ready and has nothing left to do, and
// what it wrote meanwhile. Beside it a bare client that fetches and parses the same lists. The dead one
// still holds the lease; how long that keeps the next from leading is told on a line of its own.
import { setTimeout as sleep } from 'node:timers/promises'
import { labels, managedBy } from '../../../src/api/names.ts'
import { resources } from '../../../src/api/resources.ts'
import type { Client, ResourceOf } from '../../../src/runtime/index.ts'
import { countRequests } from '../audit.ts'
import type { Bench, Phase } from '../bench.ts'
import { until, untilQuiet } from '../world.ts'

const settleMs = 3_000
const patienceMs = 600_000
const pageSize = 500

export const restart: Phase = { name: 'restart', world: 'large', run }

async function run({ signal, world, say }: Bench) {
  await untilQuiet(signal, world, settleMs) // else the next one would do what this one had left
  const bareBegun = performance.now()
  const objects = await listAll(signal, world.clients.bare)
  const bareMs = performance.now() - bareBegun
  say(`restart: the bare client has listed ${objects} objects`)
  await world.operator.kill()
  const begun = performance.now()
  const { port } = await world.startOperator()
  const holds = (path: string) => async () => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal }).catch(() => undefined)
    return answer?.ok === true
  }
  await until(signal, 'The operator is ready', holds('/readyz'), patienceMs)
  const readyMs = performance.now() - begun
  const idle = async () =>
    (await world.metric('workqueue_depth')) === 0 &&
    (await world.metric('workqueue_unfinished_work_seconds')) === 0
  await until(signal, 'The queues are empty', idle, patienceMs)
  const emptyMs = performance.now() - begun
  say(`restart: ready after ${(readyMs / 1000).toFixed(1)} s`)
  const leads = async () => (await world.metric('leader_election_master_status')) > 0
  await until(signal, 'The operator leads', leads, patienceMs)
  const leadsMs = performance.now() - begun
  await until(signal, 'The queues are empty again', idle, patienceMs)
  const doneMs = performance.now() - begun
  await sleep(settleMs, undefined, { signal })
  const { groups, writes } = countRequests(await world.audit.next())
  return {
    figures: [
      {
        what: 'killed to ready, with empty queues',
        value: emptyMs / 1000,
        bare: bareMs / 1000,
        unit: 's',
        goal: 'restart' as const,
      },
      {
        what: '… until it leads (the lease of the dead runs out)',
        value: leadsMs / 1000,
        unit: 's',
      },
      { what: '… until the leader has nothing left to do', value: doneMs / 1000, unit: 's' },
      {
        what: 'writes after a restart',
        value: groups.get('write') ?? 0,
        unit: '',
        goal: 'restartWrites' as const,
      },
      { what: 'access reviews after a restart', value: groups.get('proof') ?? 0, unit: '' },
    ],
    details: {
      readyMs,
      emptyMs,
      leadsMs,
      doneMs,
      bareMs,
      objects,
      groups: Object.fromEntries(groups),
      writes: Object.fromEntries(writes),
    },
  }
}

/** What an operator must know of customers, page by page. */
async function listAll(signal: AbortSignal, client: Client): Promise<number> {
  const ours = { labelSelector: `${labels.managedBy}=${managedBy}` }
  const lists: readonly (readonly [ResourceOf<unknown>, object])[] = [
    [resources.customers, {}],
    [resources.links, {}],
    [resources.namespaces, { metadataOnly: true }],
    [resources.quotas, ours],
    [resources.limitRanges, ours],
    [resources.networkPolicies, ours],
    [resources.roleBindings, ours],
  ]
  const counts = await Promise.all(
    lists.map(async ([resource, selection]) => {
      let count = 0
      let next: string | undefined
      do {
        const page = await client.list(signal, resource, {
          ...selection,
          limit: pageSize,
          ...(next !== undefined && { continue: next }),
        })
        count += page.items.length
        next = page.continue
      } while (next)
      return count
    }),
  )
  return counts.reduce((total, count) => total + count, 0)
}
