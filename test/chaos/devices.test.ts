// Twenty customers claim the same devices while replicas are killed at random, without a word. Each device has one owner, everybody
// else is told no, and no database shows a device of somebody else. Holds ONE-OWNER, ISOLATED.
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, devices } from '../support/manifests.ts'
import { field, startWorld, type World } from '../support/world.ts'

const customers = Array.from({ length: 20 }, (_, index) => `c${index}`)
const ids = Array.from({ length: 2_000 }, (_, index) => `d-${String(index).padStart(5, '0')}`)
const withDatabase = new Set(customers.slice(0, 4))
const killEveryMs = 4_000

let world: World
beforeAll(async () => {
  world = await startWorld({ replicas: 2, config: { leaseSeconds: 3 } })
  await world.apply(
    ...customers.map((name) => customer(name, { database: { enabled: withDatabase.has(name) } })),
  )
  for (const name of customers) {
    await world.until(
      `${name} is ready`,
      async () => (await world.condition({ kind: 'corg', name }, 'Ready')) === 'True/Ready',
      60_000,
    )
  }
}, 180_000)
afterAll(() => world[Symbol.asyncDispose]())

describe('many customers that claim the same devices while replicas die', () => {
  test('share them, each device with one', async () => {
    const killing = new AbortController()
    const killer = killReplicas(killing.signal)
    // Half of the lists begin at the other end, so that nobody wins everything.
    const wishes = customers.flatMap((name, index) => {
      const list = index % 2 ? ids.toReversed() : ids
      return [
        devices(name, 'first', list.slice(0, 1000)),
        devices(name, 'second', list.slice(1000)),
      ]
    })
    for (const wish of wishes) await world.apply(wish)
    await sleep(3 * killEveryMs)
    killing.abort()
    await killer
    await world.until(
      'every assignment has its answer',
      async () => {
        const { stdout } = await world.kubectl('get', 'devas', '-A', '-o', 'json')
        const items: unknown = field(JSON.parse(stdout), 'items')
        const all = Array.isArray(items) ? items : []
        const assigned = all.reduce<number>(
          (sum, each) => sum + Number(field(each, 'status', 'assigned') ?? 0),
          0,
        )
        const answered = all.filter((each) => field(each, 'status', 'pending') === 0)
        return (assigned === ids.length && answered.length === wishes.length) || assigned
      },
      120_000,
    )
    const owners = await ask<{ id: string; customer: string }>(
      'tenantry',
      'SELECT id, customer FROM tenantry.owned_devices ORDER BY id',
    )
    expect(owners.map(({ id }) => id)).toEqual(ids)
    for (const name of withDatabase) {
      const reader = await world.loginAs(`customer-${name}`, 'database-ro')
      const { rows } = await reader.query<{ id: string }>(
        'SELECT id FROM tenantry.devices ORDER BY id',
      )
      await reader.end()
      const own = owners.filter((each) => each.customer === name).map(({ id }) => ({ id }))
      expect(rows).toEqual(own)
    }
  }, 300_000)
})

/** One replica dies every few seconds, and another takes its place. */
async function killReplicas(signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn += 1) {
    await sleep(killEveryMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const running = world.operators.slice(-2)
    await running[turn % running.length]?.kill()
    await world.startOperator()
  }
}

async function ask<Row>(database: string, statement: string): Promise<readonly Row[]> {
  const { url, ca } = world.platform.postgres ?? {}
  const there = new URL(url ?? '')
  there.pathname = database
  const client = new Client({ connectionString: there.href, ssl: { ca } })
  await client.connect()
  const { rows } = await client.query<Row & object>(statement)
  await client.end()
  return rows
}
