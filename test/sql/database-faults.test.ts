// The operator dies at every single statement of making a database, while it runs and after it; the next one goes on.
// Enumerated, not random. Holds ISOLATED at each of these points, NOTHING-LOST, and that there is never a second database.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CustomerDatabase } from '../../src/databases/databases.ts'
import { databaseName, ownerRole } from '../../src/databases/names.ts'
import { administrators, newCustomer, startSqlWorld, type SqlWorld } from '../support/sql-world.ts'
import {
  startStatementProxy,
  type Moment,
  type StatementProxy,
} from '../support/statement-proxy.ts'

const { signal } = new AbortController()
// Before a statement the server is as it was after the one before, so two moments are all there are.
const moments: readonly Moment[] = ['during', 'after']

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let proxy: StatementProxy
  let bystander: CustomerDatabase
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
    proxy = await startStatementProxy(world.postgres)
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
  })

  /** One operator's life: it makes the customer, and dies at that statement. Says whether it died. */
  async function lifeUntil(
    spec: CustomerDatabase,
    cutAt: number,
    moment: Moment,
  ): Promise<boolean> {
    proxy.revive(cutAt, moment)
    const databases = world.connect({ host: '127.0.0.1', port: proxy.port, tls: 'off' }, [
      'pgcrypto',
    ])
    try {
      await databases.ensure(signal, spec)
    } catch (error) {
      expect(error, `statement ${cutAt}: ${proxy.last()}`).toMatchObject({
        code: 'SERVER_UNREACHABLE',
      })
      expect(proxy.isDead()).toBe(true)
    }
    await databases.stop()
    return proxy.isDead()
  }

  async function nextLife(spec: CustomerDatabase): Promise<void> {
    const databases = world.connect({}, ['pgcrypto'])
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
    for (let cutAt = 1; cutAt <= 12; cutAt += 1) {
      const spec = newCustomer()
      const closed = await everythingBut(spec)
      if (kind === 'superuser') {
        await world.superuser('GRANT CONNECT ON DATABASE postgres TO PUBLIC')
      }
      expect(await lifeUntil(spec, cutAt, 'after')).toBe(true)
      await nextLife(spec)
      expect(await everythingBut(spec)).toEqual(closed)
      await remove(spec)
      await world.superuser(`DROP ROLE ${ownerRole}`)
    }
  }, 240_000)

  test.each(moments)(
    'dying %s any statement, the next operator makes it whole',
    async (moment) => {
      bystander ??= newCustomer()
      await world.databases.ensure(signal, bystander)
      const points: string[] = []
      for (let cutAt = 1; ; cutAt += 1) {
        const spec = newCustomer({ extensions: ['pgcrypto'] })
        const name = databaseName(spec.customerUid)
        const before = await everythingBut(spec)
        const died = await lifeUntil(spec, cutAt, moment)
        points.push(proxy.last())
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
        expect(await everythingBut(spec), proxy.last()).toEqual(before)
        await remove(spec)
        if (!died) break
      }
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
