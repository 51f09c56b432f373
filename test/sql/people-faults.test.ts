// The operator dies at every single statement of letting people in and of throwing them out, while it runs and after it; the
// next one goes on. Enumerated, not random. Holds NO-LATE, PROVEN and NOTHING-LOST at each of these points.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CustomerDatabase, Databases } from '../../src/databases/databases.ts'
import { databaseName, groupName } from '../../src/databases/names.ts'
import type { PersonLogin } from '../../src/databases/people.ts'
import { asPerson, closed, newPerson, oidOf, openAs, tracesOf } from '../support/people.ts'
import { administrators, newCustomer, startSqlWorld, type SqlWorld } from '../support/sql-world.ts'
import {
  startStatementProxy,
  type Moment,
  type StatementProxy,
} from '../support/statement-proxy.ts'

const { signal } = new AbortController()
const moments: readonly Moment[] = ['during', 'after']

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let proxy: StatementProxy
  let customer: CustomerDatabase
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
    proxy = await startStatementProxy(world.postgres)
    customer = newCustomer()
    await world.databases.ensure(signal, customer)
    await world.as(customer, 'adm', 'CREATE TABLE word (word text)')
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
  })

  const ensure = (databases: Databases, people: readonly PersonLogin[]) =>
    databases.ensurePeople(signal, { ...customer, people })
  const revoke = (databases: Databases, except: readonly string[] = []) =>
    databases.revokePeople(signal, { ...customer, except })

  /** One operator's life. Says whether it died. */
  async function lifeUntil(
    cutAt: number,
    moment: Moment,
    work: (databases: Databases) => Promise<unknown>,
  ): Promise<boolean> {
    proxy.revive(cutAt, moment)
    const databases = world.connect({ host: '127.0.0.1', port: proxy.port, tls: 'off' })
    try {
      await work(databases)
    } catch (error) {
      expect(error, `statement ${cutAt}: ${proxy.last()}`).toMatchObject({
        code: 'SERVER_UNREACHABLE',
      })
      expect(proxy.isDead()).toBe(true)
    }
    await databases.stop()
    return proxy.isDead()
  }

  test.each(moments)(
    'dying %s any statement of letting in, the next operator goes on',
    async (moment) => {
      const points: string[] = []
      for (let cutAt = 1; ; cutAt += 1) {
        const drifted = newPerson(customer, { group: 'ro', until: 2e12 })
        const fresh = newPerson(customer, { until: 2e12 })
        const people = [drifted, fresh]
        await ensure(world.databases, [drifted])
        await world.superuser(
          `ALTER ROLE ${drifted.login} NOLOGIN PASSWORD 'other';
         GRANT ${groupName(customer.customerUid, 'rw')} TO ${drifted.login} GRANTED BY ${world.operator.user}`,
        )
        const died = await lifeUntil(cutAt, moment, (databases) => ensure(databases, people))
        points.push(proxy.last())
        // No login is half made: it has its mark, its end and its group, or is not there.
        const half = await world.superuser(
          `SELECT r.rolname FROM pg_roles r WHERE r.rolname = '${fresh.login}' AND (r.rolvaliduntil IS NULL
           OR shobj_description(r.oid, 'pg_authid') IS NULL
           OR NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid))`,
        )
        expect(half, proxy.last()).toEqual([])
        await ensure(world.databases, people)
        expect(await ensure(world.databases, people)).toEqual({ wrote: false })
        await asPerson(world, customer, fresh, "INSERT INTO word VALUES ('')")
        await asPerson(world, customer, drifted, 'SELECT * FROM word')
        await expect(
          asPerson(world, customer, drifted, "INSERT INTO word VALUES ('')"),
        ).rejects.toMatchObject({ code: '42501' })
        expect(await revoke(world.databases)).toEqual({ proven: true, remaining: [] })
        if (!died) break
      }
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
      const points: string[] = []
      const stays = newPerson(customer)
      await ensure(world.databases, [stays])
      for (let cutAt = 1; ; cutAt += 1) {
        // In the same order each time, or the statements would not be the same.
        const [first, second, third] = [1, 2, 3].map(() => newPerson(customer).login).toSorted()
        const tina = newPerson(customer, { login: first ?? '', until: 2e12 })
        const tom = newPerson(customer, { login: second ?? '', group: 'ro' })
        const anna = newPerson(customer, { login: third ?? '', group: 'adm', of: 'member' })
        await ensure(world.databases, [tina, tom, anna])
        await asPerson(world, customer, tina, "SELECT lo_from_bytea(0, 'mine')")
        await asPerson(world, customer, anna, `CREATE TABLE mine_${cutAt} ()`)
        const leaving = [tina, tom, anna]
        const logins = leaving.map(({ login }) => login)
        const oids = await Promise.all(logins.map((login) => oidOf(world, login)))
        const sessions = await Promise.all(leaving.map((each) => openAs(world, customer, each)))
        const stayed = await openAs(world, customer, stays)
        const ends = sessions.map(closed)
        const died = await lifeUntil(cutAt, moment, (databases) => revoke(databases, [stays.login]))
        points.push(proxy.last())
        // NO-LATE does not wait for the one that died.
        expect(await revoke(world.databases, [stays.login]), proxy.last()).toEqual({
          proven: true,
          remaining: [anna.login],
        })
        await Promise.all(ends)
        expect(await tracesOf(world, logins, oids)).toEqual([])
        expect((await stayed.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
        await stayed.end()
        // NOTHING-LOST: the table is there, and it alone keeps the role.
        await world.superuser(`DROP TABLE mine_${cutAt}`, databaseName(customer.customerUid))
        expect(await revoke(world.databases, [stays.login])).toEqual({
          proven: true,
          remaining: [],
        })
        for (const login of logins) expect(await oidOf(world, login)).toBe(0)
        if (!died) break
      }
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
})
