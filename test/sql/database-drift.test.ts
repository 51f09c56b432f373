// What somebody changed behind the operator's back: seen for a whole server in two queries, put right, and said by name.
// Holds ISOLATED, PROVEN, QUIET.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CustomerDatabase } from '../../src/databases/databases.ts'
import { databaseName, groupName } from '../../src/databases/names.ts'
import {
  administrators,
  loginOf,
  newCustomer,
  startSqlWorld,
  writesOf,
  type SqlWorld,
} from '../support/sql-world.ts'

const { signal } = new AbortController()

type Drift = {
  readonly who: string
  readonly sql: string
  /** In the words of the operator. */
  readonly said: string
  /** The step that puts it right. */
  readonly step: string
  /** What a superuser must do first where the operator is none. */
  readonly undo?: string
}

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let a: CustomerDatabase
  let b: CustomerDatabase
  let foreign: readonly unknown[]
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind, { log_statement: 'all', log_line_prefix: '%a|' })
    ;[a, b] = [newCustomer(), newCustomer()]
    await world.databases.ensure(signal, a)
    await world.databases.ensure(signal, b)
    await world.superuser('CREATE ROLE bob LOGIN')
    await world.superuser('CREATE DATABASE bobs')
    foreign = await foreigners()
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const name = () => databaseName(a.customerUid)
  const adm = () => groupName(a.customerUid, 'adm')
  const rw = () => groupName(a.customerUid, 'rw')
  const ro = () => groupName(a.customerUid, 'ro')

  /** What is nobody's business: it must stay as it is whatever is repaired. */
  function foreigners(): Promise<readonly unknown[]> {
    return world.superuser(
      `SELECT rolname::text AS name, rolcanlogin::text AS what FROM pg_roles WHERE rolname = 'bob'
       UNION ALL SELECT datname, coalesce(datacl::text, '') FROM pg_database WHERE datname = 'bobs'`,
    )
  }

  // `%d`: the database; `%a`, `%w`, `%r`: its groups; `%o`: the operator.
  const drifts: readonly Drift[] = [
    {
      who: 'opened it to everybody',
      sql: 'GRANT CONNECT ON DATABASE %d TO PUBLIC',
      said: 'PUBLIC has CONNECT',
      step: 'rights',
    },
    {
      who: 'gave a stranger the right to connect',
      sql: 'GRANT CONNECT ON DATABASE %d TO bob',
      said: 'bob has CONNECT',
      step: 'rights',
    },
    {
      who: 'let readers hand the right on',
      sql: 'GRANT CONNECT ON DATABASE %d TO %r WITH GRANT OPTION',
      said: '%r has CONNECT*',
      step: 'rights',
    },
    {
      who: 'took the right to connect',
      sql: 'REVOKE CONNECT ON DATABASE %d FROM %r',
      said: '%r lacks CONNECT',
      step: 'rights',
    },
    {
      who: 'let the application act for itself',
      sql: 'ALTER ROLE %a_a IN DATABASE %d RESET role',
      said: '%a_a does not act as %a',
      step: 'rights',
    },
    {
      who: 'raised the limit',
      sql: 'ALTER DATABASE %d CONNECTION LIMIT 5',
      said: 'its connection limit is 5',
      step: 'open',
    },
    {
      who: 'closed it',
      sql: 'ALTER DATABASE %d ALLOW_CONNECTIONS false',
      said: 'the database is closed',
      step: 'open',
    },
    {
      who: 'made it a template',
      sql: 'ALTER DATABASE %d IS_TEMPLATE true',
      said: 'the database is a template',
      step: 'mark and owner',
    },
    {
      who: 'gave it away',
      sql: 'ALTER DATABASE %d OWNER TO %a',
      said: 'the database belongs to %a',
      step: 'mark and owner',
    },
    {
      who: 'put a stranger into a group',
      sql: 'GRANT %w TO bob',
      said: 'bob is in %w',
      step: 'roles',
      undo: 'REVOKE %w FROM bob',
    },
    {
      who: 'put a login into a group of the server',
      sql: 'GRANT pg_read_all_data TO %r_a',
      said: '%r_a is in pg_read_all_data',
      step: 'roles',
      undo: 'REVOKE pg_read_all_data FROM %r_a',
    },
    {
      who: 'let a login hand its group on',
      sql: 'GRANT %w TO %w_a WITH ADMIN OPTION',
      said: '%w_a may hand on %w',
      step: 'roles',
      undo: 'REVOKE ADMIN OPTION FOR %w FROM %w_a',
    },
    {
      who: 'took a login out of its group',
      sql: 'REVOKE %r FROM %r_a GRANTED BY %o',
      said: '%r_a is not in %r',
      step: 'roles',
    },
    {
      who: 'made a membership useless',
      sql: 'GRANT %r TO %w WITH INHERIT FALSE GRANTED BY %o',
      said: '%w is not in %r',
      step: 'roles',
    },
    {
      who: 'forbade a login',
      sql: 'ALTER ROLE %w_a NOLOGIN',
      said: '%w_a is not LOGIN',
      step: 'roles',
    },
    {
      who: 'let a group sign in',
      sql: 'ALTER ROLE %w LOGIN',
      said: '%w is not NOLOGIN',
      step: 'roles',
    },
    {
      who: 'gave a login an end',
      sql: "ALTER ROLE %w_a VALID UNTIL '2020-01-01'",
      said: '%w_a has an end',
      step: 'roles',
    },
    {
      who: 'gave a login power',
      sql: 'ALTER ROLE %w_a CREATEDB',
      said: '%w_a is CREATEDB',
      step: 'roles',
    },
    {
      who: 'removed a login',
      sql: 'DROP OWNED BY %r_a; DROP ROLE %r_a',
      said: 'role %r_a is missing',
      step: 'roles',
    },
  ]

  test.each(drifts)('who $who is found and undone', async ({ sql, said, step, undo }) => {
    const fill = (text: string) =>
      text
        .replaceAll('%d', name())
        .replaceAll('%a', adm())
        .replaceAll('%w', rw())
        .replaceAll('%r', ro())
        .replaceAll('%o', world.operator.user)
    await world.superuser(fill(sql))

    const seen = await world.databases.observe(signal, 'main')
    expect(seen.customers.get(a.customerUid)?.join('; ')).toContain(fill(said))
    expect(seen.customers.get(b.customerUid)).toEqual([])
    const proof = await world.databases.prove(signal, a)
    expect(proof.isolated).toBe(false)
    expect(proof.problems.join('; ')).toContain(fill(said))

    const steps = await repaired(undo === undefined ? undefined : fill(undo))
    expect(steps).toContain(step)
    expect(await world.databases.prove(signal, a)).toEqual({ isolated: true, problems: [] })
    expect((await world.databases.observe(signal, 'main')).customers.get(a.customerUid)).toEqual([])
    expect(await foreigners()).toEqual(foreign)
    await expect(world.as(b, 'rw', 'SELECT 1', a)).rejects.toMatchObject({ code: '42501' })
  })

  /** What only a superuser may undo is said; when one has undone it, the operator goes on. */
  async function repaired(undo: string | undefined): Promise<readonly string[]> {
    if (undo !== undefined && kind === 'creator') {
      await expect(world.databases.ensure(signal, a)).rejects.toMatchObject({
        code: 'OPERATOR_LACKS_RIGHTS',
        reason: 'DatabaseRightsMissing',
      })
      await world.superuser(undo)
      await world.databases.ensure(signal, a)
      return ['roles']
    }
    return (await world.databases.ensure(signal, a)).steps
  }

  test('what only a superuser may undo does not keep an open door open', async () => {
    await world.superuser(
      `GRANT ${rw()} TO bob; ALTER ROLE ${rw()} LOGIN; GRANT CONNECT ON DATABASE ${name()} TO PUBLIC`,
    )
    const failure = await world.databases.ensure(signal, a).catch((error: unknown) => error)
    if (kind === 'creator') {
      expect(failure).toMatchObject({ code: 'OPERATOR_LACKS_RIGHTS' })
      expect(String(failure)).toContain(`bob is in ${rw()}`)
      expect((await world.databases.prove(signal, a)).problems).toEqual([
        `bob is in ${rw()}`,
        'bob may connect',
      ])
      await world.superuser(`REVOKE ${rw()} FROM bob`)
    }
    expect(await world.databases.prove(signal, a)).toEqual({ isolated: true, problems: [] })
  })

  test('a session that came in while the door stood open is ended', async () => {
    await world.superuser(`GRANT CONNECT ON DATABASE ${name()} TO PUBLIC`)
    const intruder = await world.open(loginOf(b, 'rw'), name())
    const own = await world.open(loginOf(a, 'rw'), name())
    const seen = await world.databases.observe(signal, 'main')
    expect(seen.customers.get(a.customerUid)?.join('; ')).toContain(
      `sessions of ${b.logins.rw.username} are in the database`,
    )
    expect((await world.databases.ensure(signal, a)).steps).toEqual(['rights', 'sessions'])
    await expect(intruder.query('SELECT 1')).rejects.toThrow()
    await expect(own.query('SELECT 1')).resolves.toBeDefined()
    await own.end()
  })

  test('a password that somebody changed is the one of the Secret again', async () => {
    await world.superuser(`ALTER ROLE ${a.logins.rw.username} PASSWORD 'other'`)
    await expect(world.as(a, 'rw', 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
    const seen = await world.databases.observe(signal, 'main')
    // Only a superuser may read verifiers; elsewhere a sign-in tells.
    expect(seen.customers.get(a.customerUid)).toEqual(
      kind === 'superuser' ? [`the password of ${a.logins.rw.username} was changed`] : [],
    )
    expect((await world.databases.ensure(signal, a)).steps).toEqual(['passwords'])
    await expect(world.as(a, 'rw', 'SELECT 1')).resolves.toHaveLength(1)
    expect((await world.databases.observe(signal, 'main')).customers.get(a.customerUid)).toEqual([])
  })

  test('a database that somebody dropped is missed, and made again', async () => {
    const spec = newCustomer()
    await world.databases.ensure(signal, spec)
    await world.superuser(`DROP DATABASE ${databaseName(spec.customerUid)}`)
    const seen = await world.databases.observe(signal, 'main')
    expect(seen.customers.get(spec.customerUid)?.[0]).toContain('is missing')
    expect((await world.databases.ensure(signal, spec)).steps[0]).toBe('create database')
    expect(await world.databases.prove(signal, spec)).toMatchObject({ isolated: true })
  })

  test('inside the database: what was opened to everybody is closed, and readers see again', async () => {
    await world.superuser(
      `GRANT ALL ON SCHEMA public TO PUBLIC; REVOKE USAGE ON SCHEMA public FROM ${ro()};
       ALTER DEFAULT PRIVILEGES FOR ROLE ${adm()} IN SCHEMA public REVOKE SELECT ON TABLES FROM ${ro()}`,
      name(),
    )
    expect((await world.databases.prove(signal, a)).problems).toHaveLength(3)
    expect((await world.databases.ensure(signal, a)).steps).toEqual(['schema public'])
    expect(await world.databases.prove(signal, a)).toMatchObject({ isolated: true })
  })

  test('a schema public that the customer dropped stays dropped', async () => {
    await world.as(b, 'adm', 'DROP SCHEMA public CASCADE')
    expect(await world.databases.ensure(signal, b)).toEqual({ wrote: false, steps: [] })
    expect(await world.databases.prove(signal, b)).toMatchObject({ isolated: true })
  })

  test('the server itself: its databases are closed again, and its owner role is nobody else’s', async () => {
    await world.superuser(
      'GRANT CONNECT ON DATABASE template1 TO PUBLIC; GRANT tenantry_dbo TO bob',
    )
    const { server } = await world.databases.observe(signal, 'main')
    expect(server.join('; ')).toContain('bob is in tenantry_dbo')
    expect(server.join('; ')).toContain('database template1 is open to PUBLIC')
    expect((await world.databases.prove(signal, a)).problems).toEqual(['bob may connect'])
    await world.databases.ensure(signal, a)
    if (kind === 'creator') {
      expect((await world.databases.prove(signal, a)).problems).toEqual(['bob may connect'])
      await world.superuser('REVOKE tenantry_dbo FROM bob')
    }
    expect(await world.databases.prove(signal, a)).toMatchObject({ isolated: true })
    expect((await world.databases.observe(signal, 'main')).server).toEqual(
      // Who is no superuser may not close what it does not own, and says so.
      kind === 'superuser'
        ? []
        : [
            'database template1 is open to PUBLIC, and the operator may not close it: its owner has to',
          ],
    )
    await world.superuser('REVOKE CONNECT ON DATABASE template1 FROM PUBLIC')
  })

  test('a look at the whole server is two queries and no write, also by an operator that has just started', async () => {
    const started = world.connect()
    const first = await started.observe(signal, 'main')
    expect(first.customers.size).toBeGreaterThanOrEqual(3)
    expect([...first.customers.values()].flat()).toEqual([])
    const before = await writesOf(world)
    const from = world.log().length
    const { customers, server } = await started.observe(signal, 'main')
    const asked = world
      .log(from)
      .split(/\n(?!\t)/)
      .filter((entry) => entry.startsWith('tenantry|LOG'))
    expect(asked).toHaveLength(2)
    expect(await writesOf(world)).toBe(before)
    expect([...customers.values(), server].flat()).toEqual([])
    await started.stop()
  })
})
