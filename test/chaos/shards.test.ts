// Three replicas share three shards over one control plane: each customer is one replica's at a time, what it costs is what it
// costs with one, and a replica that is killed leaves its shard to the others without a late end and without an overlap.
// Holds NO-LATE, ONE-PARTNER, QUIET.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { customerOfSecret, organizationOf } from '../../src/api/names.ts'
import { shardOf } from '../../src/operator/shards.ts'
import type { RunningOperator } from '../../tools/local/operator.ts'
import { customer, grant, member, partner } from '../support/manifests.ts'
import { startProber } from '../support/prober.ts'
import { field, startWorld, text, type AuditEvent, type World } from '../support/world.ts'

const shards = 3
const partners = ['fabrikam', 'lumen', 'proseware'] as const
const count = Number(process.env['TENANTRY_CUSTOMERS'] ?? 60)
const patienceMs = 240_000

const namesOf = (word: string, many: number) =>
  Array.from({ length: many }, (_, at) => `${word}-${at}`)
const shardOfName = (name: string) => shardOf(name, shards)
const personOf = (name: string) => `${name}:tina`

test('three replicas share the customers, and the death of one is felt by nobody for longer than its lease', async () => {
  await using world = await startWorld({
    replicas: 1,
    config: {
      leaseSeconds: 5,
      sharding: { shards },
      // What is swept now and then is swept before anybody looks whether all is at rest.
      databases: { warmPool: 4, checkSeconds: 1 },
    },
  })
  await preparePartners(world)

  // One replica has all shards: what a customer costs.
  const few = namesOf('one', 9)
  await comeToBe(world, few)
  const costs = costsOf(await world.writes(), few)

  await world.startOperator()
  await world.startOperator()
  await untilSpread(world, [1, 1, 1])
  await untilCalm(world)
  const since = (await world.writes()).length
  const many = namesOf('many', count)
  await comeToBe(world, many)
  const written = (await world.writes()).slice(since)
  expectSameCosts(costsOf(written, many), costs)
  // Each shard is one replica's, and each replica has one.
  const agents = agentsByShard(written)
  expect(agents.map((each) => each.size)).toEqual([1, 1, 1])
  expect(new Set(agents.flatMap((each) => [...each])).size).toBe(3)

  // Windows of all of them end while one of the three is killed and the cluster's own switch is off.
  const [victim] = world.operators
  if (!victim) throw new Error('There is no replica.')
  const lags = await killAtTheEnd(world, victim, many)
  console.log(`one of three killed: windows ended ${lags.join(', ')} ms after their end`)
  expect(Math.max(...lags)).toBeLessThan(1_000)
  await untilSpread(world, [1, 2])
  const late = namesOf('late', 9)
  await comeToBe(world, late)
  expect(interleaved(await world.writes())).toEqual([])

  // At rest, and when a third one comes back and takes its share: nothing but leases.
  await untilCalm(world)
  const before = await world.writes()
  await world.startOperator()
  await untilSpread(world, [1, 1, 1])
  await sleep(3_000) // time in which nothing must be written
  expect((await world.writes()).slice(before.length).map(described)).toEqual([])
})

async function preparePartners(world: World): Promise<void> {
  await world.apply(...partners.map((name) => partner(name, { usernames: { prefix: `${name}:` } })))
  await world.until(
    'the partners have namespaces',
    async () => {
      const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
      return partners.every((name) => stdout.includes(`/partner-${name}\n`))
    },
    patienceMs,
  )
  await world.apply(...partners.map((name) => member(`partner-${name}`, personOf(name), 'User')))
}

const partnerOf = (name: string) => partners[Number(name.split('-')[1]) % 3] ?? partners[0]

async function comeToBe(world: World, names: readonly string[]): Promise<void> {
  await world.apply(
    ...names.map((name) =>
      customer(name, {
        partner: { partnerRef: { name: partnerOf(name) }, relationship: 'Invited' },
      }),
    ),
  )
  const wanted = new Set(names)
  await world.until(
    `${names.length} customers are ready`,
    async () => {
      const ready = await readyCustomers(world)
      return [...wanted].every((name) => ready.has(name))
    },
    patienceMs,
  )
}

