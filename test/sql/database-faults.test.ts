// The operator dies at every single statement of making a database, while it runs and after it; the next one goes on.
// Enumerated, not random. Holds ISOLATED at each of these points, NOTHING-LOST, and that there is never a second database.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CustomerDatabase } from '../../src/databases/databases.ts'
import { databaseName, ownerRole } from '../../src/databases/names.ts'
import { dieAtEveryStatement, moments, type Live } from '../support/deaths.ts'
import { administrators, newCustomer, startSqlWorld, type SqlWorld } from '../support/sql-world.ts'

const { signal } = new AbortController()
const allowed = ['pgcrypto']

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let bystander: CustomerDatabase
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const everyStatement = (
    moment: (typeof moments)[number],
    story: (live: Live) => Promise<void>,
  ): Promise<readonly string[]> => dieAtEveryStatement(world, moment, story, allowed)

  async function nextLife(spec: CustomerDatabase): Promise<void> {
    const databases = world.connect({}, allowed)
    await databases.ensure(signal, spec)
    expect(await databases.prove(signal, spec)).toEqual({ isolated: true, problems: [] })
    expect(await databases.ensure(signal, spec)).toEqual({ wrote: false, steps: [] })
    await databases.stop()
  }

  /** By name and state: everything on the server but the customer's own. */
  async function everythingBut(spec: CustomerDatabase): Promise<readonly unknown[]> {
    const name = databaseName(spec.customerUid)
    return world.superuser(
      `SELECT datname::text AS name, datacl::text AS state, shobj_description(oid, 'pg_database') AS mark
       FROM pg_database WHERE datname <> '${name}'
       UNION ALL SELECT rolname, concat(rolcanlogin, rolpassword), shobj_description(oid, 'pg_authid')
       FROM pg_authid WHERE rolname !~ '^(${name}|${ownerRole})'
       UNION ALL SELECT concat(roleid::regrole, ' ', member::regrole), '', '' FROM pg_auth_members
       WHERE concat(roleid::regrole, ' ', member::regrole) !~ '(${name}|${ownerRole})'
       ORDER BY 1, 2`,
    )
  }

  /** The tests' own; the operator has no such thing. */
  async function remove(spec: CustomerDatabase): Promise<void> {
    const name = databaseName(spec.customerUid)
    await world.superuser(`DROP DATABASE ${name} WITH (FORCE)`)
    const roles = await world.superuser<{ name: string }>(
      `SELECT rolname::text AS name FROM pg_roles WHERE rolname ~ '^${name}'`,
    )
    await world.superuser(`DROP ROLE ${roles.map((role) => role.name).join(', ')}`)
  }

  test('the first customer of a new server: no death leaves it half prepared', async () => {
    await world.superuser('CREATE ROLE bob LOGIN')
    await world.superuser('CREATE DATABASE bobs')
    // The operator does this itself where it may, and nothing else.
    await world.superuser('REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC')
    await everyStatement('after', async (live) => {
      const spec = newCustomer()
      const closed = await everythingBut(spec)
      if (kind === 'superuser') {
        await world.superuser('GRANT CONNECT ON DATABASE postgres TO PUBLIC')
      }
      await live((databases) => databases.ensure(signal, spec))
      await nextLife(spec)
      expect(await everythingBut(spec)).toEqual(closed)
      await remove(spec)
      await world.superuser(`DROP ROLE ${ownerRole}`)
    })
  }, 240_000)

  test.each(moments)(
    'dying %s any statement, the next operator makes it whole',
    async (moment) => {
      bystander ??= newCustomer()
      await world.databases.ensure(signal, bystander)
      const points = await everyStatement(moment, async (live) => {
        const spec = newCustomer({ extensions: ['pgcrypto'] })
        const name = databaseName(spec.customerUid)
        const before = await everythingBut(spec)
        await live((databases) => databases.ensure(signal, spec))
        // ISOLATED: at no point can another customer enter.
        await expect(world.as(bystander, 'adm', 'SELECT 1', spec)).rejects.toMatchObject({
          code: expect.stringMatching(/^(3D000|55000|42501)$/),
        })
        await nextLife(spec)
        expect(
          await world.superuser(
            `SELECT datname::text AS name FROM pg_database WHERE datname ~ '^${name}'`,
          ),
        ).toEqual([{ name }])
        expect(await everythingBut(spec)).toEqual(before)
        await remove(spec)
      })
      const said = points.join('\n')
      for (const statement of [
        'CREATE ROLE',
        'CREATE DATABASE',
        'COMMENT ON DATABASE',
        'REVOKE ALL ON DATABASE',
        'ALTER DATABASE',
        'ALTER SCHEMA',
        'CREATE SCHEMA',
        'CREATE EXTENSION',
      ]) {
        expect(said).toContain(statement)
      }
      expect(points.length).toBeGreaterThan(15)
      expect(await world.databases.prove(signal, bystander)).toMatchObject({ isolated: true })
    },
    240_000,
  )
})
