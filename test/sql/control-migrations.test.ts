// The control database comes into being on a real PostgreSQL, whoever starts it and however often. Holds NOTHING-LOST, ISOLATED.
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Control } from '../../src/databases/control/control.ts'
import { migrate, migrations } from '../../src/databases/control/migrations.ts'
import { controlRoles } from '../../src/databases/control/names.ts'
import { Server } from '../../src/databases/server.ts'
import { administrators, startSqlWorld, writesOf, type SqlWorld } from '../support/sql-world.ts'

const { signal } = new AbortController()
const versions = migrations.map(({ version }) => version)

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  const controls: Control[] = []
  const newControl = (change = {}) => {
    const control = new Control({ ...world.server, ...change })
    controls.push(control)
    return control
  }
  const open = (control: Control) =>
    control.work(signal, 'looking', (sql) =>
      sql.query<{ role: string }>(signal, 'SELECT current_user::text AS role'),
    )
  const found = () =>
    world.superuser<{ version: number }>(
      'SELECT version FROM tenantry.schema_version ORDER BY 1',
      'tenantry',
    )
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
  })
  afterEach(async () => {
    await Promise.all(controls.splice(0).map((control) => control.stop()))
    await world.superuser('DROP DATABASE IF EXISTS tenantry')
    await world.superuser(`DROP ROLE IF EXISTS ${controlRoles.join(', ')}`)
  })
  afterAll(() => world[Symbol.asyncDispose]())

  test('the first use makes it, and work goes on as a role that owns nothing', async () => {
    expect(await open(newControl())).toEqual([{ role: 'tenantry_writer' }])
    expect((await found()).map(({ version }) => version)).toEqual(versions)
    expect(
      await world.superuser(
        "SELECT count(*)::int AS count FROM pg_class WHERE pg_get_userbyid(relowner) = 'tenantry_writer'",
        'tenantry',
      ),
    ).toEqual([{ count: 0 }])
  })

  test('a second start writes nothing', async () => {
    await open(newControl())
    const before = await writesOf(world)
    await open(newControl())
    expect(await writesOf(world)).toBe(before)
  })

  test('five operators that start at once make one', async () => {
    await Promise.all(Array.from({ length: 5 }, () => open(newControl())))
    expect((await found()).map(({ version }) => version)).toEqual(versions)
  })

  test('nobody else may connect to it (ISOLATED)', async () => {
    await open(newControl())
    const password = randomUUID()
    await world.superuser(`CREATE ROLE somebody LOGIN PASSWORD '${password}'`)
    const entering = world.open({ user: 'somebody', password }, 'tenantry')
    await expect(entering).rejects.toMatchObject({ code: '42501' })
    await world.superuser('DROP ROLE somebody')
  })

  test('a schema that a newer operator made is refused, and says so', async () => {
    await open(newControl())
    await world.superuser("INSERT INTO tenantry.schema_version VALUES (9001, 'later')", 'tenantry')
    await expect(open(newControl())).rejects.toMatchObject({ code: 'CONTROL_SCHEMA_NEWER' })
  })

  test('a migration that fails leaves nothing behind, and is made again once it can be', async () => {
    await open(newControl())
    const server = new Server(world.server)
    const run = (sql: string) =>
      server.admin(signal, () =>
        server.inside(signal, 'tenantry', (inner) =>
          migrate(signal, inner, [...migrations, { version: 9000, name: 'more', sql }]),
        ),
      )
    const half = 'CREATE TABLE tenantry.more (n int); INSERT INTO tenantry.more VALUES (1 / 0)'
    await expect(run(half)).rejects.toMatchObject({ code: '22012' })
    expect((await found()).map(({ version }) => version)).toEqual(versions)
    expect(await run('CREATE TABLE tenantry.more (n int)')).toEqual([9000])
    await server.stop()
  })

  test.each([
    ['a database', 'DATABASE_FOREIGN', 'CREATE DATABASE tenantry', 'DROP DATABASE tenantry'],
    ['a role', 'ROLE_FOREIGN', 'CREATE ROLE tenantry_writer', 'DROP ROLE tenantry_writer'],
  ])('%s of that name that somebody else made is not touched', async (_what, code, make, drop) => {
    await world.superuser(make)
    await expect(open(newControl())).rejects.toMatchObject({ code })
    await world.superuser(drop)
    expect(await open(newControl())).toHaveLength(1)
  })
})