async function readyCustomers(world: World): Promise<ReadonlySet<string>> {
  const { body } = await world.api.ask('GET', '/apis/tenantry.dev/v1alpha1/customerorganizations')
  const items = field(body, 'items')
  const ready = new Set<string>()
  for (const item of Array.isArray(items) ? items : []) {
    const conditions = field(item, 'status', 'conditions')
    const isReady =
      Array.isArray(conditions) &&
      conditions.some((each) => field(each, 'type') === 'Ready' && field(each, 'status') === 'True')
    if (isReady) ready.add(text(field(item, 'metadata', 'name')))
  }
  return ready
}

/** The leases that each replica holds, fewest first. */
async function untilSpread(world: World, wanted: readonly number[]): Promise<void> {
  await world.until(
    `the shards are spread ${wanted.join(', ')}`,
    async () => {
      const held = await Promise.all(world.operators.map(leasesHeld))
      return JSON.stringify(held.toSorted((a, b) => a - b)) === JSON.stringify(wanted)
    },
    60_000,
  )
}

async function leasesHeld(operator: RunningOperator): Promise<number> {
  const metrics = await operator.metrics(AbortSignal.timeout(5_000))
  return [...metrics.matchAll(/^leader_election_master_status\{.*\} 1$/gm)].length
}

/** Nothing was written for a while. */
async function untilCalm(world: World): Promise<void> {
  let seen = -1
  await world.until(
    'nothing is written any more',
    async () => {
      const { length } = await world.writes()
      const isCalm = length === seen
      seen = length
      if (!isCalm) await sleep(2_000)
      return isCalm
    },
    patienceMs,
  )
}

/** How late each of some ended, of every shard one, in ms. */
async function killAtTheEnd(
  world: World,
  victim: RunningOperator,
  names: readonly string[],
): Promise<readonly number[]> {
  const isIn = async (name: string) =>
    world.can(personOf(partnerOf(name)), 'get', 'pods', `customer-${name}`)
  const areIn = async () => (await Promise.all(names.map(isIn))).every(Boolean)
  const end = await giveWindows(world, names, areIn)
  const probed = Array.from({ length: shards }, (_, shard) =>
    names.find((name) => shardOfName(name) === shard),
  ).filter((name) => name !== undefined)
  const { manager } = world.platform.plane.pids
  const probers = probed.map((name) =>
    startProber(world.platform.plane.kubeconfig, personOf(partnerOf(name)), `customer-${name}`, 5),
  )
  try {
    process.kill(manager, 'SIGSTOP')
    await sleep(Math.max(0, end - Date.now() - 250))
    await victim.kill()
    world.operators.splice(world.operators.indexOf(victim), 1)
    // Only the probers ask in these seconds: sixty questions at a time would be a load of their own.
    await sleep(end - Date.now() + 3_000)
    await Promise.all(probers.map((prober) => prober.stop()))
    expect((await Promise.all(names.map(isIn))).filter(Boolean)).toEqual([])
  } finally {
    process.kill(manager, 'SIGCONT')
  }
  const voided = (await world.writes())
    .filter(
      ({ verb, resource, name }) =>
        verb === 'delete' && resource === 'clusterroles' && name.endsWith(`:${end / 1000}`),
    )
    .map(({ name, at, code }) => `${name} ${code} after ${at - end} ms`)
  console.log(`what voids them was answered: ${voided.join(', ')}`)
  return probers.map((prober) => Math.max(0, (prober.lastYes() ?? end) - end))
}

/** @returns the end of a window that all are in; a machine that is too slow for the first one gets one that is twice as long */
async function giveWindows(
  world: World,
  names: readonly string[],
  areIn: () => Promise<boolean>,
): Promise<number> {
  for (const seconds of [45, 90, 180]) {
    const end = Math.ceil(Date.now() / 1000 + seconds) * 1000
    const technicians = (name: string) => [
      { name: personOf(partnerOf(name)), notAfter: new Date(end).toISOString() },
    ]
    await world.apply(
      ...names.map((name) => grant(name, partnerOf(name), { technicians: technicians(name) })),
    )
    console.log(`windows of ${seconds} s were written with ${end - Date.now()} ms to go`)
    while (Date.now() < end - 2_000) {
      if ((await areIn()) && Date.now() < end - 1_000) return end
      await sleep(25)
    }
    await sleep(Math.max(0, end - Date.now()) + 1_000) // nobody is in by this one when the next is asked about
  }
  throw new Error('No window was long enough for all to be in before its end.')
}

