// The end of a login where clocks differ, and the end of many sessions at one moment. Holds NO-LATE.
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Databases, type CustomerDatabase } from '../../src/databases/databases.ts'
import { databaseName } from '../../src/databases/names.ts'
import { newPerson, openAs } from '../support/people.ts'
import {
  administrators,
  loginOf,
  newCustomer,
  startSqlWorld,
  type SqlWorld,
} from '../support/sql-world.ts'

const { signal } = new AbortController()

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let customers: readonly CustomerDatabase[]
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
    customers = Array.from({ length: 5 }, () => newCustomer())
    await Promise.all(customers.map((each) => world.databases.ensure(signal, each)))
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const first = () => customers[0] ?? newCustomer()
  const endOf = async (login: string) => {
    const people = await world.databases.peopleOf(signal, first())
    return people.find((each) => each.login === login)?.validUntil
  }
  async function operatorAhead<T>(byMs: number, work: (it: Databases) => Promise<T>): Promise<T> {
    const databases = world.connect({}, [], () => Date.now() + byMs)
    try {
      return await work(databases)
    } finally {
      await databases.stop()
    }
  }

  test('a login ends with its window where the server is a minute behind (TH-02, NO-LATE)', async () => {
    await operatorAhead(59_500, async (databases) => {
      const tina = newPerson(first(), { until: Date.now() + 59_500 + 2_500 })
      await databases.ensurePeople(signal, { ...first(), people: [tina] })
      expect(databases.skewMs('main')).toBe(-60_000)
      await (await openAs(world, first(), tina)).end()
      const entersOrNot = () => openAs(world, first(), tina).then(endQuietly, () => 'refused')
      await expect.poll(entersOrNot, { timeout: 5_000 }).toBe('refused')
      expect(Date.now() + 59_500).toBeLessThan(Number(tina.until) + 1_000)
    })
  })

  test('a login is told no later end where the server is ahead', async () => {
    await operatorAhead(-59_500, async (databases) => {
      const tina = newPerson(first(), { until: Date.now() + 3_600_000 })
      await databases.ensurePeople(signal, { ...first(), people: [tina] })
      expect(await endOf(tina.login)).toBe(tina.until)
    })
  })

  test('a clock that was set shows at the next look, and the end is told anew', async () => {
    let byMs = 0
    const databases = world.connect({}, [], () => Date.now() + byMs)
    try {
      const until = Date.now() + 3_600_000
      const people = [newPerson(first(), { until })]
      await databases.ensurePeople(signal, { ...first(), people })
      byMs = 29_500
      expect(databases.skewMs('main')).toBe(0)
      await databases.observe(signal, 'main')
      expect(databases.skewMs('main')).toBe(-30_000)
      await databases.ensurePeople(signal, { ...first(), people })
      expect(await endOf(people[0]?.login ?? '')).toBe(until - 30_000)
    } finally {
      await databases.stop()
    }
  })

  test('one statement ends everybody whose time is over, in all databases, and nobody else', async () => {
    const until = Date.now() + 1_500
    const pairs = customers.map((customer) => ({
      customer,
      leaves: newPerson(customer, { until }),
      stays: newPerson(customer, { until: until + 3_600_000 }),
    }))
    for (const { customer, leaves, stays } of pairs) {
      await world.databases.ensurePeople(signal, { ...customer, people: [leaves, stays] })
    }
    const open = await Promise.all(
      pairs.map(async ({ customer, leaves, stays }) => ({
        leaving: await openAs(world, customer, leaves),
        staying: await openAs(world, customer, stays),
        application: await world.open(loginOf(customer, 'rw'), databaseName(customer.customerUid)),
      })),
    )
    for (const { leaving } of open) {
      await leaving.query('BEGIN; DECLARE rows CURSOR FOR SELECT generate_series(1, 1000)')
    }
    expect(await world.databases.endExpired(signal, 'main')).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, until - Date.now() + 5))
    expect(await world.databases.endExpired(signal, 'main')).toBe(pairs.length)
    for (const { leaving, staying, application } of open) {
      await expect(leaving.query('FETCH 1 FROM rows')).rejects.toThrow()
      for (const each of [staying, application]) {
        expect((await each.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
        await each.end()
      }
    }
  })
})

async function endQuietly(client: Client): Promise<string> {
  await client.end()
  return 'entered'
}
