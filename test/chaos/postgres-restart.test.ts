// PostgreSQL is killed and restarted, three times, under 200 customers that are being created. All of them converge, each with one
// database and no more, and meanwhile no condition says what is not so. Holds PROVEN, NOTHING-LOST, ISOLATED.
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { databaseName } from '../../src/databases/names.ts'
import type { LocalPostgres } from '../../tools/postgres/start.ts'
import { customer } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const { signal } = new AbortController()
const count = Number(process.env['TENANTRY_CUSTOMERS'] ?? 200)
const names = Array.from({ length: count }, (_, at) => `storm-${at}`)

type Stand = {
  readonly name: string
  readonly uid: string
  readonly says: string
  readonly message: string
}

test(`${count} customers come while PostgreSQL is killed three times: all converge, and conditions tell the truth`, async () => {
  await using world = await startWorld({ config: { databases: { warmPool: 4 } } })
  const { postgres } = world.platform
  if (!postgres) throw new Error('There is no PostgreSQL.')
  const began = performance.now()
  let downMs = 0
  await world.apply(...names.map((name) => customer(name)))

  for (const share of [0.1, 0.3, 0.6]) {
    await world.until(
      `${share} of them stand`,
      async () => readyIn(await standOf(world)).length >= share * count,
      120_000,
    )
    await postgres.kill()
    const killed = performance.now()
    await sleep(300) // what was proven before the kill is being written
    const before = readyIn(await standOf(world))
    const untrue: unknown[] = []
    await world.until(
      'everybody who was at it says for what they wait',
      async () => {
        const meanwhile = await standOf(world)
        const waiting = meanwhile.filter(({ says }) => says !== 'True/Ready')
        untrue.push(...waiting.filter((each) => !isTrueWithoutServer(each)))
        // PROVEN: nobody becomes ready without a server, and of nobody who was it is said that it is not.
        untrue.push(...difference(before, readyIn(meanwhile)))
        // Whoever was placed before the kill is told soon; the others come one by one.
        const said = waiting.map(({ says }) => says)
        return said.includes('False/DatabaseServerUnreachable') && !said.includes('False/Proving')
      },
      30_000,
    )
    expect(untrue).toEqual([])
    await postgres.restart(signal)
    const back = performance.now()
    downMs += back - killed
    // What was called ready is there, with its mark, and open.
    const found = await databasesOn(postgres)
    const customers = await standOf(world)
    const ready = customers.filter(({ name }) => before.includes(name))
    for (const { uid } of ready) expect(found.get(databaseName(uid))).toBe(`tenantry:${uid} open`)
    await world.until(
      'one more stands',
      async () => readyIn(await standOf(world)).length > before.length,
      60_000,
    )
    console.log(
      `down for ${seconds(back - killed)} s with ${before.length} ready; the next one was ready ${seconds(performance.now() - back)} s after it came back`,
    )
  }

  await world.until(
    'all of them stand',
    async () => readyIn(await standOf(world)).length === count,
    240_000,
  )
  console.log(
    `${count} customers, three kills: ${seconds(performance.now() - began)} s, ${seconds(downMs)} s of it without a server`,
  )
  const customers = await standOf(world)
  // One each, none left over, none of the pool open to anybody.
  const found = [...(await databasesOn(postgres))].map(([name, stands]) => `${name} ${stands}`)
  const wanted = customers.map(({ uid }) => `${databaseName(uid)} tenantry:${uid} open`)
  expect(found.filter((each) => each.startsWith('t_')).toSorted()).toEqual(wanted.toSorted())
  const pooled = found.filter((each) => each.startsWith('tenantry_pool_'))
  expect(pooled.filter((each) => each.endsWith(' open'))).toEqual([])
  for (const name of names.filter((_, at) => at % 20 === 0)) {
    const client = await world.loginAs(`customer-${name}`, 'database-rw')
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await client.end()
  }
}, 600_000)

/** Not looked at yet, placed and waiting, or: the server does not answer, and what to do. Nothing else is so. */
function isTrueWithoutServer({ says, message }: Stand): boolean {
  const isNamed = /^PostgreSQL server \S+ does not answer\. Check the server/.test(message)
  return says === 'False/DatabaseServerUnreachable' ? isNamed : /^(none|False\/Proving)$/.test(says)
}

function difference(one: readonly string[], other: readonly string[]): readonly string[] {
  return [
    ...one.filter((each) => !other.includes(each)),
    ...other.filter((each) => !one.includes(each)),
  ]
}

/** By name: the mark, and whether it is open. */
async function databasesOn(postgres: LocalPostgres): Promise<ReadonlyMap<string, string>> {
  const admin = new Client({ connectionString: postgres.url, ssl: { ca: postgres.ca } })
  await admin.connect()
  const { rows } = await admin.query<{ name: string; stands: string }>(
    `SELECT datname::text AS name,
       concat(shobj_description(oid, 'pg_database'), CASE WHEN datallowconn THEN ' open' ELSE ' closed' END) AS stands
     FROM pg_database WHERE datname ~ '^(t_|tenantry_pool_)'`,
  )
  await admin.end()
  return new Map(rows.map(({ name, stands }) => [name, stands]))
}

async function standOf(world: World): Promise<readonly Stand[]> {
  const { body } = await world.api.ask('GET', '/apis/tenantry.dev/v1alpha1/customerorganizations')
  const items = field(body, 'items')
  if (!Array.isArray(items)) return []
  return items.map((item) => {
    const conditions = field(item, 'status', 'conditions')
    const found: unknown = Array.isArray(conditions)
      ? conditions.find((each) => field(each, 'type') === 'DatabaseReady')
      : undefined
    return {
      name: text(field(item, 'metadata', 'name')),
      uid: text(field(item, 'metadata', 'uid')),
      says: found ? `${text(field(found, 'status'))}/${text(field(found, 'reason'))}` : 'none',
      message: text(field(found, 'message')),
    }
  })
}

function readyIn(stands: readonly Stand[]): readonly string[] {
  return stands.filter(({ says }) => says === 'True/Ready').map(({ name }) => name)
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}
