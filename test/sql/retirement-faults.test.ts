// The operator dies while a database is closed, dropped or given back: at each statement in turn, while it runs and before its
// answer. The next one finishes, nothing is lost and nothing is told twice. Holds NOTHING-LOST.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Control } from '../../src/databases/control/control.ts'
import type { Databases } from '../../src/databases/databases.ts'
import { databaseName } from '../../src/databases/names.ts'
import { Retirement } from '../../src/databases/retirement.ts'
import { dieAtEveryStatement } from '../support/deaths.ts'
import { leaverOf, returning, startRetiringWorld, type RetiringWorld } from '../support/retiring.ts'
import type { SqlWorld } from '../support/sql-world.ts'

const { signal } = new AbortController()
const notInUse = () => false

// Whoever may drop and close by right of the roles alone, at both; the superuser at one: the statements are the same.
const lives = [
  ['during', 'may only create databases and roles', 'creator'],
  ['after', 'may only create databases and roles', 'creator'],
  ['after', 'is a superuser', 'superuser'],
] as const

describe.each(lives)(
  'an operator that dies %s any statement, where the administrator %s,',
  (moment, _says, kind) => {
    let retiring: RetiringWorld
    let world: SqlWorld
    let retirement: Retirement
    beforeAll(async () => {
      retiring = await startRetiringWorld(kind)
      ;({ world, retirement } = retiring)
    })
    afterAll(() => retiring[Symbol.asyncDispose]())

    type Life = (retirement: Retirement, databases: Databases) => Promise<unknown>
    /** @returns how many statements the life has */
    const everyStatement = async (
      prepare: () => Promise<{ readonly life: Life; readonly check: () => Promise<void> }>,
    ): Promise<number> => {
      const points = await dieAtEveryStatement(world, moment, async (live) => {
        const { life, check } = await prepare()
        await live(async (databases, way) => {
          const control = new Control({ ...world.server, ...way })
          try {
            await life(new Retirement(databases, control, 'dying'), databases)
          } finally {
            await control.stop()
          }
        })
        await check()
      })
      return points.length
    }

    test('of closing it leaves what the next one finishes', async () => {
      const statements = await everyStatement(async () => {
        const customer = await retiring.made()
        return {
          life: (dying) => dying.retire(signal, leaverOf(customer, 3600)),
          check: async () => {
            expect(await retiring.isOpen(customer)).toBeDefined()
            await retirement.retire(signal, leaverOf(customer, 3600))
            expect(await retiring.isOpen(customer)).toBe(false)
            expect(await retiring.audited(customer)).toEqual(['Retained'])
          },
        }
      })
      expect(statements).toBeGreaterThan(12)
    }, 240_000)

    test('of keeping it as it is leaves what the next one finishes', async () => {
      const statements = await everyStatement(async () => {
        const customer = await retiring.made()
        return {
          life: (dying) => dying.retire(signal, leaverOf(customer)),
          check: async () => {
            await retirement.retire(signal, leaverOf(customer))
            expect(await retiring.isOpen(customer)).toBe(true)
            expect(await retiring.said(customer)).toEqual([{ said: 'kept' }])
            expect(await retiring.audited(customer)).toEqual(['Retained'])
          },
        }
      })
      expect(statements).toBeGreaterThan(3)
    }, 240_000)

    test('of dropping it leaves what the next one finishes', async () => {
      const statements = await everyStatement(async () => {
        const customer = await retiring.made()
        await retirement.retire(signal, leaverOf(customer, 3600))
        await retiring.letTimePass(customer)
        return {
          life: (dying) => dying.dropDue(signal, notInUse),
          check: async () => {
            await retirement.dropDue(signal, notInUse)
            expect(await retiring.isOpen(customer)).toBeUndefined()
            expect(await retiring.rolesOf(customer)).toEqual([])
            expect(await retiring.audited(customer)).toEqual(['Retained', 'Dropped'])
          },
        }
      })
      expect(statements).toBeGreaterThan(12)
    }, 240_000)

    test('of giving it back leaves what the next one finishes', async () => {
      const statements = await everyStatement(async () => {
        const customer = await retiring.made()
        await retirement.retire(signal, leaverOf(customer, 3600))
        const back = returning(customer, databaseName(customer.customerUid))
        return {
          life: async (dying, databases) => {
            await dying.comingBack(signal, back)
            await databases.ensure(signal, customer)
          },
          check: async () => {
            await retirement.comingBack(signal, back)
            await world.databases.ensure(signal, customer)
            expect(await retiring.said(customer)).toEqual([{ said: 'kept' }])
            expect(await retiring.audited(customer)).toEqual(['Retained', 'Restored'])
          },
        }
      })
      expect(statements).toBeGreaterThan(12)
    }, 240_000)
  },
)
