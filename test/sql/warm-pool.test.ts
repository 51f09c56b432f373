// Databases that stand ready before a customer comes: closed, nobody's, and given to one customer alone, whoever dies at whichever
// statement. Holds ISOLATED, NOTHING-LOST, QUIET.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Databases, type CustomerDatabase } from '../../src/databases/databases.ts'
import { databaseName } from '../../src/databases/names.ts'
import type { ServerOptions } from '../../src/databases/server.ts'
import { dieAtEveryStatement, momentOf } from '../support/deaths.ts'
import {
  administrators,
  newCustomer,
  startSqlWorld,
  writesOf,
  type SqlWorld,
} from '../support/sql-world.ts'

const { signal } = new AbortController()

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
  })
  afterAll(() => world[Symbol.asyncDispose]())

  async function operate<T>(
    warmPool: number,
    work: (databases: Databases) => Promise<T>,
    change: Partial<ServerOptions> = {},
    onPoolReady?: (server: string, ready: number) => void,
  ): Promise<T> {
    const databases = new Databases({
      servers: [{ ...world.server, ...change }],
      allowedExtensions: [],
      warmPool,
      ...(onPoolReady && { onPoolReady }),
    })
    try {
      return await work(databases)
    } finally {
      await databases.stop()
    }
  }

  type Pooled = { readonly name: string; readonly open: boolean; readonly mark: string | null }
  const pool = () =>
    world.superuser<Pooled>(
      `SELECT datname::text AS name, datallowconn AS open, shobj_description(oid, 'pg_database') AS mark
       FROM pg_database WHERE datname ~ '^tenantry_pool_' ORDER BY oid`,
    )
  const oidOf = async (name: string) =>
    (
      await world.superuser<{ oid: string }>(
        `SELECT oid FROM pg_database WHERE datname = '${name}'`,
      )
    )
      .map(({ oid }) => oid)
      .join()
  const customersDatabases = async () =>
    (await world.superuser(`SELECT FROM pg_database WHERE datname ~ '^t_'`)).length
  const drain = async () => {
    for (const { name } of await pool()) await world.superuser(`DROP DATABASE ${name}`)
  }

  beforeEach(drain)
  async function isWhole(spec: CustomerDatabase): Promise<void> {
    await operate(0, async (databases) => {
      await databases.ensure(signal, spec)
      expect(await databases.prove(signal, spec)).toEqual({ isolated: true, problems: [] })
      expect(await databases.ensure(signal, spec)).toEqual({ wrote: false, steps: [] })
    })
  }

  test('a new server gets as many closed databases as are wanted, and a full pool costs no write', async () => {
    const told: number[] = []
    await operate(
      2,
      async (databases) => {
        await databases.fillPool(signal, 'main')
        expect(await pool()).toEqual([
          { name: expect.stringMatching(/^tenantry_pool_/), open: false, mark: 'tenantry:pool' },
          { name: expect.stringMatching(/^tenantry_pool_/), open: false, mark: 'tenantry:pool' },
        ])
        expect(told.at(-1)).toBe(2)
        const before = await writesOf(world)
        await databases.fillPool(signal, 'main')
        databases.forgetPools()
        await databases.fillPool(signal, 'main')
        expect(await writesOf(world)).toBe(before)
        // Nobody enters it, not even who knows its name.
        const other = newCustomer()
        await databases.ensure(signal, other)
        for (const { name } of await pool()) {
          await expect(
            world.open(
              { user: other.logins.adm.username, password: other.logins.adm.password },
              name,
            ),
          ).rejects.toMatchObject({ code: '55000' })
        }
      },
      {},
      (_server, ready) => told.push(ready),
    )
    expect(told.at(-1)).toBe(1)
  })

  test('a customer gets the database that stood ready, by a new name, and it is proven like any other', async () => {
    await operate(1, (databases) => databases.fillPool(signal, 'main'))
    const [ready] = await pool()
    const oid = await oidOf(ready?.name ?? '')
    const spec = newCustomer()
    // Another operator, started later: it finds what is there.
    const { steps } = await operate(0, (databases) => databases.ensure(signal, spec))
    expect(steps).toContain('claim database')
    expect(steps).not.toContain('create database')
    expect(await oidOf(databaseName(spec.customerUid))).toBe(oid)
    expect(await pool()).toEqual([])
    await isWhole(spec)
    expect(
      (await operate(0, (databases) => databases.ensure(signal, newCustomer()))).steps,
    ).toContain('create database')
  })

  test('eight customers at once and a second operator: no database is given twice', async () => {
    await operate(5, (databases) => databases.fillPool(signal, 'main'))
    const before = await customersDatabases()
    const specs = Array.from({ length: 8 }, () => newCustomer())
    const steps = await operate(0, (one) =>
      operate(0, (other) =>
        Promise.all(
          specs.map((spec, at) => (at % 2 === 0 ? one : other).ensure(signal, spec)),
        ).then((made) => made.flatMap((each) => each.steps)),
      ),
    )
    expect(steps.filter((step) => step === 'claim database').length).toBeLessThanOrEqual(5)
    expect(
      steps.filter((step) => step === 'claim database' || step === 'create database'),
    ).toHaveLength(8)
    expect((await customersDatabases()) - before).toBe(8)
    for (const spec of specs) await isWhole(spec)
  }, 60_000)

  test('what somebody changed by hand is given to nobody and not taken away', async () => {
    await operate(3, (databases) => databases.fillPool(signal, 'main'))
    const [opened, shared, dropped] = await pool()
    await world.superuser(`ALTER DATABASE ${opened?.name} ALLOW_CONNECTIONS true`)
    await world.superuser(`GRANT CONNECT ON DATABASE ${shared?.name} TO pg_monitor`)
    const spec = newCustomer()
    await operate(3, async (databases) => {
      await databases.ensure(signal, newCustomer()) // it has looked, and knows of the third
      expect((await pool()).map(({ name }) => name)).toEqual([opened?.name, shared?.name])
      await databases.fillPool(signal, 'main')
      const known = (await pool()).map(({ name }) => name)
      expect(known).toHaveLength(5)
      // What it knows of is gone: it looks again, and takes another.
      await world.superuser(`DROP DATABASE ${known[2]}`)
      expect((await databases.ensure(signal, spec)).steps).toContain('claim database')
    })
    await isWhole(spec)
    const left = (await pool()).map(({ name }) => name)
    expect(left).toContain(opened?.name)
    expect(left).toContain(shared?.name)
    expect(left).not.toContain(dropped?.name)
  })

  test('the pool leaves no customer without room: all of them count, and who is promised a place', async () => {
    const maxDatabases = (await customersDatabases()) + 2
    await operate(
      5,
      async (databases) => {
        const spec = newCustomer()
        await databases.place(signal, 'default', spec.customerUid)
        await databases.fillPool(signal, 'main')
        expect(await pool()).toHaveLength(1)
        const second = newCustomer()
        await databases.place(signal, 'default', second.customerUid)
        await databases.ensure(signal, spec)
        await databases.fillPool(signal, 'main')
        expect(await pool()).toHaveLength(0)
        await databases.ensure(signal, second)
        await databases.fillPool(signal, 'main')
        expect(await pool()).toHaveLength(0)
        await expect(
          databases.place(signal, 'default', newCustomer().customerUid),
        ).rejects.toMatchObject({ code: 'SERVER_FULL' })
      },
      { maxDatabases },
    )
  })

  test(`dying ${momentOf[kind]} any statement of filling, the next operator finishes it and leaves nothing behind`, async () => {
    const points = await dieAtEveryStatement(world, momentOf[kind], async (live) => {
      const [, , ...more] = await pool() // one is made anew in each life
      for (const { name } of more) await world.superuser(`DROP DATABASE ${name}`)
      await live((_databases, way) =>
        operate(3, (databases) => databases.fillPool(signal, 'main'), way),
      )
      expect((await pool()).filter(({ open }) => open)).toEqual([])
      await operate(3, (databases) => databases.fillPool(signal, 'main'))
      const whole = { name: expect.any(String), open: false, mark: 'tenantry:pool' }
      expect(await pool()).toEqual([whole, whole, whole])
    })
    expect(points.length).toBeGreaterThan(5)
  }, 120_000)

  test(`dying ${momentOf[kind]} any statement of a claim, the database is whole, one, and used by one customer`, async () => {
    const points = await dieAtEveryStatement(world, momentOf[kind], async (live) => {
      await operate(2, (databases) => databases.fillPool(signal, 'main'))
      const before = { pool: (await pool()).length, customers: await customersDatabases() }
      const spec = newCustomer()
      await live((databases) => databases.ensure(signal, spec))
      await isWhole(spec)
      const after = { pool: (await pool()).length, customers: await customersDatabases() }
      expect(after).toEqual({ pool: before.pool - 1, customers: before.customers + 1 })
    })
    expect(points.join('\n')).toContain('RENAME TO')
    expect(points.length).toBeGreaterThan(10)
  }, 120_000)

  test('it is made only while nobody waits: customers go first, whatever came first', async () => {
    await operate(2, async (databases) => {
      const order: string[] = []
      const run = (name: string, work: Promise<unknown>) => work.then(() => order.push(name))
      await Promise.all([
        ...Array.from({ length: 3 }, (_, at) =>
          run(`customer ${at}`, databases.ensure(signal, newCustomer())),
        ),
        run('pool', databases.fillPool(signal, 'main')),
        ...Array.from({ length: 3 }, (_, at) =>
          run(`customer ${at + 3}`, databases.ensure(signal, newCustomer())),
        ),
      ])
      expect(order.at(-1)).toBe('pool')
      expect(await pool()).toHaveLength(2)
    })
  })
})
