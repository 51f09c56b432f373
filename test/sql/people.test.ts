// People's own logins in a customer's database, as they sign in and as they are thrown out: tried with real sessions.
// Holds NO-LATE, PROVEN, ISOLATED, NOTHING-LOST, QUIET.
import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CustomerDatabase } from '../../src/databases/databases.ts'
import {
  databaseName,
  deviceRole,
  groupName,
  markOf,
  personLogin,
} from '../../src/databases/names.ts'
import { newPassword } from '../../src/databases/password.ts'
import type { PersonLogin } from '../../src/databases/people.ts'
import { asPerson, closed, newPerson, oidOf, openAs, tracesOf } from '../support/people.ts'
import {
  administrators,
  loginOf,
  newCustomer,
  startSqlWorld,
  writesOf,
  type SqlWorld,
} from '../support/sql-world.ts'

const { signal } = new AbortController()
const forbidden = { code: '42501' }

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let customer: CustomerDatabase
  let other: CustomerDatabase
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind, { log_statement: 'all' })
    ;[customer, other] = [newCustomer(), newCustomer()]
    for (const each of [customer, other]) await world.databases.ensure(signal, each)
    await world.as(
      customer,
      'adm',
      'CREATE TABLE word (id int, word text); INSERT INTO word SELECT n, n::text FROM generate_series(1, 2000) n',
    )
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const ensure = (people: readonly PersonLogin[], databases = world.databases) =>
    databases.ensurePeople(signal, { ...customer, people })
  const revoke = (except: readonly string[] = [], databases = world.databases) =>
    databases.revokePeople(signal, { ...customer, except })
  const gone = { proven: true, remaining: [] }
  const say = <Row = Record<string, unknown>>(person: PersonLogin, text: string) =>
    asPerson<Row>(world, customer, person, text)

  async function letIn(change: Partial<PersonLogin> = {}): Promise<PersonLogin> {
    const person = newPerson(customer, change)
    await ensure([person])
    return person
  }

  describe('a person', () => {
    test('with full access reads and writes, and makes, owns and becomes nothing (TH-17)', async () => {
      const tina = await letIn()
      await say(tina, "INSERT INTO word VALUES (0, 'new'); UPDATE word SET word = 'n' WHERE id = 0")
      expect(await say(tina, 'DELETE FROM word WHERE id = 0 RETURNING word')).toEqual([
        { word: 'n' },
      ])
      for (const statement of [
        'CREATE TABLE t ()',
        'CREATE TEMP TABLE t ()',
        'CREATE SCHEMA s',
        'DROP TABLE word',
        ...(['adm', 'rw', 'ro'] as const).map(
          (role) => `SET ROLE ${groupName(customer.customerUid, role)}`,
        ),
        'SET ROLE tenantry_dbo',
        `ALTER ROLE ${tina.login} VALID UNTIL 'infinity'`,
        `GRANT ${groupName(customer.customerUid, 'rw')} TO ${loginOf(other, 'ro').user}`,
        `GRANT ${tina.login} TO ${loginOf(other, 'ro').user}`,
      ]) {
        await expect(say(tina, statement), statement).rejects.toMatchObject(forbidden)
      }
    })

    test('who may only read writes nothing', async () => {
      const rita = await letIn({ group: 'ro' })
      expect(await say(rita, 'SELECT count(*)::int AS n FROM word')).toEqual([{ n: 2000 }])
      await expect(say(rita, "INSERT INTO word VALUES (0, '')")).rejects.toMatchObject(forbidden)
    })

    test('enters no other database of the server', async () => {
      const tina = await letIn()
      for (const name of [databaseName(other.customerUid), 'postgres', 'template1']) {
        await expect(
          world.open({ user: tina.login, password: tina.password }, name),
          name,
        ).rejects.toMatchObject(forbidden)
      }
    })

    test('is let in until the end of the window and not at it', async () => {
      const until = Date.now() + 1_500
      const tina = await letIn({ until })
      expect(await say(tina, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
      const [end] = await world.superuser<{ end: string }>(
        `SELECT to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') AS "end"
         FROM pg_roles WHERE rolname = '${tina.login}'`,
      )
      expect(end?.end).toBe(`${new Date(until - 1).toISOString().slice(0, -1)}999`)
      expect(await world.databases.peopleOf(signal, customer)).toContainEqual({
        login: tina.login,
        of: 'technician',
        canLogin: true,
        validUntil: until,
        groups: [deviceRole(customer.customerUid), groupName(customer.customerUid, 'rw')],
        sessions: 0,
      })
      const session = await openAs(world, customer, tina)
      await expect
        .poll(() => say(tina, 'SELECT 1').catch((error: unknown) => error), { timeout: 5_000 })
        .toMatchObject({ code: '28P01' })
      expect(Date.now()).toBeGreaterThanOrEqual(until)
      // Nothing is written because the end has come; the session is for the revocation to end.
      expect(await ensure([tina])).toEqual({ wrote: false })
      expect((await session.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      const ended = closed(session)
      expect(await revoke()).toEqual(gone)
      await ended
    })
  })

  describe('the operator', () => {
    test('writes nothing where nothing differs', async () => {
      const people = [newPerson(customer), newPerson(customer, { group: 'ro', until: 2e12 })]
      expect(await ensure(people)).toEqual({ wrote: true })
      const logins = people.map(({ login }) => login)
      expect(await revoke(logins)).toEqual(gone)
      const before = await writesOf(world)
      expect(await ensure(people)).toEqual({ wrote: false })
      expect(await revoke(logins)).toEqual(gone)
      await world.databases.peopleOf(signal, customer)
      expect(await writesOf(world)).toBe(before)
      // Nor does the database's own check find anything wrong with them.
      expect(await world.databases.ensure(signal, customer)).toEqual({ wrote: false, steps: [] })
      expect(await world.databases.prove(signal, customer)).toMatchObject({ problems: [] })
    })

    test.each([
      ['the password was changed', "ALTER ROLE %p PASSWORD 'other'"],
      ['the login was closed', 'ALTER ROLE %p NOLOGIN'],
      ['the end was moved', "ALTER ROLE %p VALID UNTIL '2040-01-01'"],
      ['the connections were limited', 'ALTER ROLE %p CONNECTION LIMIT 0'],
      ['it may act as the group', 'GRANT %w TO %p WITH SET TRUE GRANTED BY %o'],
      ['it may hand the group on', 'GRANT %w TO %p WITH ADMIN TRUE GRANTED BY %o'],
      ['it lost the group', 'REVOKE %w FROM %p GRANTED BY %o'],
      ['it got a stronger group', 'GRANT %a TO %p GRANTED BY %o'],
      ['a stranger was let act as it', 'GRANT %p TO stranger GRANTED BY %o'],
      ['it may make databases', 'ALTER ROLE %p CREATEDB'],
      ['its mark names another kind', "COMMENT ON ROLE %p IS '%m member'"],
    ])('puts right that %s', async (_what, sql) => {
      const tina = await letIn({ until: 2e12 })
      await world.superuser(
        `DO $$ BEGIN IF to_regrole('stranger') IS NULL THEN CREATE ROLE stranger; END IF; END $$;
         ${sql}`
          .replaceAll('%p', tina.login)
          .replaceAll('%w', groupName(customer.customerUid, 'rw'))
          .replaceAll('%a', groupName(customer.customerUid, 'adm'))
          .replaceAll('%o', world.operator.user)
          .replaceAll('%m', markOf(customer.customerUid)),
      )
      expect(await ensure([tina])).toEqual({ wrote: true })
      expect(await ensure([tina])).toEqual({ wrote: false })
      expect(await say(tina, 'SELECT count(*)::int AS n FROM word')).toEqual([{ n: 2000 }])
      for (const statement of ['CREATE TABLE t ()', 'CREATE DATABASE d']) {
        await expect(say(tina, statement)).rejects.toMatchObject(forbidden)
      }
    })

    test('follows a window and a scope that change', async () => {
      const tina = await letIn({ until: 2e12 })
      const rita = { ...tina, group: 'ro', until: 'open' } as const
      expect(await ensure([rita])).toEqual({ wrote: true })
      await expect(say(rita, 'DELETE FROM word')).rejects.toMatchObject(forbidden)
      expect(await world.databases.peopleOf(signal, customer)).toContainEqual(
        expect.objectContaining({
          login: tina.login,
          validUntil: 'open',
          groups: [deviceRole(customer.customerUid), groupName(customer.customerUid, 'ro')],
        }),
      )
    })

    test('refuses a technician among the administrators, and a login that is no person’s here', async () => {
      for (const wrong of [
        newPerson(customer, { group: 'adm' }),
        newPerson(other),
        newPerson(customer, { login: loginOf(customer, 'rw').user }),
      ]) {
        await expect(ensure([wrong])).rejects.toThrow(RangeError)
      }
    })

    test('touches no role of that name that somebody else made, and serves and revokes the others', async () => {
      const [foreign, tina] = [newPerson(customer), newPerson(customer)]
      await world.superuser(`CREATE ROLE ${foreign.login} LOGIN PASSWORD 'theirs'`)
      const row = () =>
        world.superuser(`SELECT * FROM pg_authid WHERE rolname = '${foreign.login}'`)
      const before = await row()
      const refused = { code: 'ROLE_FOREIGN', reason: 'RoleNotOurs' }
      await expect(ensure([foreign, tina])).rejects.toMatchObject(refused)
      expect(await say(tina, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
      await expect(revoke()).rejects.toMatchObject(refused)
      await expect(say(tina, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
      expect(await row()).toEqual(before)
      expect(await world.databases.peopleOf(signal, customer)).toContainEqual(
        expect.objectContaining({ login: foreign.login, of: 'stranger' }),
      )
      expect(await revoke([foreign.login])).toEqual(gone)
      await world.superuser(`DROP ROLE ${foreign.login}`)
    })

    test('says that a customer without a database has nobody yet', async () => {
      const nobody = newCustomer()
      await expect(
        world.databases.ensurePeople(signal, { ...nobody, people: [newPerson(nobody)] }),
      ).rejects.toMatchObject({ code: 'DATABASE_FAILED' })
      expect(await world.databases.revokePeople(signal, { ...nobody, except: [] })).toEqual(gone)
      expect(await world.databases.peopleOf(signal, nobody)).toEqual([])
    })

    test('leaves passwords in no statement, no log and no error', async () => {
      const tina = await letIn()
      const failure = await world
        .connect({ password: async () => 'wrong' })
        .ensurePeople(signal, { ...customer, people: [tina] })
        .catch((error: unknown) => error)
      await world.superuser(`ALTER ROLE ${tina.login} PASSWORD 'other'`)
      await ensure([tina])
      await revoke()
      await world.superuser(`CREATE ROLE ${tina.login}`)
      const refused = await ensure([tina]).catch((error: unknown) => error)
      await world.superuser(`DROP ROLE ${tina.login}`)
      expect(inspect([failure, refused], { depth: 8, showHidden: true })).not.toContain(
        tina.password,
      )
      expect(world.log()).toContain(tina.login)
      expect(world.log()).not.toContain(tina.password)
    })

    test('names everybody who has something in the database, whoever let them in', async () => {
      await revoke()
      await world.superuser(
        `CREATE ROLE intruder LOGIN PASSWORD 'intruder'; GRANT ${groupName(customer.customerUid, 'ro')} TO intruder`,
      )
      const session = await world.open(
        { user: 'intruder', password: 'intruder' },
        databaseName(customer.customerUid),
      )
      const application = await world.open(
        loginOf(customer, 'rw'),
        databaseName(customer.customerUid),
      )
      expect(await world.databases.peopleOf(signal, customer)).toEqual([
        {
          login: 'intruder',
          of: 'stranger',
          canLogin: true,
          validUntil: 'open',
          groups: [groupName(customer.customerUid, 'ro')],
          sessions: 1,
        },
      ])
      await world.superuser('DROP ROLE intruder')
      expect(await world.databases.peopleOf(signal, customer)).toMatchObject([
        { login: 'a role that was dropped', of: 'stranger', sessions: 1 },
      ])
      // A superuser may end what belongs to nobody; another administrator says that it is there.
      const remaining = kind === 'superuser' ? [] : ['a role that was dropped']
      expect(await revoke()).toEqual({ proven: kind === 'superuser', remaining })
      await session.end()
      await application.end()
      expect(await revoke()).toEqual(gone)
    })
  })

  describe('a revocation', () => {
    test('ends sessions that idle, hold a cursor, sleep, or hold a lock, and lets nobody back', async () => {
      const tina = await letIn()
      const oid = await oidOf(world, tina.login)
      const open = () => openAs(world, customer, tina)
      const [idle, cursor, sleeping, locking] = await Promise.all([open(), open(), open(), open()])
      await cursor.query('BEGIN; DECLARE c CURSOR FOR SELECT * FROM word; FETCH 1 FROM c')
      const slept = sleeping.query('SELECT pg_sleep(60)').catch((error: unknown) => error)
      // The person's own row of pg_authid: what closes the login has to wait for this transaction.
      await locking.query(`BEGIN; ALTER ROLE ${tina.login} PASSWORD 'mine'`)
      const stop = new AbortController()
      const reconnecting = (async () => {
        const codes = new Set<unknown>()
        while (!stop.signal.aborted) {
          try {
            const again = await open()
            await again.query('SELECT pg_sleep(60)')
          } catch (error) {
            codes.add(Reflect.get(Object(error), 'code'))
          }
        }
        return codes
      })()
      const ends = [idle, cursor, sleeping, locking].map(closed)
      const started = performance.now()
      expect(await revoke()).toEqual(gone)
      const proven = performance.now() - started
      const last = Math.max(...(await Promise.all(ends))) - started
      expect(last).toBeLessThan(1_000)
      expect(proven).toBeLessThan(2_000)
      expect(await slept).toMatchObject({ code: '57P01' })
      expect(await tracesOf(world, [tina.login], [oid])).toEqual([])
      stop.abort()
      const codes = await reconnecting
      expect([...codes]).toContain('28P01')
      expect(await oidOf(world, tina.login)).toBe(0)
      await expect(cursor.query('FETCH 1 FROM c')).rejects.toThrow()
    })

    test('ends who began to arrive before it, and is in no list of sessions yet', async () => {
      const tina = await letIn()
      const slow = new Client({
        host: world.postgres.host,
        port: world.postgres.port,
        ssl: world.postgres.ca === undefined ? false : { ca: world.postgres.ca },
        user: tina.login,
        password: tina.password,
        database: databaseName(customer.customerUid),
        options: '-c post_auth_delay=3', // anybody may ask for it
      })
      slow.on('error', () => {})
      const connecting = slow.connect().then(
        () => slow.query('SELECT 1'),
        () => undefined,
      )
      const arrived = connecting.catch(() => undefined)
      await expect
        .poll(
          () =>
            world.superuser(
              `SELECT 1 AS one FROM pg_locks l JOIN pg_database d ON d.oid = l.objid
               WHERE d.datname = '${databaseName(customer.customerUid)}' AND l.mode = 'RowExclusiveLock'`,
            ),
          { interval: 5 },
        )
        .toEqual([{ one: 1 }])
      expect(await tracesOf(world, [tina.login])).not.toContainEqual(
        expect.objectContaining({ what: 'has a session' }),
      )
      const started = performance.now()
      expect(await revoke()).toEqual(gone)
      expect(performance.now() - started).toBeLessThan(1_000)
      expect(await arrived).toBeUndefined()
      expect(await world.databases.peopleOf(signal, customer)).toEqual([])
    })

    test('takes everything: whoever comes back has a new password and no old right', async () => {
      const organization = randomUUID()
      const login = personLogin(customer.customerUid, organization, 'tina')
      const tina = await letIn({ login })
      const oid = await oidOf(world, login)
      await world.as(customer, 'adm', `GRANT TRUNCATE ON word TO ${login}`)
      await say(tina, "SELECT lo_from_bytea(0, 'mine')")
      await say(tina, `ALTER ROLE ${login} SET work_mem = '1MB'`)
      expect(await revoke()).toEqual(gone)
      expect(await oidOf(world, login)).toBe(0)
      expect(
        await world.superuser(
          'SELECT 1 FROM pg_largeobject_metadata',
          databaseName(customer.customerUid),
        ),
      ).toEqual([])
      const again = await letIn({ login, group: 'ro', password: newPassword() })
      expect(await oidOf(world, login)).not.toBe(oid)
      await expect(say(tina, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
      await expect(say(again, 'TRUNCATE word')).rejects.toMatchObject(forbidden)
      await expect(say(again, 'DELETE FROM word')).rejects.toMatchObject(forbidden)
      expect(await say(again, 'SELECT count(*)::int AS n FROM word')).toEqual([{ n: 2000 }])
    })

    test('ends nobody who stays, no application, and nobody of another customer', async () => {
      const [stays, leaves, elsewhere] = [
        newPerson(customer),
        newPerson(customer),
        newPerson(other),
      ]
      await ensure([stays, leaves])
      await world.databases.ensurePeople(signal, { ...other, people: [elsewhere] })
      const sessions = await Promise.all([
        openAs(world, customer, stays),
        openAs(world, other, elsewhere),
        world.open(loginOf(customer, 'rw'), databaseName(customer.customerUid)),
      ])
      const left = await openAs(world, customer, leaves)
      const end = closed(left)
      expect(await revoke([stays.login])).toEqual(gone)
      await end
      for (const session of sessions) {
        expect((await session.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
        await session.end()
      }
    })

    test('keeps what a member made: nobody can sign in, nothing is dropped, and it is said', async () => {
      const anna = await letIn({ group: 'adm', of: 'member' })
      await say(anna, "CREATE TABLE mine AS SELECT 'kept' AS word")
      expect(await revoke()).toEqual({ proven: true, remaining: [anna.login] })
      expect(await revoke()).toEqual({ proven: true, remaining: [anna.login] })
      await expect(say(anna, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
      expect(await tracesOf(world, [anna.login])).toEqual([])
      const name = databaseName(customer.customerUid)
      expect(await world.superuser('SELECT word FROM mine', name)).toEqual([{ word: 'kept' }])
      // A large object is a member's as well.
      const otto = await letIn({ of: 'member' })
      await say(otto, "SELECT lo_from_bytea(0, 'mine')")
      expect((await revoke()).remaining.toSorted()).toEqual([anna.login, otto.login].toSorted())
      await world.superuser(
        `DROP TABLE mine; SELECT lo_unlink(oid) FROM pg_largeobject_metadata`,
        name,
      )
      expect(await revoke()).toEqual(gone)
    })

    test('of a technician who was let make a table keeps the table', async () => {
      const rw = groupName(customer.customerUid, 'rw')
      await world.as(customer, 'adm', `GRANT CREATE ON SCHEMA public TO ${rw}`)
      const tina = await letIn()
      await say(tina, 'CREATE TABLE made ()')
      expect(await revoke()).toEqual({ proven: true, remaining: [tina.login] })
      await world.superuser('DROP TABLE made', databaseName(customer.customerUid))
      await world.as(customer, 'adm', `REVOKE CREATE ON SCHEMA public FROM ${rw}`)
      expect(await revoke()).toEqual(gone)
    })

    test('is the same by eight at once from two replicas', async () => {
      const replica = world.connect()
      for (let count = 0; count < 5; count += 1) {
        const people = [newPerson(customer), newPerson(customer)]
        await ensure(people)
        const sessions = await Promise.all(people.map((person) => openAs(world, customer, person)))
        const oids = await Promise.all(people.map(({ login }) => oidOf(world, login)))
        const ends = sessions.map(closed)
        const results = await Promise.all(
          Array.from({ length: 8 }, (_none, index) =>
            revoke([], index % 2 === 0 ? world.databases : replica),
          ),
        )
        for (const result of results) expect(result.proven).toBe(true)
        await Promise.all(ends)
        const logins = people.map(({ login }) => login)
        expect(await tracesOf(world, logins, oids)).toEqual([])
        expect(await revoke()).toEqual(gone)
      }
      await replica.stop()
    })

    test('waits for no database that is being made', async () => {
      const tina = await letIn()
      const session = await openAs(world, customer, tina)
      // All of the server's places are taken by customers that wait for another replica.
      const slow = [newCustomer(), newCustomer(), newCustomer(), newCustomer(), newCustomer()]
      const replica = await world.open(world.operator, 'postgres')
      for (const { customerUid } of slow) {
        await replica.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [
          markOf(customerUid),
        ])
      }
      const making = slow.map((each) => world.databases.ensure(signal, each))
      await expect
        .poll(() =>
          world.superuser(
            "SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event = 'advisory'",
          ),
        )
        .toEqual([{ waiting: 4 }])
      const end = closed(session)
      const started = performance.now()
      expect(await revoke()).toEqual(gone)
      expect((await end) - started).toBeLessThan(1_000)
      await replica.end()
      for (const made of await Promise.all(making)) expect(made.wrote).toBe(true)
    })

    test('closes a socket soon: the figures', async () => {
      const closes: number[] = []
      const proofs: number[] = []
      for (let count = 0; count < 100; count += 1) {
        const tina = await letIn()
        const session = await openAs(world, customer, tina)
        const end = closed(session)
        const started = performance.now()
        expect(await revoke()).toEqual(gone)
        proofs.push(performance.now() - started)
        closes.push((await end) - started)
      }
      const at = (values: number[], share: number) =>
        values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1]?.toFixed(1)
      console.log(
        `revoke to socket close: p50 ${at(closes, 0.5)} ms, p99 ${at(closes, 0.99)} ms; to proof and role gone: p50 ${at(proofs, 0.5)} ms, p99 ${at(proofs, 0.99)} ms (100, administrator ${kind})`,
      )
      expect(Number(at(closes, 0.99))).toBeLessThan(1_000)
    })
  })
})
