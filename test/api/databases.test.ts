// A customer's database as its people meet it: the Secrets, the turns of their passwords, and what stands in the way, said in
// DatabaseReady with the next step. On a real API server and a real PostgreSQL. Holds NOTHING-LOST, PROVEN, QUIET.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databaseName } from '../../src/databases/names.ts'
import { customer, member } from '../support/manifests.ts'
import { field, startWorld, text, type Found, type World } from '../support/world.ts'

const graceSeconds = 6

let world: World
beforeAll(async () => {
  world = await startWorld({
    config: {
      leaseSeconds: 3,
      databases: { rotationGraceSeconds: graceSeconds, warmPool: 1, checkSeconds: 1 },
    },
  })
})
afterAll(() => world[Symbol.asyncDispose]())

const corg = (name: string) => ({ kind: 'corg', name })
const databaseReady = (name: string) => world.condition(corg(name), 'DatabaseReady')
const secretOf = (name: string, secret: string) => world.get('secret', secret, `customer-${name}`)
const valueOf = (secret: Found | undefined, key: string) =>
  Buffer.from(text(field(secret, 'data', key)), 'base64').toString('utf8')
const userIn = (secret: Found | undefined) => valueOf(secret, 'username')
const uidOf = async (name: string) => text(field(await world.get('corg', name), 'metadata', 'uid'))

async function stands(name: string): Promise<void> {
  await world.until(
    `the database of ${name} stands`,
    async () => (await databaseReady(name)) === 'True/Ready',
    30_000,
  )
}

async function message(name: string): Promise<string> {
  const conditions = field(await world.get('corg', name), 'status', 'conditions')
  const found: unknown = Array.isArray(conditions)
    ? conditions.find((each) => field(each, 'type') === 'DatabaseReady')
    : undefined
  return text(field(found, 'message'))
}

async function worksFor(secret: Found | undefined): Promise<boolean> {
  try {
    const client = await world.signInWith(secret)
    await client.query('SELECT 1')
    await client.end()
    return true
  } catch {
    return false
  }
}

async function onServer<T>(work: (admin: Client) => Promise<T>): Promise<T> {
  const { postgres } = world.platform
  const admin = new Client({ connectionString: postgres?.url, ssl: { ca: postgres?.ca } })
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}

const rotate = (name: string, token: string) =>
  world.kubectl('annotate', 'corg', name, `tenantry.dev/rotate=${token}`, '--overwrite')

describe('the warm pool', () => {
  test('is full before anybody comes, and the first customer gets the database that stood ready', async () => {
    const pooled = () =>
      onServer(async (admin) => {
        const { rows } = await admin.query<{ oid: string }>(
          `SELECT oid::text FROM pg_database WHERE datname ~ '^tenantry_pool_'`,
        )
        return rows.map(({ oid }) => oid)
      })
    await world.until('one stands ready', async () => (await pooled()).length === 1)
    const [oid] = await pooled()
    await world.apply(customer('warm'))
    await stands('warm')
    const uid = await uidOf('warm')
    const [row] = await onServer(
      async (admin) =>
        (
          await admin.query(`SELECT oid::text FROM pg_database WHERE datname = $1`, [
            databaseName(uid),
          ])
        ).rows,
    )
    expect(row).toEqual({ oid })
    await world.until('another one stands ready', async () => (await pooled()).length === 1)
  })
})

describe('a rotation that the platform asks for', () => {
  test('gives each application another login, keeps the former for its grace, and then shuts it', async () => {
    await world.apply(customer('turns'))
    await stands('turns')
    const before = await secretOf('turns', 'database-rw')
    expect(userIn(before)).toMatch(/_rw_a$/)
    expect(
      field(await world.get('corg', 'turns'), 'status', 'database', 'rotatedAt'),
    ).toBeUndefined()

    await rotate('turns', 'one')
    await world.until('the Secret names the other', async () =>
      userIn(await secretOf('turns', 'database-rw')).endsWith('_rw_b'),
    )
    const after = await secretOf('turns', 'database-rw')
    expect(valueOf(after, 'uri')).toContain(valueOf(after, 'password'))
    expect(await worksFor(after)).toBe(true)
    const session = await world.signInWith(before)
    const cut = new Promise((resolve) => session.on('error', resolve))
    expect(await databaseReady('turns')).toBe('True/Ready')
    await world.until('status tells when', async () => {
      const status = field(await world.get('corg', 'turns'), 'status', 'database')
      return text(field(status, 'rotatedAt')) !== ''
    })
    await cut
    expect(await worksFor(before)).toBe(false)
    expect(await worksFor(await secretOf('turns', 'database-adm'))).toBe(true)
    expect(await databaseReady('turns')).toBe('True/Ready')
  })

  test('is one rotation, however often it is asked for by the same value, also after a restart (QUIET)', async () => {
    const before = await secretOf('turns', 'database-ro')
    await world.until('its end is worked off', async () => {
      const [first] = [(await world.writes()).length]
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      return (await world.writes()).length === first
    })
    const writes = (await world.writes()).length
    await rotate('turns', 'one')
    expect(await world.operators.at(-1)?.stop()).toBe(0)
    await world.startOperator()
    await world.apply(customer('after-restart', { database: { enabled: false } }))
    await world.until(
      'the new operator is at work',
      async () => (await world.condition(corg('after-restart'), 'Ready')) === 'True/Ready',
      30_000,
    )
    const about = (await world.writes())
      .slice(writes)
      .filter(({ name, namespace }) => name === 'turns' || namespace === 'customer-turns')
    expect(about).toEqual([])
    expect(userIn(await secretOf('turns', 'database-ro'))).toBe(userIn(before))
  })

  test('survives the death of the operator in the middle of it', async () => {
    await world.apply(customer('cut'))
    await stands('cut')
    for (const [at, waitMs] of [0, 80].entries()) {
      const before = await secretOf('cut', 'database-adm')
      await rotate('cut', `turn-${at}`)
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      await world.operators.at(-1)?.kill()
      expect(await worksFor(await secretOf('cut', 'database-adm'))).toBe(true)
      await world.startOperator()
      await world.until(
        'it is done',
        async () => userIn(await secretOf('cut', 'database-adm')) !== userIn(before),
        60_000,
      )
      expect(await worksFor(await secretOf('cut', 'database-adm'))).toBe(true)
      await world.until('the former is shut', async () => !(await worksFor(before)), 30_000)
      await stands('cut')
    }
  })
})

