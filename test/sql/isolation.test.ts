// The isolation matrix: every way that we know of for one customer to look at another, tried with real logins of the strongest
// kind by each of three customers at each other, who came by their databases in the three ways there are. Each way is refused; what
// PostgreSQL does not hide is in isolation-limits.test.ts. Holds ISOLATED.
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Databases, type CustomerDatabase } from '../../src/databases/databases.ts'
import {
  applicationRoles,
  databaseName,
  groupName,
  loginName,
  markOf,
  type ApplicationRole,
} from '../../src/databases/names.ts'
import { newPassword } from '../../src/databases/password.ts'
import { claimStep } from '../../src/databases/recipe.sql.ts'
import {
  administrators,
  loginOf,
  newCustomer,
  startSqlWorld,
  type SqlWorld,
} from '../support/sql-world.ts'
import { forbiddenStatements } from './isolation-statements.ts'

const { signal } = new AbortController()
const forbidden = { code: '42501' }

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  const made = newCustomer({ connectionLimit: 6 })
  const claimed = newCustomer({ connectionLimit: 6 })
  const beforeTurning = newCustomer({ connectionLimit: 6 })
  const turned = withOtherLogins(beforeTurning)
  const customers = [
    ['whose database was made', made],
    ['who had one of the warm pool', claimed],
    ['whose logins have turned', turned],
  ] as const
  const pairs = customers.flatMap(([who, me]) =>
    customers
      .filter(([, other]) => other !== me)
      .map(([whom, other]) => [who, whom, me, other] as const),
  )
  /** Somebody of each is at work the whole time. */
  const atWork = new Map<CustomerDatabase, Client>()

  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
    await world.databases.ensure(signal, made)
    const pooled = new Databases({ servers: [world.server], allowedExtensions: [], warmPool: 1 })
    await pooled.fillPool(signal, 'main')
    expect((await pooled.ensure(signal, claimed)).steps).toContain(claimStep)
    await pooled.stop()
    await world.databases.ensure(signal, beforeTurning)
    await world.databases.ensure(signal, turned)
    for (const [, customer] of customers) {
      const name = databaseName(customer.customerUid)
      const session = await world.open(loginOf(customer, 'adm'), name)
      await session.query(
        `CREATE TABLE secret AS SELECT 'classified' AS word;
         CREATE TABLE only_${name} ();
         CREATE TABLE output (line text);
         CREATE FUNCTION fired() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
         CREATE TEMP TABLE at_work AS SELECT 'classified' AS word;
         SELECT lo_from_bytea(${largeObjectOf(customer)}, 'classified');
         SELECT pg_advisory_lock(42)`,
      )
      atWork.set(customer, session)
    }
  })
  afterAll(async () => {
    for (const session of atWork.values()) await session.end()
    await world[Symbol.asyncDispose]()
  })

  function largeObjectOf(customer: CustomerDatabase): number {
    return 70_000 + customers.findIndex(([, each]) => each === customer)
  }

  describe.each(pairs)('a customer %s, looking at one %s,', (_who, _whom, me, other) => {
    const mine = databaseName(me.customerUid)
    const theirs = databaseName(other.customerUid)
    const theirGroups = applicationRoles.map((role) => groupName(other.customerUid, role))
    const theirLogins = applicationRoles.map((role) => other.logins[role].username)
    const iSay = <Row = Record<string, unknown>>(text: string) => world.as<Row>(me, 'adm', text)

    test.each(forbiddenStatements)('%s', async (_says, statements) => {
      for (const statement of statements) {
        const text = statement
          .replaceAll('%o', theirs)
          .replaceAll('%l', other.logins.rw.username)
          .replaceAll('%a', groupName(other.customerUid, 'adm'))
        await expect(iSay(text), text).rejects.toMatchObject(forbidden)
      }
    })

    test('14: cannot connect to the database', async () => {
      for (const role of applicationRoles) {
        await expect(world.as(me, role, 'SELECT 1', other)).rejects.toMatchObject(forbidden)
      }
    })

    test('15: cannot enter the databases of the server', async () => {
      const enter = (database: string) => world.open(loginOf(me, 'adm'), database)
      await expect(enter('postgres')).rejects.toMatchObject(forbidden)
      await expect(enter('template1')).rejects.toMatchObject(forbidden)
      await expect(enter('template0')).rejects.toMatchObject({ code: '55000' })
    })

    test('16: cannot sign in as one of their logins', async () => {
      const login = { user: other.logins.rw.username, password: me.logins.rw.password }
      await expect(world.open(login, theirs)).rejects.toMatchObject({ code: '28P01' })
    })

    test('17: cannot become one of their roles', async () => {
      for (const role of [...theirGroups, ...theirLogins, 'tenantry_dbo']) {
        await expect(iSay(`SET ROLE ${role}`)).rejects.toMatchObject(forbidden)
        await expect(iSay(`SET SESSION AUTHORIZATION ${role}`)).rejects.toMatchObject(forbidden)
      }
    })

    test('18: cannot put itself into one of their groups, nor them into its own', async () => {
      for (const group of [...theirGroups, 'tenantry_dbo']) {
        await expect(iSay(`GRANT ${group} TO CURRENT_USER`)).rejects.toMatchObject(forbidden)
      }
      for (const group of applicationRoles.map((role) => groupName(me.customerUid, role))) {
        const grant = `GRANT ${group} TO ${other.logins.rw.username}`
        await expect(iSay(grant)).rejects.toMatchObject(forbidden)
      }
    })

    test('19: cannot take the roles that read or change everything', async () => {
      const roles = await world.superuser<{ name: string }>(
        `SELECT rolname::text AS name FROM pg_roles
         WHERE rolname ~ '^pg_' AND rolname <> 'pg_database_owner'`,
      )
      expect(roles.map(({ name }) => name)).toContain('pg_read_all_data')
      for (const { name } of roles) {
        await expect(iSay(`GRANT ${name} TO CURRENT_USER`), name).rejects.toMatchObject(forbidden)
        await expect(iSay(`SET ROLE ${name}`), name).rejects.toMatchObject(forbidden)
      }
    })

    test('20: cannot name a table across databases', async () => {
      await expect(iSay(`SELECT * FROM ${theirs}.public.secret`)).rejects.toMatchObject({
        code: '0A000',
      })
    })

    test('21: sees none of their tables in any catalog', async () => {
      const found = await iSay(
        "SELECT relname::text AS name FROM pg_class WHERE relname ~ '^only_'",
      )
      expect(found).toEqual([{ name: `only_${mine}` }])
    })

    test('22: cannot read their large objects', async () => {
      expect(await iSay(`SELECT lo_get(${largeObjectOf(me)})::text AS word`)).toHaveLength(1)
      const theirs = `SELECT lo_get(${largeObjectOf(other)})`
      await expect(iSay(theirs)).rejects.toMatchObject({ code: '42704' })
    })

    test('23: does not see what they are doing', async () => {
      const seen = await iSay(
        `SELECT DISTINCT query, client_addr, state, query_start, xact_start
         FROM pg_stat_activity WHERE datname = '${theirs}'`,
      )
      const hidden = { client_addr: null, state: null, query_start: null, xact_start: null }
      expect(seen).toEqual([{ query: '<insufficient privilege>', ...hidden }])
    })

    test('24: cannot cancel or end their sessions', async () => {
      const pids = await world.superuser<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = '${theirs}'`,
      )
      expect(pids).not.toEqual([])
      for (const { pid } of pids) {
        await expect(iSay(`SELECT pg_terminate_backend(${pid})`)).rejects.toMatchObject(forbidden)
        await expect(iSay(`SELECT pg_cancel_backend(${pid})`)).rejects.toMatchObject(forbidden)
      }
    })

    test('25: does not hear their notifications', async () => {
      const session = await world.open(loginOf(me, 'adm'), mine)
      const heard: (string | undefined)[] = []
      session.on('notification', ({ payload }) => heard.push(payload))
      await session.query('LISTEN work')
      await atWork.get(other)?.query("NOTIFY work, 'theirs'")
      await atWork.get(me)?.query("NOTIFY work, 'own'")
      await expect.poll(() => heard).toEqual(['own'])
      await session.end()
    })

    test('26: does not meet their advisory locks, and cannot hold up the operator', async () => {
      await atWork.get(me)?.query('SELECT pg_advisory_unlock(42)')
      expect(await iSay('SELECT pg_try_advisory_lock(42) AS got')).toEqual([{ got: true }])
      await atWork.get(me)?.query('SELECT pg_advisory_lock(42)')
      const session = await world.open(loginOf(me, 'adm'), mine)
      const lock = 'SELECT pg_advisory_lock(hashtextextended($1, 0))'
      await session.query(lock, [markOf(other.customerUid)])
      expect(await world.databases.ensure(signal, other)).toEqual({ wrote: false, steps: [] })
      await session.end()
    })

    test('27: does not see their temporary tables', async () => {
      await expect(iSay('SELECT * FROM at_work')).rejects.toMatchObject({ code: '42P01' })
      // One is its own, of the session that is at work.
      expect(await iSay("SELECT 1 FROM pg_class WHERE relname = 'at_work'")).toHaveLength(1)
    })

    test('28: cannot make the operator call its functions', async () => {
      await iSay('CREATE TABLE called (by text); GRANT ALL ON called TO PUBLIC')
      await iSay(
        `CREATE FUNCTION public.pg_get_userbyid(oid) RETURNS name LANGUAGE plpgsql AS $$
         BEGIN INSERT INTO public.called VALUES (current_user); RETURN ''; END $$`,
      )
      await world.databases.ensure(signal, me)
      expect(await world.databases.prove(signal, me)).toEqual({ isolated: true, problems: [] })
      expect(await iSay('SELECT * FROM called')).toEqual([])
      await iSay('DROP FUNCTION public.pg_get_userbyid; DROP TABLE called')
    })

    test('29: lets nobody of them in by giving to everybody', async () => {
      await iSay(
        `CREATE SCHEMA shared; GRANT ALL ON SCHEMA shared TO PUBLIC;
         ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC; CREATE TABLE shared.t (n int)`,
      )
      const look = world.as(other, 'adm', 'SELECT * FROM shared.t', me)
      await expect(look).rejects.toMatchObject(forbidden)
      await iSay(
        'DROP SCHEMA shared CASCADE; ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC',
      )
    })

    test('30: cannot import a snapshot of theirs', async () => {
      const session = atWork.get(other)
      await session?.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      const exported = await session?.query<{ id: string }>('SELECT pg_export_snapshot() AS id')
      const set = `SET TRANSACTION SNAPSHOT '${exported?.rows[0]?.id}'`
      await expect(
        iSay(`BEGIN ISOLATION LEVEL REPEATABLE READ; ${set}; COMMIT`),
      ).rejects.toMatchObject({ code: '0A000' })
      await session?.query('COMMIT')
    })

    test('31: cannot take up connections that are theirs', async () => {
      const crowd: Client[] = []
      const enter = async (): Promise<void> => {
        for (let count = 0; count < 10; count += 1) {
          crowd.push(await world.open(loginOf(me, 'ro'), mine))
        }
      }
      await expect(enter()).rejects.toMatchObject({ code: '53300' })
      await expect(world.as(other, 'ro', 'SELECT 1')).resolves.toHaveLength(1)
      await Promise.all(crowd.map((client) => client.end()))
    })
  })
})

/** The second of each pair. */
function withOtherLogins(spec: CustomerDatabase): CustomerDatabase {
  const login = (role: ApplicationRole) => ({
    username: loginName(spec.customerUid, role, 'b'),
    password: newPassword(),
  })
  return { ...spec, logins: { adm: login('adm'), rw: login('rw'), ro: login('ro') } }
}
