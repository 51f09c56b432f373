// PostgreSQL is killed and restarted, three times, under 200 customers that are being created. All of them converge, each with one
// database and no more, and meanwhile no condition says what is not so. Holds PROVEN, NOTHING-LOST, ISOLATED.
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { databaseName } from '../../src/databases/names.ts'
import { customer } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const { signal } = new AbortController()
const count = Number(process.env['TENANTRY_CUSTOMERS'] ?? 200)
const names = Array.from({ length: count }, (_, at) => `storm-${at}`)

type Stand = { readonly name: string; readonly uid: string; readonly says: string }

test(`${count} customers come while PostgreSQL is killed three times: all converge, and conditions tell the truth`, async () => {
  await using world = await startWorld({ config: { databases: { warmPool: 4 } } })
  const { postgres } = world.platform
  if (!postgres) throw new Error('There is no PostgreSQL.')
  const began = performance.now()
  await world.apply(...names.map((name) => customer(name)))

  for (const share of [0.1, 0.3, 0.6]) {
    await world.until(
      `${share} of them stand`,
      async () => readyIn(await standOf(world)).length >= share * count,
      120_000,
    )
    await postgres.kill()
    await sleep(300) // what was proven before the kill is being written
    const before = readyIn(await standOf(world))
    await sleep(1_500)
    const meanwhile = await standOf(world)
    // PROVEN: nobody becomes ready without a server.
    expect(readyIn(meanwhile)).toEqual(before)
    const reasons = new Set(
      meanwhile.filter(({ says }) => says !== 'True/Ready').map(({ says }) => says),
    )
    // Not looked at yet, placed and waiting, or: the server does not answer. Nothing else is so.
    for (const says of reasons) {
      expect(says).toMatch(/^(none|False\/(Proving|DatabaseServerUnreachable))$/)
    }
    expect([...reasons]).toContain('False/DatabaseServerUnreachable')
    await postgres.restart(signal)
  }

  await world.until(
    'all of them stand',
    async () => readyIn(await standOf(world)).length === count,
    240_000,
  )
  console.log(
    `${count} customers, three kills: ${Math.round((performance.now() - began) / 1000)} s`,
  )
  const customers = await standOf(world)
  const admin = new Client({ connectionString: postgres.url, ssl: { ca: postgres.ca } })
  await admin.connect()
  const { rows } = await admin.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_database WHERE datname ~ '^t_' ORDER BY 1`,
  )
  // One each, none left over, none of the pool open to anybody.
  expect(rows.map(({ name }) => name)).toEqual(
    customers.map(({ uid }) => databaseName(uid)).toSorted(),
  )
  const open = await admin.query(
    `SELECT FROM pg_database WHERE datname ~ '^tenantry_pool_' AND datallowconn`,
  )
  expect(open.rows).toEqual([])
  await admin.end()
  for (const name of names.filter((_, at) => at % 20 === 0)) {
    const client = await world.loginAs(`customer-${name}`, 'database-rw')
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await client.end()
  }
}, 600_000)

async function standOf(world: World): Promise<readonly Stand[]> {
  const { stdout } = await world.kubectl('get', 'corg', '-o', 'json')
  const items = field(JSON.parse(stdout), 'items')
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
    }
  })
}

function readyIn(stands: readonly Stand[]): readonly string[] {
  return stands.filter(({ says }) => says === 'True/Ready').map(({ name }) => name)
}
