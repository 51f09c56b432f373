// Who may look at devices across customers, asked as those people, and what an ingest gateway may ask. Nothing of the operator runs.
// Holds ISOLATED, NO-LATE, ONE-OWNER.
import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Control } from '../../src/databases/control/control.ts'
import { personLogin } from '../../src/databases/names.ts'
import { writeAddress, type Terms } from '../../src/databases/registry/devices.sql.ts'
import { Viewers } from '../../src/databases/registry/viewers.ts'
import { newIds, newTerms, registryOf } from '../support/registry.ts'
import {
  administrators,
  newCustomer,
  startSqlWorld,
  writesOf,
  type SqlWorld,
} from '../support/sql-world.ts'

const { signal } = new AbortController()
const forbidden = { code: '42501' }

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let control: Control
  let registry: ReturnType<typeof registryOf>
  const clients: Client[] = []
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
    control = new Control(world.server)
    registry = registryOf(control)
    await control.work(signal, 'opening', async () => {})
    await world.databases.ensure(signal, newCustomer()) // closes the doors of the server
    await world.superuser("CREATE ROLE ingest LOGIN PASSWORD 'ingest' IN ROLE tenantry_gateway")
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.end()))
    await control.stop()
    await world[Symbol.asyncDispose]()
  })

  const open = async (user: string, password = user) => {
    const client = await world.open({ user, password }, 'tenantry')
    clients.push(client)
    return client
  }
  /** Somebody with a login of the registry. */
  async function somebody() {
    const key = personLogin(randomUUID(), randomUUID(), 'tina').slice(-26)
    const login = `tenantry_p_${key}`
    await world.superuser(`CREATE ROLE ${login} LOGIN PASSWORD '${login}' IN ROLE tenantry_viewer`)
    return { key, client: await open(login) }
  }
  const enter = (key: string, { customerUid, customer }: Terms, change: object = {}) => {
    const row = {
      kind: 'technician',
      scope: 'Full',
      since: '-infinity',
      until: 'infinity',
      ...change,
    }
    return world.superuser(
      `INSERT INTO tenantry.ledger (customer, person_key, customer_name, organization, organization_name, kind, person, scope, since, until)
       VALUES ('${customerUid}', '${key}', '${customer}', '${randomUUID()}', 'fabrikam', '${row.kind}', 'tina', '${row.scope}', '${row.since}', '${row.until}')`,
      'tenantry',
    )
  }
  async function customerWith(devices: readonly Record<string, unknown>[]) {
    const terms = newTerms()
    const ids = newIds(devices.length)
    const list = devices.map((device, index) => ({
      id: ids[index] ?? '',
      name: null,
      model: null,
      labels: {},
      ...device,
    }))
    await registry.claim(terms, list)
    return { terms, ids }
  }
  const seen = async (client: Client, where = 'true') =>
    (
      await client.query<{ id: string }>(`SELECT id FROM devices WHERE ${where} ORDER BY id`)
    ).rows.map(({ id }) => id)

  test('a technician sees the devices of every customer that is open now, and no other', async () => {
    const [acme, beta, gamma] = [
      await customerWith([{ model: 'x' }, { model: 'y' }]),
      await customerWith([{ model: 'x' }]),
      await customerWith([{ model: 'x' }]),
    ]
    const { key, client } = await somebody()
    expect(await seen(client)).toEqual([])
    await enter(key, acme.terms)
    await enter(key, beta.terms)
    await enter(key, gamma.terms, { since: '2200-01-01', until: 'infinity' })
    expect(await seen(client)).toEqual([...acme.ids, ...beta.ids].toSorted())
    expect(await seen(client, "model = 'x'")).toEqual(
      [...acme.ids.slice(0, 1), ...beta.ids].toSorted(),
    )
    const { rows } = await client.query('SELECT DISTINCT customer FROM devices ORDER BY 1')
    expect(rows).toEqual(
      [acme, beta].map(({ terms }) => ({ customer: terms.customer })).toSorted(byName),
    )
  })

  test('a window that ends while a transaction is open shows nothing more, with nobody there to end it', async () => {
    const acme = await customerWith([{}])
    const { key, client } = await somebody()
    await enter(key, acme.terms)
    await client.query('BEGIN')
    expect(await seen(client)).toEqual(acme.ids)
    await world.superuser(
      `UPDATE tenantry.ledger SET until = clock_timestamp() + interval '300 ms' WHERE person_key = '${key}'`,
      'tenantry',
    )
    expect(await seen(client)).toEqual(acme.ids)
    await client.query('SELECT pg_sleep(0.35)')
    expect(await seen(client)).toEqual([])
    expect((await client.query('SELECT * FROM find_devices()')).rows).toEqual([])
    await client.query('COMMIT')
  })

  test('Admins see their own customer and those nested in it, Viewers and strangers see nothing', async () => {
    const [above, below] = [await customerWith([{}]), await customerWith([{}])]
    const [admin, viewer, stranger] = [await somebody(), await somebody(), await somebody()]
    await enter(admin.key, above.terms, { kind: 'member', scope: 'Admin' })
    await enter(admin.key, below.terms, { kind: 'ancestor', scope: 'Admin' })
    await enter(viewer.key, above.terms, { kind: 'member', scope: 'Viewer' })
    expect(await seen(admin.client)).toEqual([...above.ids, ...below.ids].toSorted())
    expect(await seen(viewer.client)).toEqual([])
    expect(await seen(stranger.client)).toEqual([])
  })

  test('a page is found by labels and by a part of id, name or model, of open customers alone', async () => {
    const own = await customerWith([
      { name: 'Pump 7', labels: { site: 'kiel', hall: '1' } },
      { name: 'Pump 8%', labels: { site: 'kiel', hall: '2' } },
      { name: 'Fan', model: 'PUMP_X', labels: { site: 'ulm' } },
    ])
    await customerWith([{ name: 'Pump 7', labels: { site: 'kiel' } }])
    const { key, client } = await somebody()
    await enter(key, own.terms)
    const find = async (...args: readonly unknown[]) => {
      const places = args.map((_, index) => `$${index + 1}`).join(', ')
      const { rows } = await client.query<{ id: string }>(
        `SELECT id FROM find_devices(${places})`,
        [...args],
      )
      return rows.map(({ id }) => own.ids.indexOf(id))
    }
    expect(await find('{"site": "kiel"}')).toEqual([0, 1])
    expect(await find('{"site": "kiel", "hall": "2"}')).toEqual([1])
    expect(await find('{}', 'pump')).toEqual([0, 1, 2])
    expect(await find('{}', '8%')).toEqual([1])
    expect(await find('{}', 'p_x')).toEqual([2])
    expect(await find('{}', "'; DROP TABLE devices; --")).toEqual([])
    expect(await find('{}', '', own.ids[0], 1)).toEqual([1])
  })

  test('what a person can do there is look at devices', async () => {
    const acme = await customerWith([{}])
    const { key, client } = await somebody()
    await enter(key, acme.terms)
    for (const attempt of [
      "UPDATE devices SET name = 'mine'",
      'DELETE FROM devices',
      'SELECT came_from FROM owned_devices',
      'SELECT * FROM history',
      'SELECT * FROM ledger',
      'SELECT * FROM audit',
      'SELECT * FROM reservations',
      'SELECT * FROM units',
      'SELECT * FROM addresses',
      `SELECT * FROM whose('${acme.ids[0]}')`,
      'SELECT claim_devices(NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)',
      'SET ROLE tenantry_writer',
      'CREATE TABLE mine ()',
      'CREATE TEMP TABLE mine ()',
    ]) {
      await expect(client.query(attempt), attempt).rejects.toMatchObject(forbidden)
    }
  })

  test('a condition that would give a closed row away is not asked about it', async () => {
    const own = await customerWith([{ model: 'm-open' }])
    await customerWith([{ model: 'm-closed' }])
    const { key, client } = await somebody()
    await enter(key, own.terms)
    // It would divide by zero on the other customer's row.
    const spying = "1 / (CASE WHEN model = 'm-closed' THEN 0 ELSE 1 END) = 1"
    expect(await seen(client, spying)).toEqual(own.ids)
  })

  test('a login is made once, repaired, and goes with the last customer that is open', async () => {
    const [viewers, acme] = [new Viewers(control), await customerWith([{}])]
    const person = personLogin(randomUUID(), randomUUID(), 'tina').slice(-26)
    const login = viewers.loginOf(person)
    await enter(person, acme.terms)
    await viewers.ensure(signal, person, 'first')
    expect(await seen(await open(login, 'first'))).toEqual(acme.ids)
    const before = await writesOf(world)
    await viewers.ensure(signal, person, 'first')
    expect(await writesOf(world)).toBe(before)
    await world.superuser(`ALTER ROLE ${login} PASSWORD 'own'`)
    await viewers.ensure(signal, person, 'first')
    const client = await open(login, 'first')
    await viewers.sweep(signal)
    expect(await viewers.outside(signal, [person])).toEqual([])
    const ended = new Promise((resolve) => {
      client.once('end', resolve)
    })
    await world.superuser(
      `UPDATE tenantry.ledger SET ended = clock_timestamp() WHERE person_key = '${person}'`,
      'tenantry',
    )
    expect(await viewers.endSessions(signal)).toBeGreaterThan(0)
    await ended
    expect(await viewers.outside(signal, [person])).toEqual([person])
    await viewers.sweep(signal)
    await expect(world.open({ user: login, password: 'first' }, 'tenantry')).rejects.toMatchObject({
      code: '28P01',
    })
  })

  test('a role of that name which somebody else made is left alone', async () => {
    const [viewers, person] = [new Viewers(control), 'a'.repeat(26)]
    await world.superuser(`CREATE ROLE ${viewers.loginOf(person)}`)
    await expect(viewers.ensure(signal, person, 'first')).rejects.toMatchObject({
      code: 'ROLE_FOREIGN',
    })
    await viewers.sweep(signal)
    expect(
      await world.superuser(`SELECT FROM pg_roles WHERE rolname = '${viewers.loginOf(person)}'`),
    ).toHaveLength(1)
  })

  test('a gateway learns whose a device is and where its database is, and can do nothing else', async () => {
    const acme = await customerWith([{}])
    const { customerUid, customer } = acme.terms
    const address = { host: 'pg.example', port: 5432, database: 't_x' }
    await control.work(signal, 'writing', (sql) =>
      writeAddress(signal, sql, { customerUid, customer, ...address }),
    )
    const gateway = await open('ingest')
    const ask = async (id: string) => (await gateway.query('SELECT * FROM whose($1)', [id])).rows
    expect(await ask(acme.ids[0] ?? '')).toEqual([{ customer, ...address }])
    expect(await ask('unknown')).toEqual([])
    for (const attempt of [
      'SELECT * FROM devices',
      'SELECT * FROM owned_devices',
      'SELECT * FROM addresses',
      'SELECT * FROM find_devices()',
      'SELECT * FROM visible_customers()',
      'SELECT * FROM ledger',
      'CREATE TEMP TABLE mine ()',
    ]) {
      await expect(gateway.query(attempt), attempt).rejects.toMatchObject(forbidden)
    }
    await expect(
      world.open({ user: 'ingest', password: 'ingest' }, 'postgres'),
    ).rejects.toMatchObject(forbidden)
  })

  test('an answer to a gateway takes the server less than a millisecond', async () => {
    const acme = await customerWith(Array.from({ length: 1000 }, () => ({})))
    const gateway = await open('ingest')
    const times: number[] = []
    for (const id of acme.ids.slice(0, 100)) {
      const { rows } = await gateway.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM whose('${id}')`,
      )
      times.push(Number(/Execution Time: ([\d.]+)/.exec(rows.at(-1)?.['QUERY PLAN'] ?? '')?.[1]))
    }
    expect(times.toSorted((a, b) => a - b)[50]).toBeLessThan(1)
  })

  test('whoever listens hears that devices have changed hands, and not which', async () => {
    const source = await customerWith([{}])
    const [gateway, { client: person }] = [await open('ingest'), await somebody()]
    const heard: unknown[] = []
    for (const listener of [gateway, person]) {
      await listener.query('LISTEN tenantry_moves')
      listener.on('notification', ({ channel, payload }) => heard.push({ channel, payload }))
    }
    const target = newTerms({ fromUid: source.terms.customerUid })
    await registry.claim(target, [{ id: source.ids[0] ?? '', name: null, model: null, labels: {} }])
    for (const listener of [gateway, person]) await listener.query('SELECT 1')
    expect(heard).toEqual(
      Array.from({ length: 2 }, () => ({ channel: 'tenantry_moves', payload: '' })),
    )
  })
})

function byName(one: { customer: string }, other: { customer: string }): number {
  return one.customer < other.customer ? -1 : 1
}
