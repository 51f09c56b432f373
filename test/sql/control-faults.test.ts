// The operator dies while the control database comes into being: at each statement in turn, while it runs and before its answer.
// The next one finishes. Holds NOTHING-LOST.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Control } from '../../src/databases/control/control.ts'
import { migrations } from '../../src/databases/control/migrations.ts'
import { controlRoles } from '../../src/databases/control/names.ts'
import { dieAtEveryStatement, moments } from '../support/deaths.ts'
import { administrators, startSqlWorld, type SqlWorld } from '../support/sql-world.ts'

const { signal } = new AbortController()

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const open = async (control: Control): Promise<readonly unknown[]> => {
    try {
      return await control.work(signal, 'looking', (sql) => sql.query(signal, 'SELECT 1'))
    } finally {
      await control.stop()
    }
  }

  test.each(moments)(
    'an operator that dies %s any statement of the first start leaves what the next one finishes',
    async (moment) => {
      const points = await dieAtEveryStatement(world, moment, async (live) => {
        await live((_databases, way) => open(new Control({ ...world.server, ...way })))
        expect(await open(new Control(world.server))).toHaveLength(1)
        expect(
          await world.superuser(
            'SELECT version FROM tenantry.schema_version ORDER BY 1',
            'tenantry',
          ),
        ).toEqual(migrations.map(({ version }) => ({ version })))
        await world.superuser('DROP DATABASE tenantry WITH (FORCE)')
        await world.superuser(`DROP ROLE ${controlRoles.join(', ')}`)
      })
      expect(points.length).toBeGreaterThan(10)
    },
    240_000,
  )
})