describe('somebody who could read the Secrets and no longer may', () => {
  test('holds passwords that open nothing, a grace later; the others are not disturbed', async () => {
    await world.apply(customer('reads', { owners: ['olga@reads.example'] }))
    await stands('reads')
    await world.apply(member('customer-reads', 'anna@reads.example', 'Admin'))
    await world.until('anna reads them', () =>
      world.can('anna@reads.example', 'get', 'secrets', 'customer-reads'),
    )
    await world.until('the Secret knows of both', async () => {
      const marks = field(await secretOf('reads', 'database-rw'), 'metadata', 'annotations')
      return text(field(marks, 'tenantry.dev/readers')).split(',').length === 2
    })
    const taken = await secretOf('reads', 'database-rw')
    await world.kubectl('delete', 'member', '--all', '-n', 'customer-reads')
    await world.until('the Secret names the other login', async () =>
      userIn(await secretOf('reads', 'database-rw')).endsWith('_rw_b'),
    )
    expect(await worksFor(await secretOf('reads', 'database-rw'))).toBe(true)
    await world.until('what was taken opens nothing', async () => !(await worksFor(taken)), 20_000)
    expect(await worksFor(await secretOf('reads', 'database-rw'))).toBe(true)
    expect(await databaseReady('reads')).toBe('True/Ready')
  })
})

describe('DatabaseReady says the next step', () => {
  test('when the pool is changed: the database stays where it is', async () => {
    await world.apply(customer('moves'))
    await stands('moves')
    await world.apply(customer('moves', { database: { pool: 'gold' } }))
    await world.until(
      'it says so',
      async () => (await databaseReady('moves')) === 'False/MoveNotSupported',
    )
    expect(await message('moves')).toMatch(/Set spec.database.pool back to default/)
    expect(await worksFor(await secretOf('moves', 'database-rw'))).toBe(true)
    await world.apply(customer('moves', { database: { pool: 'default' } }))
    await stands('moves')
  })

  test('when an extension is not on the list, and when nobody has the pool', async () => {
    await world.apply(
      customer('extended', { database: { extensions: ['dblink'] } }),
      customer('poolless', { database: { pool: 'gold' } }),
    )
    await world.until(
      'it says so',
      async () => (await databaseReady('extended')) === 'False/ExtensionNotAllowed',
    )
    expect(await message('extended')).toMatch(/add it to databases.allowedExtensions/)
    await world.until(
      'it says so',
      async () => (await databaseReady('poolless')) === 'False/DatabasePoolUnknown',
    )
    expect(await message('poolless')).toMatch(/Correct spec.database.pool/)
  })

  test('when somebody edits a Secret; deleted, it comes back with a password that works', async () => {
    await world.apply(customer('edited'))
    await stands('edited')
    const before = await secretOf('edited', 'database-rw')
    const patch = JSON.stringify({ stringData: { username: 'somebody' } })
    await world.kubectl('patch', 'secret', 'database-rw', '-n', 'customer-edited', '-p', patch)
    await world.until(
      'it says so',
      async () => (await databaseReady('edited')) === 'False/SecretNotOurs',
    )
    expect(await message('edited')).toMatch(/Delete it/)
    await world.kubectl('delete', 'secret', 'database-rw', '-n', 'customer-edited')
    await stands('edited')
    const after = await secretOf('edited', 'database-rw')
    expect(await worksFor(after)).toBe(true)
    expect(await worksFor(before)).toBe(false)
    // A password by hand is as good as one of ours: the login follows the Secret.
    const chosen = JSON.stringify({ stringData: { password: 'chosen-by-hand' } })
    await world.kubectl('patch', 'secret', 'database-rw', '-n', 'customer-edited', '-p', chosen)
    await world.until('it works', async () => worksFor(await secretOf('edited', 'database-rw')))
  })
})
