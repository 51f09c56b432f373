// What stands in the way of a customer's database: said with the next step, without a password, and without touching what is not
// ours. When it is out of the way the next run goes on. Holds NOTHING-LOST, ISOLATED, PROVEN.
import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Databases, type CustomerDatabase } from '../../src/databases/databases.ts'
import { databaseName, markOf } from '../../src/databases/names.ts'
import { createAuthority } from '../../tools/control-plane/certificates.ts'
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
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind, { listen_addresses: '127.0.0.1,127.0.0.2' })
    await world.databases.ensure(signal, newCustomer())
  })
  afterAll(() => world[Symbol.asyncDispose]())

  /** The failure, after it was seen to hold no password and to have written nothing. */
  async function refusal(work: () => Promise<unknown>, spec?: CustomerDatabase): Promise<unknown> {
    const before = await writesOf(world)
    const failure = await work().then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(await writesOf(world)).toBe(before)
    expect(failure).toBeInstanceOf(Error)
    const said = inspect(failure, { depth: 8, showHidden: true })
    for (const password of [world.operator.password, ...passwordsOf(spec)]) {
      expect(said).not.toContain(password)
    }
    return failure
  }

  test('a database of that name that somebody else made is not touched', async () => {
    const spec = newCustomer()
    const name = databaseName(spec.customerUid)
    await world.superuser(`CREATE DATABASE ${name}`)
    expect(await refusal(() => world.databases.ensure(signal, spec), spec)).toMatchObject({
      code: 'DATABASE_FOREIGN',
      reason: 'DatabaseNotOurs',
    })
    await expect(world.databases.prove(signal, spec)).rejects.toMatchObject({
      code: 'DATABASE_FOREIGN',
    })
    await world.superuser(`DROP DATABASE ${name}`)
    expect(await world.databases.ensure(signal, spec)).toMatchObject({ wrote: true })
  })

  test('a database with the mark of another customer is not touched', async () => {
    const spec = newCustomer()
    const name = databaseName(spec.customerUid)
    await world.superuser(`CREATE DATABASE ${name} OWNER tenantry_dbo ALLOW_CONNECTIONS false`)
    await world.superuser(`COMMENT ON DATABASE ${name} IS '${markOf(randomUUID())}'`)
    expect(await refusal(() => world.databases.ensure(signal, spec), spec)).toMatchObject({
      code: 'DATABASE_FOREIGN',
    })
  })

  test('a role of that name that somebody else made is not touched', async () => {
    const spec = newCustomer()
    await world.superuser(`CREATE ROLE ${spec.logins.ro.username} LOGIN`)
    expect(await refusal(() => world.databases.ensure(signal, spec), spec)).toMatchObject({
      code: 'ROLE_FOREIGN',
      reason: 'RoleNotOurs',
    })
    await world.superuser(`DROP ROLE ${spec.logins.ro.username}`)
    expect(await world.databases.ensure(signal, spec)).toMatchObject({ wrote: true })
  })

  test('a database that somebody began to drop is left for a person to decide', async () => {
    const spec = newCustomer()
    const name = databaseName(spec.customerUid)
    await world.databases.ensure(signal, spec)
    await world.superuser(`UPDATE pg_database SET datconnlimit = -2 WHERE datname = '${name}'`)
    expect(await refusal(() => world.databases.ensure(signal, spec), spec)).toMatchObject({
      code: 'DATABASE_BROKEN',
    })
    const seen = await world.databases.observe(signal, 'main')
    expect(seen.customers.get(spec.customerUid)?.[0]).toContain('is invalid')
    await world.superuser(`DROP DATABASE ${name}`)
    expect(await world.databases.ensure(signal, spec)).toMatchObject({ wrote: true })
  })

  test('an extension that is not on the list is refused before anything is made', async () => {
    const spec = newCustomer({ extensions: ['dblink'] })
    expect(await refusal(() => world.databases.ensure(signal, spec), spec)).toMatchObject({
      code: 'EXTENSION_NOT_ALLOWED',
      reason: 'ExtensionNotAllowed',
    })
  })

  test('an extension goes where no customer can put anything before it, and on the search path', async () => {
    const databases = world.connect({}, ['pgcrypto', 'no_such_extension', 'postgres_fdw'])
    const spec = newCustomer({ extensions: ['pgcrypto'] })
    await databases.ensure(signal, spec)
    expect(await databases.ensure(signal, spec)).toEqual({ wrote: false, steps: [] })
    expect(await databases.prove(signal, spec)).toEqual({ isolated: true, problems: [] })
    expect(await world.as(spec, 'ro', "SELECT length(gen_salt('bf')) AS n")).toEqual([{ n: 29 }])
    await expect(
      world.as(spec, 'adm', 'CREATE FUNCTION extensions.f() RETURNS int RETURN 1'),
    ).rejects.toMatchObject({ code: '42501' })
    const unknown = { ...spec, extensions: ['pgcrypto', 'no_such_extension'] }
    await expect(databases.ensure(signal, unknown)).rejects.toMatchObject({
      code: 'EXTENSION_UNAVAILABLE',
      reason: 'ExtensionUnavailable',
    })
    // One that is not trusted takes a superuser.
    const run = databases.ensure(signal, { ...spec, extensions: ['postgres_fdw'] })
    if (kind === 'superuser') await expect(run).resolves.toMatchObject({ wrote: true })
    else await expect(run).rejects.toMatchObject({ code: 'OPERATOR_LACKS_RIGHTS' })
    await databases.stop()
  })

  test('a customer’s own schema named extensions is the customer’s', async () => {
    const databases = world.connect({}, ['pgcrypto'])
    const spec = newCustomer()
    await databases.ensure(signal, spec)
    await world.as(spec, 'adm', 'CREATE SCHEMA extensions')
    await expect(
      databases.ensure(signal, { ...spec, extensions: ['pgcrypto'] }),
    ).rejects.toMatchObject({ code: 'SCHEMA_FOREIGN' })
    await databases.stop()
  })

  test('a customer that uses all of its connections stops nobody else, and is still proven', async () => {
    const spec = newCustomer({ connectionLimit: 2 })
    await world.databases.ensure(signal, spec)
    const open = () => world.open(loginOf(spec, 'rw'), databaseName(spec.customerUid))
    const own = [await open(), await open()]
    await expect(open()).rejects.toMatchObject({ code: '53300' })
    if (kind === 'superuser') {
      // Superusers are not counted; the applications are, after their passwords were accepted.
      expect(await world.databases.prove(signal, spec)).toEqual({ isolated: true, problems: [] })
    } else {
      await expect(world.databases.prove(signal, spec)).rejects.toMatchObject({
        code: 'DATABASE_CROWDED',
        reason: 'DatabaseCrowded',
      })
    }
    expect(world.databases.reachable('main')).toBe('yes')
    expect(await world.databases.ensure(signal, newCustomer())).toMatchObject({ wrote: true })
    await Promise.all(own.map((client) => client.end()))
    expect(await world.databases.prove(signal, spec)).toMatchObject({ isolated: true })
  })

  test('a long transaction of a customer holds up that customer alone, and is said', async () => {
    const spec = newCustomer()
    await world.databases.ensure(signal, spec)
    const name = databaseName(spec.customerUid)
    await world.superuser('GRANT ALL ON SCHEMA public TO PUBLIC', name) // something to put right
    const own = await world.open(loginOf(spec, 'adm'), name)
    await own.query('BEGIN; ALTER SCHEMA public RENAME TO soon')
    const run = world.databases.ensure(signal, spec)
    await Promise.all([
      expect(run).rejects.toMatchObject({ code: 'DATABASE_LOCKED', reason: 'DatabaseLocked' }),
      expect(world.databases.ensure(signal, newCustomer())).resolves.toMatchObject({ wrote: true }),
    ])
    await own.query('ROLLBACK')
    await own.end()
    expect(await world.databases.ensure(signal, spec)).toMatchObject({ wrote: true })
    expect(await world.databases.prove(signal, spec)).toMatchObject({ isolated: true })
  }, 30_000)

  test('a wrong password of the operator, one that cannot be read, and a false server are told apart', async () => {
    const attempts = [
      { change: { password: async () => 'wrong' }, code: 'SERVER_REFUSES_LOGIN', reachable: 'yes' },
      {
        change: { password: unreadable },
        code: 'SERVER_PASSWORD_UNREADABLE',
        reachable: 'unknown',
      },
      { change: { tls: { ca: otherAuthority } }, code: 'SERVER_UNTRUSTED', reachable: 'yes' },
      // The certificate is for 127.0.0.1.
      { change: { host: '127.0.0.2' }, code: 'SERVER_UNTRUSTED', reachable: 'yes' },
      { change: { port: 1 }, code: 'SERVER_UNREACHABLE', reachable: 'no' },
    ] as const
    for (const { change, code, reachable } of attempts) {
      const databases = world.connect(change)
      const spec = newCustomer()
      expect(await refusal(() => databases.ensure(signal, spec), spec), code).toMatchObject({
        code,
      })
      expect(databases.reachable('main')).toBe(reachable)
      await expect(databases.place(signal, 'default', spec.customerUid)).rejects.toMatchObject({
        code,
      })
      await databases.stop()
    }
  })

  test('an administrator without the rights is not suitable', async () => {
    await world.superuser(
      "CREATE ROLE weak LOGIN CREATEDB PASSWORD 'weak'; GRANT CONNECT ON DATABASE postgres TO weak",
    )
    const databases = world.connect({ user: 'weak', password: async () => 'weak' })
    await expect(databases.ensure(signal, newCustomer())).rejects.toMatchObject({
      code: 'SERVER_UNSUITABLE',
    })
    await databases.stop()
  })

  test('a server that was taken out of the configuration is named', async () => {
    const spec = newCustomer({ server: 'gone' })
    await expect(world.databases.ensure(signal, spec)).rejects.toMatchObject({
      code: 'SERVER_UNKNOWN',
    })
  })

  test('a pool without room says so, and one that nobody has too', async () => {
    const full = world.connect({ maxDatabases: 1 })
    await expect(full.place(signal, 'default', randomUUID())).rejects.toMatchObject({
      code: 'SERVER_FULL',
    })
    await expect(full.place(signal, 'gold', randomUUID())).rejects.toMatchObject({
      code: 'POOL_UNKNOWN',
    })
    await full.stop()
    expect(await world.databases.place(signal, 'default', randomUUID())).toEqual({ server: 'main' })
  })

  test('a customer whose status was lost is placed where its database is, even on a full server', async () => {
    const spec = newCustomer()
    await world.databases.ensure(signal, spec)
    const full = world.connect({ maxDatabases: 1 })
    expect(await full.place(signal, 'default', spec.customerUid)).toEqual({ server: 'main' })
    await full.stop()
  })

  test('a role whose rights over the customers’ roles were revoked takes them back, or says what is missing', async () => {
    const spec = newCustomer()
    await world.databases.ensure(signal, spec)
    if (kind === 'superuser') return
    const login = spec.logins.adm.username
    await world.superuser(`REVOKE ${login} FROM creator GRANTED BY creator`)
    expect((await world.databases.ensure(signal, spec)).steps).toEqual(['roles'])
    await world.superuser(`REVOKE ${login} FROM creator CASCADE`)
    const failure = await world.databases.ensure(signal, spec).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'OPERATOR_LACKS_RIGHTS' })
    expect(String(failure)).toContain(`the operator may not act as ${login}`)
  })

  test('a server that is down fails at once after the first, and is used again when it is back', async () => {
    const spec = newCustomer()
    await world.postgres.kill()
    const failures: unknown[] = []
    const started = performance.now()
    for (let count = 0; count < 50; count += 1) {
      failures.push(await world.databases.ensure(signal, spec).catch((error: unknown) => error))
    }
    expect(performance.now() - started).toBeLessThan(2_000)
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'SERVER_UNREACHABLE' })
      expect(String(failure)).not.toContain(world.operator.password)
    }
    expect(world.databases.reachable('main')).toBe('no')
    await world.postgres.restart(signal)
    await expect
      .poll(() => world.databases.ensure(signal, spec).catch(() => undefined), { timeout: 15_000 })
      .toMatchObject({ wrote: true })
    expect(world.databases.reachable('main')).toBe('yes')
    expect(await world.databases.prove(signal, spec)).toMatchObject({ isolated: true })
  })
})

test('an operator without a server is not configured', async () => {
  const databases = new Databases({ servers: [], allowedExtensions: [] })
  expect(databases.configured).toBe(false)
  await expect(databases.place(signal, 'default', randomUUID())).rejects.toMatchObject({
    code: 'POOL_UNKNOWN',
  })
})

const otherAuthority = createAuthority('somebody-else', new Date()).certificate

async function unreadable(): Promise<string> {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
}

function passwordsOf(spec: CustomerDatabase | undefined): readonly string[] {
  return spec ? Object.values(spec.logins).map(({ password }) => password) : []
}
