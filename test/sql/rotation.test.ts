// The two logins of a pair take turns while applications work, and whoever dies at whichever statement: no query fails, no password
// that a Secret names stops working before its grace is over, and afterwards the former one opens nothing. Holds ISOLATED, PROVEN.
// What a Secret says is a variable here; that it is written between the two halves, and by whom, is in test/api/databases.test.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CustomerDatabase, Databases } from '../../src/databases/databases.ts'
import { applicationRoles, databaseName, loginName } from '../../src/databases/names.ts'
import { newPassword } from '../../src/databases/password.ts'
import { dieAtEveryStatement, momentOf } from '../support/deaths.ts'
import {
  administrators,
  loginOf,
  newCustomer,
  startSqlWorld,
  writesOf,
  type SqlWorld,
} from '../support/sql-world.ts'

const { signal } = new AbortController()
const allOpen = { adm: 'open', rw: 'open', ro: 'open' } as const

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
  })
  afterAll(() => world[Symbol.asyncDispose]())

  /** The other letter of each pair, with passwords that nobody has seen. */
  function nextOf(spec: CustomerDatabase): CustomerDatabase {
    const { customerUid, logins } = spec
    const next = (role: (typeof applicationRoles)[number]) => {
      const slot = logins[role].username === loginName(customerUid, role, 'a') ? 'b' : 'a'
      return { username: loginName(customerUid, role, slot), password: newPassword() }
    }
    return { ...spec, logins: { adm: next('adm'), rw: next('rw'), ro: next('ro') } }
  }

  async function stands(databases: Databases, spec: CustomerDatabase): Promise<void> {
    await databases.ensure(signal, spec)
    expect(await databases.prove(signal, spec)).toEqual({ isolated: true, problems: [] })
  }

  const graceUntil = (end: number) => ({ adm: end, rw: end, ro: end })

  test('applications that ask 200 questions a second and reconnect lose none of them', async () => {
    let secret = newCustomer()
    await stands(world.databases, secret)
    await world.as(secret, 'adm', 'CREATE TABLE word (word text)')
    const asking = startAsking(world, () => secret)
    for (let rotation = 0; rotation < 3; rotation += 1) {
      const next = nextOf(secret)
      await stands(world.databases, { ...next, graces: allOpen })
      secret = next
      await stands(world.databases, { ...secret, graces: graceUntil(Date.now() + 60_000) })
      // Who still holds the former one has renewed its connection by now; so long a grace has to be.
      await asking.untilAllReconnected()
      await stands(world.databases, secret)
      await asking.untilAllReconnected()
    }
    const { questions, connections, failures, seconds } = await asking.stop()
    console.log(
      `${questions} questions in ${seconds.toFixed(1)} s over ${connections} connections, 3 rotations: ${failures.length} failed`,
    )
    expect(failures).toEqual([])
    // It asks by the clock and makes up for what it was late: less would mean that the server could not keep up.
    expect(questions / seconds).toBeGreaterThanOrEqual(perSecond * 0.98)
  }, 60_000)

  test('in its grace the former login works and has an end; then it is out, with its sessions', async () => {
    const before = newCustomer()
    await stands(world.databases, before)
    const after = nextOf(before)
    await stands(world.databases, { ...after, graces: allOpen })
    const end = Date.now() + 60_000
    await stands(world.databases, { ...after, graces: graceUntil(end) })
    const session = await world.open(loginOf(before, 'rw'), databaseName(before.customerUid))
    const cut = new Promise((resolve) => session.on('error', resolve))
    await expect(world.as(after, 'adm', 'CREATE TABLE made_by_b (n int)')).resolves.toEqual([])
    await expect(world.as(before, 'adm', 'DROP TABLE made_by_b')).resolves.toEqual([])
    const [role] = await world.superuser<{ ends: boolean }>(
      `SELECT rolvaliduntil = to_timestamp(${end} / 1000.0) AS ends FROM pg_roles WHERE rolname = '${before.logins.rw.username}'`,
    )
    expect(role).toEqual({ ends: true })
    const writes = await writesOf(world)
    await stands(world.databases, { ...after, graces: graceUntil(end) })
    expect(await writesOf(world)).toBe(writes)

    await stands(world.databases, after)
    await cut
    for (const each of applicationRoles) {
      await expect(world.as(before, each, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
      await expect(world.as(after, each, 'SELECT 1')).resolves.toHaveLength(1)
    }
    expect(
      await world.superuser(
        `SELECT FROM pg_authid WHERE rolname = '${before.logins.rw.username}' AND NOT rolcanlogin AND rolpassword IS NULL`,
      ),
    ).toHaveLength(1)
  })

  test('a login that was shut and is opened by hand is seen, and shut again', async () => {
    const before = newCustomer()
    await stands(world.databases, before)
    const after = nextOf(before)
    await stands(world.databases, after)
    const { username } = before.logins.ro
    await world.superuser(`ALTER ROLE ${username} LOGIN PASSWORD 'by hand'`)
    const session = await world.open(
      { user: username, password: 'by hand' },
      databaseName(before.customerUid),
    )
    const cut = new Promise((resolve) => session.on('error', resolve))
    const seen = await world.databases.observe(signal, 'main')
    expect(seen.customers.get(before.customerUid)).toEqual([
      `${username} may sign in, and no Secret names it`,
    ])
    await stands(world.databases, after)
    await cut
    expect(
      (await world.databases.observe(signal, 'main')).customers.get(before.customerUid),
    ).toEqual([])
  })

  test('an operator that has just started says nothing of a pair in its grace', async () => {
    const before = newCustomer()
    await stands(world.databases, before)
    const after = { ...nextOf(before), graces: graceUntil(Date.now() + 60_000) }
    await stands(world.databases, after)
    const started = world.connect()
    expect((await started.observe(signal, 'main')).customers.get(before.customerUid)).toEqual([])
    await started.stop()
  })

  test(`dying ${momentOf[kind]} any statement of a rotation, what the Secret says works, and the next operator ends it`, async () => {
    let current = newCustomer()
    await stands(world.databases, current)
    const roles = `SELECT FROM pg_roles WHERE rolname ~ '^${databaseName(current.customerUid)}_[a-z]+_[ab]$'`
    const points = await dieAtEveryStatement(world, momentOf[kind], async (live) => {
      let secret = current
      let isGraceOver = true
      /** As one run of the operator: what is left to do follows from what the Secret says. */
      const run = async (databases: Databases): Promise<void> => {
        if (secret === current) {
          const next = nextOf(secret)
          await databases.ensure(signal, { ...next, graces: allOpen })
          secret = next
          isGraceOver = false
        }
        if (!isGraceOver) {
          await databases.ensure(signal, { ...secret, graces: graceUntil(Date.now() + 60_000) })
          isGraceOver = true
        }
        await databases.ensure(signal, secret)
      }
      await live(run)
      await expect(world.as(secret, 'rw', 'SELECT 1')).resolves.toHaveLength(1)
      const former = current
      await run(world.databases)
      current = secret
      await expect(world.as(current, 'rw', 'SELECT 1')).resolves.toHaveLength(1)
      await expect(world.as(former, 'rw', 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
      expect(await world.superuser(roles)).toHaveLength(6)
    })
    expect(await world.databases.prove(signal, current)).toEqual({ isolated: true, problems: [] })
    const said = points.join('\n')
    for (const statement of ['LOGIN;', 'VALID UNTIL', 'NOLOGIN PASSWORD NULL']) {
      expect(said).toContain(statement)
    }
  }, 120_000)
})

const perSecond = 200
const clients = 8
const questionsPerConnection = 20

/** Several applications, each of which reads its Secret when it connects, asks a while, and connects anew. */
function startAsking(world: SqlWorld, secret: () => CustomerDatabase) {
  const ending = new AbortController()
  const failures: unknown[] = []
  let questions = 0
  const connections = Array.from({ length: clients }, () => 0)
  const began = performance.now()
  const ask = async (at: number): Promise<void> => {
    const role = at % 2 === 0 ? 'rw' : 'ro'
    let asked = 0
    while (!ending.signal.aborted) {
      const now = secret()
      const connection = new Client({
        host: world.postgres.host,
        port: world.postgres.port,
        ssl: world.postgres.ca === undefined ? false : { ca: world.postgres.ca },
        database: databaseName(now.customerUid),
        ...loginOf(now, role),
      })
      connection.on('error', (error) => failures.push(error)) // cut while it was idle
      try {
        await connection.connect()
        connections[at] = (connections[at] ?? 0) + 1
        for (let count = 0; count < questionsPerConnection && !ending.signal.aborted; count += 1) {
          const due = began + (asked * 1000 * clients) / perSecond
          await sleep(Math.max(0, due - performance.now()))
          await connection.query('SELECT count(*) FROM word')
          asked += 1
          questions += 1
        }
      } catch (error) {
        failures.push(error)
      }
      await connection.end()
    }
  }
  const asking = Promise.all(connections.map((_none, at) => ask(at)))
  return {
    /** Twice: the connection that was being made may have read the Secret before. */
    async untilAllReconnected(): Promise<void> {
      const before = [...connections]
      const isNew = (count: number, at: number) => count >= (before[at] ?? 0) + 2
      while (!connections.every(isNew) && failures.length === 0) await sleep(20)
    },
    async stop() {
      ending.abort()
      // Nothing is asked any more while the last connections are made and closed.
      const seconds = (performance.now() - began) / 1000
      await asking
      return { questions, connections: connections.reduce((a, b) => a + b), failures, seconds }
    },
  }
}
