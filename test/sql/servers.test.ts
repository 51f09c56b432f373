// Several servers: where a customer goes when one of them is silent, and a server whose address comes from a Secret that changes.
// Holds NOTHING-LOST: there is never a second database of one customer. A wrong authority is in database-refusals.test.ts.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Databases } from '../../src/databases/databases.ts'
import { databaseName } from '../../src/databases/names.ts'
import { newPassword } from '../../src/databases/password.ts'
import { newCustomer, startSqlWorld, type SqlWorld } from '../support/sql-world.ts'

const { signal } = new AbortController()

let one: SqlWorld
let two: SqlWorld
let databases: Databases
beforeAll(async () => {
  ;[one, two] = await Promise.all([
    startSqlWorld(signal, 'superuser'),
    startSqlWorld(signal, 'creator'),
  ])
  databases = new Databases({
    servers: [
      { ...one.server, name: 'one' },
      { ...two.server, name: 'two', maxDatabases: 50 },
    ],
    allowedExtensions: [],
  })
})
afterAll(async () => {
  await databases.stop()
  await Promise.all([one[Symbol.asyncDispose](), two[Symbol.asyncDispose]()])
})

const databasesOf = async (world: SqlWorld, uid: string) =>
  (await world.superuser(`SELECT FROM pg_database WHERE datname = '${databaseName(uid)}'`)).length

describe('with two servers of one pool, of which one is down', () => {
  const placed = newCustomer()
  beforeAll(async () => {
    const { server } = await databases.place(signal, 'default', placed.customerUid)
    expect(server).toBe('one')
    await databases.ensure(signal, { ...placed, server })
    await one.postgres.kill()
  })

  test('a new customer goes to the one that answers', async () => {
    expect(await databases.place(signal, 'default', randomUUID())).toEqual({ server: 'two' })
  })

  test('one that is placed waits for its server, and gets no second database elsewhere', async () => {
    await expect(databases.ensure(signal, { ...placed, server: 'one' })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
    })
    expect(await databasesOf(two, placed.customerUid)).toBe(0)
  })

  test('one whose status was lost while its Secret remains waits until all servers answer, and is found', async () => {
    const place = () => databases.place(signal, 'default', placed.customerUid, true)
    await expect(place()).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' })
    await one.postgres.restart(signal)
    await expect
      .poll(() => place().catch(() => undefined), { timeout: 15_000 })
      .toEqual({ server: 'one' })
    expect(await databasesOf(one, placed.customerUid)).toBe(1)
    expect(await databasesOf(two, placed.customerUid)).toBe(0)
    // Nothing was ever made for this one: that all of them answer is enough.
    expect(await databases.place(signal, 'default', randomUUID(), true)).toMatchObject({
      server: expect.any(String),
    })
  })
})

describe('a server that a Secret describes', () => {
  test('is used with what the Secret says after a failure: another address, user and password', async () => {
    const { host, port } = one.server
    const [first, second] = [newPassword(), newPassword()]
    await one.superuser(`CREATE ROLE first LOGIN SUPERUSER PASSWORD '${first}'`)
    let secret = { host, port, user: 'first', password: first }
    let reads = 0
    const described = new Databases({
      servers: [
        {
          ...one.server,
          host: 'nowhere.invalid',
          name: 'main',
          locate: async () => {
            reads += 1
            return secret
          },
          password: async () => secret.password,
        },
      ],
      allowedExtensions: [],
    })
    const spec = newCustomer()
    await described.ensure(signal, spec)
    await described.ensure(signal, newCustomer())
    expect(reads).toBe(1)
    const keys = await described.credentials('main', spec.customerUid, 'rw', 'user', 'word')
    expect(keys).toMatchObject({ host, port: String(port) })

    // The whole cluster was replaced, as far as the operator can see.
    await one.superuser(
      `CREATE ROLE second LOGIN SUPERUSER PASSWORD '${second}';
       ALTER ROLE first NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'first'`,
    )
    secret = { host, port, user: 'second', password: second }
    await expect
      .poll(() => described.ensure(signal, spec).catch(() => undefined), { timeout: 10_000 })
      .toEqual({ wrote: false, steps: [] })
    await described.stop()
  })

  test('says so when the Secret cannot be read, and goes on when it can', async () => {
    let isThere = false
    const described = new Databases({
      servers: [
        {
          ...one.server,
          locate: async () => {
            if (!isThere) throw new Error('secrets "postgres" not found')
            return one.server
          },
        },
      ],
      allowedExtensions: [],
    })
    const spec = newCustomer()
    await expect(described.ensure(signal, spec)).rejects.toMatchObject({
      code: 'SERVER_PASSWORD_UNREADABLE',
      reason: 'DatabaseServerRefusesLogin',
    })
    isThere = true
    expect(await described.ensure(signal, spec)).toMatchObject({ wrote: true })
    await described.stop()
  })
})
