// A customer's database on a real PostgreSQL: made, proven, used by its applications. Holds ISOLATED, QUIET, PROVEN.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CustomerDatabase } from '../../src/databases/databases.ts'
import {
  applicationRoles,
  databaseName,
  groupName,
  loginName,
  markOf,
} from '../../src/databases/names.ts'
import { newPassword } from '../../src/databases/password.ts'
import {
  administrators,
  loginOf,
  newCustomer,
  startSqlWorld,
  writesOf,
  type SqlWorld,
} from '../support/sql-world.ts'

const { signal } = new AbortController()

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let a: CustomerDatabase
  let b: CustomerDatabase
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind, { log_statement: 'all', log_line_prefix: '%a|' })
    ;[a, b] = [newCustomer(), newCustomer()]
    await world.databases.ensure(signal, a)
    await world.databases.ensure(signal, b)
  })
  afterAll(() => world[Symbol.asyncDispose]())

  test('both databases are proven isolated', async () => {
    for (const each of [a, b]) {
      expect(await world.databases.prove(signal, each)).toEqual({ isolated: true, problems: [] })
    }
  })

  test('a database is owned by a role that nobody signs in as, and marked with its customer', async () => {
    const name = databaseName(a.customerUid)
    expect(
      await world.superuser(
        `SELECT pg_get_userbyid(datdba)::text AS owner, datconnlimit, datacl::text,
           shobj_description(d.oid, 'pg_database') AS mark, rolcanlogin
         FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE datname = '${name}'`,
      ),
    ).toEqual([
      {
        owner: 'tenantry_dbo',
        datconnlimit: 30,
        datacl: `{tenantry_dbo=CTc/tenantry_dbo,${name}_ro=c/tenantry_dbo,${name}_adm=CT/tenantry_dbo}`,
        mark: markOf(a.customerUid),
        rolcanlogin: false,
      },
    ])
  })

  test('a database is closed until nobody else can enter it', async () => {
    const from = world.log().length
    const spec = newCustomer()
    const { steps } = await world.databases.ensure(signal, spec)
    expect(steps).toEqual([
      'roles',
      'create database',
      'mark and owner',
      'rights',
      'open',
      'schema public',
    ])
    const name = databaseName(spec.customerUid)
    const order = [
      `COMMENT ON ROLE "${name}_adm_a"`,
      `CREATE DATABASE "${name}" OWNER "tenantry_dbo" TEMPLATE template0 STRATEGY wal_log ALLOW_CONNECTIONS false CONNECTION LIMIT 30`,
      `COMMENT ON DATABASE "${name}"`,
      `REVOKE ALL ON DATABASE "${name}" FROM PUBLIC`,
      `GRANT CONNECT ON DATABASE "${name}" TO "${name}_ro"`,
      `ALTER ROLE "${name}_adm_a" IN DATABASE "${name}" SET role`,
      `ALTER DATABASE "${name}" ALLOW_CONNECTIONS true`,
      'ALTER SCHEMA public OWNER TO',
      'REVOKE ALL ON SCHEMA public FROM PUBLIC',
      'ALTER DEFAULT PRIVILEGES FOR ROLE',
    ].map((statement) => world.log(from).indexOf(statement))
    expect(order).not.toContain(-1)
    expect(order).toEqual(order.toSorted((one, other) => one - other))
  })

  test.each(applicationRoles)(
    "%s of one customer is refused in the other's database",
    async (role) => {
      await expect(world.as(a, role, 'SELECT 1')).resolves.toHaveLength(1)
      await expect(world.as(a, role, 'SELECT 1', b)).rejects.toMatchObject({ code: '42501' })
    },
  )

  test('adm makes tables and functions, rw writes them, ro reads them', async () => {
    await world.as(a, 'adm', 'CREATE TABLE thing (id serial, n int)')
    await world.as(a, 'rw', 'INSERT INTO thing (n) VALUES (7)')
    expect(await world.as(a, 'ro', 'SELECT n FROM thing')).toEqual([{ n: 7 }])
    await world.as(a, 'adm', 'CREATE FUNCTION twice(int) RETURNS int RETURN $1 * 2')
    await world.as(a, 'adm', 'REVOKE EXECUTE ON FUNCTION twice FROM PUBLIC')
    expect(await world.as(a, 'ro', 'SELECT twice(n) FROM thing')).toEqual([{ twice: 14 }])
    expect(
      await world.as(a, 'adm', "SELECT tableowner FROM pg_tables WHERE tablename = 'thing'"),
    ).toEqual([{ tableowner: groupName(a.customerUid, 'adm') }])
  })

  test.each([
    ['rw', 'make a table', 'CREATE TABLE mine (n int)'],
    ['ro', 'make a table', 'CREATE TABLE mine (n int)'],
    ['ro', 'write', 'INSERT INTO thing (n) VALUES (8)'],
    ['rw', 'change a table', 'ALTER TABLE thing ADD COLUMN more int'],
    ['adm', 'raise the connection limit', 'ALTER DATABASE %d CONNECTION LIMIT 999'],
    ['adm', 'change the mark', "COMMENT ON DATABASE %d IS 'mine'"],
    ['adm', 'drop the database', 'DROP DATABASE %d'],
    ['adm', 'make a role', 'CREATE ROLE intruder'],
    ['adm', 'make a database', 'CREATE DATABASE intruder'],
    ['adm', 'become the owner', 'SET ROLE tenantry_dbo'],
  ] as const)('%s cannot %s', async (role, _what, statement) => {
    const code = statement.startsWith('DROP') ? '55006' : '42501' // PostgreSQL says first that one is inside
    const text = statement.replace('%d', databaseName(a.customerUid))
    const failure = await world.as(a, role, text).catch((error: unknown) => error)
    expect(['42501', code]).toContain(Reflect.get(Object(failure), 'code'))
  })

  test('adm cannot let somebody else in', async () => {
    // PostgreSQL only warns here, so the effect is asked.
    await world.as(a, 'adm', `GRANT CONNECT ON DATABASE ${databaseName(a.customerUid)} TO PUBLIC`)
    await expect(world.as(b, 'rw', 'SELECT 1', a)).rejects.toMatchObject({ code: '42501' })
  })

  test('a second run writes nothing', async () => {
    const before = await writesOf(world)
    expect(await world.databases.ensure(signal, a)).toEqual({ wrote: false, steps: [] })
    expect(await world.databases.prove(signal, a)).toMatchObject({ isolated: true })
    expect(await writesOf(world)).toBe(before)
  })

  test('the second login of a pair takes over while the first still works', async () => {
    const rw = { username: loginName(b.customerUid, 'rw', 'b'), password: newPassword() }
    const rotated = { ...b, logins: { ...b.logins, rw }, graces: { rw: 'open' as const } }
    expect((await world.databases.ensure(signal, rotated)).steps).toEqual(['roles'])
    expect(await world.databases.prove(signal, rotated)).toMatchObject({ isolated: true })
    await expect(world.as(rotated, 'rw', 'SELECT 1')).resolves.toHaveLength(1)
    await expect(world.as(b, 'rw', 'SELECT 1')).resolves.toHaveLength(1)
  })

  test('twelve customers are made at the same time, by no more than four workers', async () => {
    const specs = Array.from({ length: 12 }, () => newCustomer())
    let most = 0
    const watch = setInterval(() => {
      void world
        .superuser<{ count: number }>(
          `SELECT count(*)::int AS count FROM pg_stat_activity
           WHERE application_name = 'tenantry' AND datname = 'postgres'`,
        )
        .then(([row]) => (most = Math.max(most, row?.count ?? 0)))
    }, 50)
    await Promise.all(specs.map((spec) => world.databases.ensure(signal, spec)))
    clearInterval(watch)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(4)
    for (const spec of specs) {
      expect(await world.databases.prove(signal, spec)).toMatchObject({ isolated: true })
    }
  })

  test('two operators that make the same customer at once make one database', async () => {
    await using other = {
      databases: world.connect(),
      [Symbol.asyncDispose]: async () => other.databases.stop(),
    }
    const spec = newCustomer()
    const runs = [world.databases, other.databases, world.databases].map((databases) =>
      databases.ensure(signal, spec),
    )
    const steps = (await Promise.all(runs)).flatMap((run) => run.steps)
    expect(steps.filter((step) => step === 'create database')).toHaveLength(1)
    expect(await world.databases.prove(signal, spec)).toMatchObject({ isolated: true })
  })

  test('a run that is aborted while it waits for another one ends at once', async () => {
    const holder = await world.open(world.operator, 'postgres')
    const spec = newCustomer()
    await holder.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [
      markOf(spec.customerUid),
    ])
    const run = new AbortController()
    const waiting = world.databases.ensure(run.signal, spec)
    await expect
      .poll(() =>
        world.superuser("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"),
      )
      .toHaveLength(1)
    run.abort(new Error('stopped'))
    await expect(waiting).rejects.toThrow('stopped')
    await holder.end()
    expect(await world.databases.ensure(signal, spec)).toMatchObject({ wrote: true })
  })

  test('no password is in the log of the server, and none in a statement that fails', async () => {
    const spec = newCustomer()
    await world.databases.ensure(signal, spec)
    await world.superuser(`ALTER ROLE ${spec.logins.rw.username} PASSWORD 'changed'`)
    await world.databases.ensure(signal, spec)
    await world.superuser(`ALTER ROLE ${spec.logins.ro.username} PASSWORD 'changed'`)
    const prove = await world.databases.prove(signal, spec)
    expect(prove.problems).toEqual([`${spec.logins.ro.username} is refused with its own password`])
    expect(world.log()).toContain(`CREATE ROLE "${spec.logins.rw.username}"`) // the log has the statements
    expect(world.log()).toContain(
      `ALTER ROLE "${spec.logins.rw.username}" PASSWORD 'SCRAM-SHA-256$`,
    )
    for (const role of applicationRoles) {
      expect(world.log()).not.toContain(loginOf(spec, role).password)
    }
    // As the superuser of these tests is the operator in one of the two runs; it made `creator` in the other.
    if (kind === 'superuser') expect(world.log()).not.toContain(world.operator.password)
  })

  test('nothing that the operator ever said to the server dropped anything', () => {
    // An entry goes on over lines that begin with a tab.
    const entries = world.log().split(/\n(?!\t)/)
    const said = entries.filter((entry) => entry.startsWith('tenantry|'))
    expect(said.length).toBeGreaterThan(100)
    expect(said.filter((entry) => /\b(DROP|TRUNCATE|DELETE FROM)\b/i.test(entry))).toEqual([])
  })
})
