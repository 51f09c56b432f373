// The operator dies while the control database comes into being: at each statement in turn, while it runs and before its answer.
// The next one finishes. Holds NOTHING-LOST.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Control } from '../../src/databases/control/control.ts'
import { migrations } from '../../src/databases/control/migrations.ts'
import { controlRoles } from '../../src/databases/control/names.ts'
import { startSqlWorld, type SqlWorld } from '../support/sql-world.ts'
import { startStatementProxy } from '../support/statement-proxy.ts'

const { signal } = new AbortController()

let world: SqlWorld
beforeAll(async () => {
  world = await startSqlWorld(signal, 'creator')
})
afterAll(() => world[Symbol.asyncDispose]())

const open = (control: Control) =>
  control.work(signal, 'looking', (sql) => sql.query(signal, 'SELECT 1'))

test.each(['during', 'after'] as const)(
  'an operator that dies %s any statement of the first start leaves what the next one finishes',
  async (moment) => {
    await using proxy = await startStatementProxy(world.postgres)
    for (let cutAt = 1; ; cutAt += 1) {
      proxy.revive(cutAt, moment)
      const at = { host: '127.0.0.1', port: proxy.port, tls: 'off' } as const
      const dying = new Control({ ...world.server, ...at })
      await open(dying).catch(() => {})
      const died = proxy.isDead()
      await dying.stop()
      const next = new Control(world.server)
      expect(await open(next), proxy.last()).toHaveLength(1)
      await next.stop()
      expect(
        await world.superuser('SELECT version FROM tenantry.schema_version ORDER BY 1', 'tenantry'),
        proxy.last(),
      ).toEqual(migrations.map(({ version }) => ({ version })))
      await world.superuser('DROP DATABASE tenantry WITH (FORCE)')
      await world.superuser(`DROP ROLE ${controlRoles.join(', ')}`)
      if (!died) break
    }
  },
  240_000,
)
