// The operator dies at every single statement of letting people in, of throwing them out and of a hand-over, while it runs and after
// it; the next one goes on. Enumerated, not random. Holds NO-LATE, ONE-PARTNER, PROVEN and NOTHING-LOST at each of these points.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CustomerDatabase, Databases } from '../../src/databases/databases.ts'
import { databaseName, groupName } from '../../src/databases/names.ts'
import type { PersonLogin } from '../../src/databases/people.ts'
import { asPerson, closed, newPerson, oidOf, openAs, tracesOf } from '../support/people.ts'
import { dieAtEveryStatement, moments } from '../support/deaths.ts'
import { administrators, newCustomer, startSqlWorld, type SqlWorld } from '../support/sql-world.ts'

const { signal } = new AbortController()

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let customer: CustomerDatabase
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
    customer = newCustomer()
    await world.databases.ensure(signal, customer)
    await world.as(customer, 'adm', 'CREATE TABLE word (word text)')
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const ensure = (databases: Databases, people: readonly PersonLogin[]) =>
    databases.ensurePeople(signal, { ...customer, people })
  const revoke = (databases: Databases, except: readonly string[] = []) =>
    databases.revokePeople(signal, { ...customer, except })

  test.each(moments)(
    'dying %s any statement of letting in, the next operator goes on',
    async (moment) => {
      const points = await dieAtEveryStatement(world, moment, async (live) => {
        const drifted = newPerson(customer, { group: 'ro', until: 2e12 })
        const fresh = newPerson(customer, { until: 2e12 })
        const people = [drifted, fresh]
        await ensure(world.databases, [drifted])
        await world.superuser(
          `ALTER ROLE ${drifted.login} NOLOGIN PASSWORD 'other';
         GRANT ${groupName(customer.customerUid, 'rw')} TO ${drifted.login} GRANTED BY ${world.operator.user}`,
        )
        await live((databases) => ensure(databases, people))
        // No login is half made: it has its mark, its end and its group, or is not there.
        const half = await world.superuser(
          `SELECT r.rolname FROM pg_roles r WHERE r.rolname = '${fresh.login}' AND (r.rolvaliduntil IS NULL
           OR shobj_description(r.oid, 'pg_authid') IS NULL
           OR NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid))`,
        )
        expect(half).toEqual([])
        await ensure(world.databases, people)
        expect(await ensure(world.databases, people)).toEqual({ wrote: false })
        await asPerson(world, customer, fresh, "INSERT INTO word VALUES ('')")
        await asPerson(world, customer, drifted, 'SELECT * FROM word')
        await expect(
          asPerson(world, customer, drifted, "INSERT INTO word VALUES ('')"),
        ).rejects.toMatchObject({ code: '42501' })
        expect(await revoke(world.databases)).toEqual({ proven: true, remaining: [] })
      })
      const said = points.join('\n')
      for (const statement of ['pg_advisory_xact_lock', 'FROM pg_stat_activity']) {
        expect(said).toContain(statement)
      }
      expect(points.length).toBeGreaterThan(5)
    },
    240_000,
  )

  test.each(moments)(
    'dying %s any statement of throwing out, the next operator goes on',
    async (moment) => {
      const stays = newPerson(customer)
      await ensure(world.databases, [stays])
      let tables = 0
      const points = await dieAtEveryStatement(world, moment, async (live) => {
        const table = `mine_${(tables += 1)}`
        // In the same order each time, or the statements would not be the same.
        const [first, second, third] = [1, 2, 3].map(() => newPerson(customer).login).toSorted()
        const tina = newPerson(customer, { login: first ?? '', until: 2e12 })
        const tom = newPerson(customer, { login: second ?? '', group: 'ro' })
        const anna = newPerson(customer, { login: third ?? '', group: 'adm', of: 'member' })
        await ensure(world.databases, [tina, tom, anna])
        await asPerson(world, customer, tina, "SELECT lo_from_bytea(0, 'mine')")
        await asPerson(world, customer, anna, `CREATE TABLE ${table} ()`)
        const leaving = [tina, tom, anna]
        const logins = leaving.map(({ login }) => login)
        const oids = await Promise.all(logins.map((login) => oidOf(world, login)))
        const sessions = await Promise.all(leaving.map((each) => openAs(world, customer, each)))
        const stayed = await openAs(world, customer, stays)
        const ends = sessions.map(closed)
        await live((databases) => revoke(databases, [stays.login]))
        // NO-LATE does not wait for the one that died.
        expect(await revoke(world.databases, [stays.login])).toEqual({
          proven: true,
          remaining: [anna.login],
        })
        await Promise.all(ends)
        expect(await tracesOf(world, logins, oids)).toEqual([])
        expect((await stayed.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
        await stayed.end()
        // NOTHING-LOST: the table is there, and it alone keeps the role.
        await world.superuser(`DROP TABLE ${table}`, databaseName(customer.customerUid))
        expect(await revoke(world.databases, [stays.login])).toEqual({
          proven: true,
          remaining: [],
        })
        for (const login of logins) expect(await oidOf(world, login)).toBe(0)
      })
      const said = points.join('\n')
      for (const statement of [
        'NOLOGIN VALID',
        'REVOKE',
        'pg_terminate_backend',
        'FROM pg_locks',
        "deptype = 'o'",
        'DO $do$',
      ]) {
        expect(said).toContain(statement)
      }
      expect(points.length).toBeGreaterThan(15)
    },
    240_000,
  )

  test.each(moments)(
    'dying %s any statement of a hand-over, two partners are never in, and the next operator ends it',
    async (moment) => {
      await using prober = await startProber(world, customer)
      await revoke(world.databases)
      let former = newPerson(customer, { until: 2e12 })
      await ensure(world.databases, [former])
      const points = await dieAtEveryStatement(world, moment, async (live) => {
        const next = newPerson(customer, { until: 2e12 })
        const session = await openAs(world, customer, former)
        const end = closed(session)
        /** As the operator goes: out, proven; then again what the catalog says now; then in. */
        const handOver = async (databases: Databases): Promise<void> => {
          expect(await revoke(databases)).toMatchObject({ proven: true })
          expect(await revoke(databases, [next.login])).toMatchObject({ proven: true })
          await ensure(databases, [next])
        }
        await live(handOver)
        await handOver(world.databases)
        await end
        await asPerson(world, customer, next, "INSERT INTO word VALUES ('')")
        await expect(asPerson(world, customer, former, 'SELECT 1')).rejects.toMatchObject({
          code: '28P01',
        })
        expect(await oidOf(world, former.login)).toBe(0)
        former = next
      })
      expect(prober.both()).toEqual([])
      expect(prober.looks()).toBeGreaterThan(points.length)
      const said = points.join('\n')
      for (const statement of [
        'NOLOGIN VALID',
        'REVOKE',
        'pg_terminate_backend',
        'pg_advisory_xact_lock',
      ]) {
        expect(said).toContain(statement)
      }
      expect(points.length).toBeGreaterThan(20)
    },
    240_000,
  )
})

/** Looks all the time who may sign in as a person of the customer or has a session; by oid, which a role that was dropped keeps. */
async function startProber(world: SqlWorld, { customerUid }: CustomerDatabase) {
  const name = databaseName(customerUid)
  const client = await world.open(
    { user: world.postgres.user, password: world.postgres.password },
    'postgres',
  )
  const stopping = new AbortController()
  const both: (readonly string[])[] = []
  let looks = 0
  const work = (async () => {
    while (!stopping.signal.aborted) {
      const { rows } = await client.query<{ oid: string }>(
        `SELECT oid::text FROM pg_roles WHERE starts_with(rolname, '${name}_g_') AND rolcanlogin
         UNION SELECT s.usesysid::text FROM pg_stat_activity s LEFT JOIN pg_roles r ON r.oid = s.usesysid
           WHERE s.datname = '${name}' AND s.usesysid IS NOT NULL
             AND coalesce(starts_with(r.rolname, '${name}_g_'), true)`,
      )
      looks += 1
      if (rows.length > 1) both.push(rows.map(({ oid }) => oid))
    }
  })()
  return {
    both: () => both,
    looks: () => looks,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await work
      await client.end()
    },
  }
}
