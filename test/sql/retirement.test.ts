// The database of a customer that is deleted, on a real PostgreSQL: kept, given back, dropped. Holds NOTHING-LOST.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databaseName, ownerRole, markOf } from '../../src/databases/names.ts'
import { Retirement } from '../../src/databases/retirement.ts'
import { leaverOf, returning, startRetiringWorld, type RetiringWorld } from '../support/retiring.ts'
import { administrators, loginOf, newCustomer, type SqlWorld } from '../support/sql-world.ts'

const { signal } = new AbortController()
const notInUse = () => false

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let retiring: RetiringWorld
  let world: SqlWorld
  let retirement: Retirement
  beforeAll(async () => {
    retiring = await startRetiringWorld(kind)
    ;({ world, retirement } = retiring)
  })
  afterAll(() => retiring[Symbol.asyncDispose]())

  test('a policy that retains leaves the database to its applications and writes it down', async () => {
    const customer = await retiring.made()
    const row = await retirement.retire(signal, leaverOf(customer))
    expect(row).toMatchObject({ id: databaseName(customer.customerUid), dropAfter: null })
    expect(await world.as(customer, 'ro', 'SELECT said FROM word')).toEqual([{ said: 'kept' }])
    expect(await retiring.audited(customer)).toEqual(['Retained'])
    // As often as it takes: what was decided first stays.
    expect(await retirement.retire(signal, leaverOf(customer, 1))).toEqual(row)
    expect(await retiring.audited(customer)).toEqual(['Retained'])
    expect(await retirement.dropDue(signal, notInUse)).toEqual({ dropped: [], refused: [] })
  })

  test('what another replica writes down at this moment is waited for, and stands as that one decided', async () => {
    const customer = await retiring.made()
    const { customerUid: uid } = customer
    const id = databaseName(uid)
    const other = world.superuser(
      `BEGIN;
       INSERT INTO tenantry.retained (id, made_for, customer, customer_name, server, pool, oid, roles, state)
         VALUES ('${id}', '${uid}', '${uid}', 'name-${uid}', 'main', 'default', 0, '{}', 'Retained');
       SELECT pg_sleep(1);
       COMMIT`,
      'tenantry',
    )
    const sleeping = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'`
    await expect.poll(() => world.superuser(sleeping)).toHaveLength(1)
    const row = await retirement.retire(signal, leaverOf(customer, 3600))
    expect(row).toMatchObject({ id, dropAfter: null })
    await other
  })

  test('a policy that deletes closes it at once, ends its sessions, and drops nothing yet', async () => {
    const customer = await retiring.made()
    const session = await world.open(loginOf(customer, 'rw'), databaseName(customer.customerUid))
    const cut = new Promise((resolve) => session.once('end', resolve))
    const row = await retirement.retire(signal, leaverOf(customer, 3600))
    expect(row?.dropAfter).toMatch(/^20..-..-..T..:..:..Z$/)
    await cut
    await expect(world.as(customer, 'ro', 'SELECT 1')).rejects.toMatchObject({ code: '55000' })
    expect(await retirement.dropDue(signal, notInUse)).toEqual({ dropped: [], refused: [] })
    expect(await retiring.isOpen(customer)).toBe(false)
  })

  test.each([
    ['retained', undefined],
    ['closed', 3600],
  ] as const)(
    'a %s database waits until somebody says what becomes of it',
    async (_how, seconds) => {
      const customer = await retiring.made()
      await retirement.retire(signal, leaverOf(customer, seconds))
      const id = databaseName(customer.customerUid)
      const waiting = retirement.comingBack(signal, returning(customer))
      await expect(waiting).rejects.toMatchObject({
        code: 'RETAINED_EXISTS',
        message: expect.stringContaining(id),
      })
      for (const wrong of [databaseName(randomUUID()), 'postgres']) {
        await expect(
          retirement.comingBack(signal, returning(customer, wrong)),
        ).rejects.toMatchObject({ code: 'RETAINED_UNKNOWN' })
      }
      // ISOLATED: a customer of another name gets it by no id.
      await expect(
        retirement.comingBack(signal, returning(newCustomer(), id)),
      ).rejects.toMatchObject({ code: 'RETAINED_UNKNOWN' })
      expect(await retirement.comingBack(signal, returning(customer, 'none'))).toBeUndefined()
      const back = returning(customer, id)
      expect(await retirement.comingBack(signal, back)).toMatchObject({
        madeFor: customer.customerUid,
        server: 'main',
        pool: 'default',
      })
      await world.databases.ensure(signal, customer)
      expect(await world.as(customer, 'ro', 'SELECT said FROM word')).toEqual([{ said: 'kept' }])
      expect(await retiring.audited(customer)).toEqual(['Retained', 'Restored'])
      // Whoever asks again is told the same; nobody else gets it, and time does not take it.
      expect(await retirement.comingBack(signal, back)).toMatchObject({ id })
      await expect(retirement.comingBack(signal, returning(customer, id))).rejects.toMatchObject({
        code: 'RETAINED_UNKNOWN',
      })
      await retiring.letTimePass(customer)
      expect(await retirement.dropDue(signal, notInUse)).toEqual({ dropped: [], refused: [] })
      // And when that customer goes in its turn, status known or lost, it is retained again.
      const { customer: uid, customerName } = back
      expect(
        await retirement.retire(signal, {
          ...leaverOf(customer),
          customer: uid,
          customerName,
          madeFor: uid,
          server: undefined,
        }),
      ).toMatchObject({ id, customer: uid, dropAfter: null })
    },
  )

  test('two replicas that give it back to one customer at once are told the same', async () => {
    for (let round = 0; round < 3; round += 1) {
      const customer = await retiring.made()
      await retirement.retire(signal, leaverOf(customer))
      const back = returning(customer, databaseName(customer.customerUid))
      const replicas = ['replica-1', 'replica-2', 'replica-3'].map(
        (name) => new Retirement(world.databases, retiring.control, name),
      )
      const rows = await Promise.all(replicas.map((each) => each.comingBack(signal, back)))
      expect(new Set(rows.map((row) => row?.madeFor))).toEqual(new Set([customer.customerUid]))
      expect(await retiring.audited(customer)).toEqual(['Retained', 'Restored'])
    }
  })

  test('when its time is over it is dropped with its roles, and told', async () => {
    const customer = await retiring.made()
    await retirement.retire(signal, leaverOf(customer, 3600))
    await retiring.letTimePass(customer)
    expect(await retirement.dropDue(signal, notInUse)).toEqual({
      dropped: [expect.objectContaining({ id: databaseName(customer.customerUid) })],
      refused: [],
    })
    expect(await retiring.isOpen(customer)).toBeUndefined()
    expect(await retiring.rolesOf(customer)).toEqual([])
    expect(await retiring.audited(customer)).toEqual(['Retained', 'Dropped'])
    await expect(
      retirement.comingBack(signal, returning(customer, databaseName(customer.customerUid))),
    ).rejects.toMatchObject({ code: 'RETAINED_UNKNOWN' })
    expect(await retirement.dropDue(signal, notInUse)).toEqual({ dropped: [], refused: [] })
  })

  const byHand = (name: string, more: string) => [
    `DROP DATABASE ${name}`,
    `CREATE DATABASE ${name}`,
    ...(more === '' ? [] : [more]),
  ]
  test.each([
    ['that somebody else made under its name', (name: string) => byHand(name, '')],
    [
      'that somebody made to look like it',
      (name: string, uid: string) =>
        byHand(
          name,
          `ALTER DATABASE ${name} OWNER TO ${ownerRole}; COMMENT ON DATABASE ${name} IS '${markOf(uid)}';
           ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
        ),
    ],
    [
      'that somebody has opened again',
      (name: string) => [`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`],
    ],
    ['whose mark was taken away', (name: string) => [`COMMENT ON DATABASE ${name} IS NULL`]],
    [
      'that was given to somebody else',
      (name: string) => [`ALTER DATABASE ${name} OWNER TO CURRENT_USER`],
    ],
  ])('a database %s is never dropped', async (_what, change) => {
    const customer = await retiring.made()
    const name = databaseName(customer.customerUid)
    await retirement.retire(signal, leaverOf(customer, 3600))
    await retiring.letTimePass(customer)
    for (const statement of change(name, customer.customerUid)) await world.superuser(statement)
    const { dropped, refused } = await retirement.dropDue(signal, notInUse)
    expect(dropped).toEqual([])
    expect(refused).toMatchObject([
      { id: name, error: { code: expect.stringMatching(/^DATABASE_(FOREIGN|REOPENED)$/) } },
    ])
    expect(await retiring.isOpen(customer)).toBeDefined()
    expect(await retiring.stateOf(customer)).toBe('Retained')
    await world.superuser(`DROP DATABASE ${name}`)
    await retirement.dropDue(signal, notInUse)
  })

  test('the database of a customer that exists is never dropped', async () => {
    const customer = await retiring.made()
    await retirement.retire(signal, leaverOf(customer, 3600))
    await retiring.letTimePass(customer)
    expect(await retirement.dropDue(signal, (uid) => uid === customer.customerUid)).toMatchObject({
      dropped: [],
      refused: [{ error: { code: 'RETAINED_IN_USE' } }],
    })
    // The very same object is back, and with it the database, without being asked for.
    const { customerUid } = customer
    expect(
      await retirement.comingBack(signal, {
        customer: customerUid,
        customerName: `name-${customerUid}`,
        restoreFrom: undefined,
      }),
    ).toMatchObject({ madeFor: customerUid })
  })

  test('a role that owns something elsewhere outlives its database', async () => {
    const customer = await retiring.made()
    const adm = `${databaseName(customer.customerUid)}_adm`
    await world.superuser(`CREATE SCHEMA ${adm} AUTHORIZATION ${adm}`)
    await retirement.retire(signal, leaverOf(customer, 3600))
    await retiring.letTimePass(customer)
    expect((await retirement.dropDue(signal, notInUse)).dropped).toHaveLength(1)
    expect(await retiring.rolesOf(customer)).toEqual([{ rolname: adm }])
    await world.superuser(`DROP SCHEMA ${adm}; DROP ROLE ${adm}`)
  })
})