/** Whose an object is that was written; `undefined`: several share it, and any of them may write it. */
function organizationIn({ resource, name, namespace }: AuditEvent): string | undefined {
  if (/^(customer|partner)organizations$/.test(resource)) return name
  if (resource === 'namespaces') return organizationOf(name)?.name
  const owner = organizationOf(namespace)
  if (owner?.kind === 'customer') return owner.name
  if (resource === 'customerlinks') return name
  if (resource === 'secrets') return customerOfSecret(name)
  return /^(organizationmembers|identityproviders)$/.test(resource) ? owner?.name : undefined
}

/** What any replica takes away when its time is over. */
function anyReplicaMay({ verb, resource }: AuditEvent): boolean {
  return verb === 'delete' && resource === 'rolebindings'
}

type Written = { readonly shard: number; readonly agent: string; readonly event: AuditEvent }

function byShard(events: readonly AuditEvent[]): readonly Written[] {
  return events
    .filter((event) => event.resource !== 'events' && !anyReplicaMay(event))
    .flatMap((event) => {
      const name = organizationIn(event)
      return name === undefined ? [] : [{ shard: shardOfName(name), agent: event.agent, event }]
    })
}

function agentsByShard(events: readonly AuditEvent[]): readonly ReadonlySet<string>[] {
  const agents = Array.from({ length: shards }, () => new Set<string>())
  for (const { shard, agent } of byShard(events)) agents[shard]?.add(agent)
  return agents
}

/** Writes of a replica for a shard after another one had begun to write there. */
function interleaved(events: readonly AuditEvent[]): readonly string[] {
  const found: string[] = []
  for (let shard = 0; shard < shards; shard += 1) {
    const gone = new Set<string>()
    let last: string | undefined
    for (const { agent, event } of byShard(events).filter((each) => each.shard === shard)) {
      if (last !== undefined && agent !== last) gone.add(last)
      if (gone.has(agent)) found.push(described(event))
      last = agent
    }
  }
  return found
}

function described({ verb, resource, subresource, namespace, name, agent }: AuditEvent): string {
  return `${verb} ${resource}${subresource && `/${subresource}`} ${namespace}/${name} by ${agent}`
}

/** How many changes one status write tells of depends on when they come: one more or less says nothing. */
function expectSameCosts(
  found: Readonly<Record<string, number>>,
  wanted: Readonly<Record<string, number>>,
): void {
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(wanted).toSorted())
  for (const [what, count] of Object.entries(found)) {
    const differs = Math.abs(count - (wanted[what] ?? 0))
    expect(differs, what).toBeLessThanOrEqual(what.endsWith('/status') ? 1 : 0)
  }
}

/** What a customer of these takes in the middle, by verb and resource: one that met a conflict does not count for all. */
function costsOf(events: readonly AuditEvent[], names: readonly string[]) {
  const wanted = new Set(names)
  const counts = new Map<string, Map<string, number>>()
  for (const event of events) {
    const name = event.resource === 'events' ? undefined : organizationIn(event)
    if (name === undefined || !wanted.has(name) || event.code >= 400) continue
    const what = `${event.verb} ${event.resource}${event.subresource && `/${event.subresource}`}`
    const of = counts.get(what) ?? new Map<string, number>()
    of.set(name, (of.get(name) ?? 0) + 1)
    counts.set(what, of)
  }
  const middle = (of: ReadonlyMap<string, number>) =>
    names.map((name) => of.get(name) ?? 0).toSorted((a, b) => a - b)[names.length >> 1] ?? 0
  return Object.fromEntries(
    [...counts]
      .map(([what, of]) => [what, middle(of)] as const)
      .filter(([, middleOf]) => middleOf > 0),
  )
}
