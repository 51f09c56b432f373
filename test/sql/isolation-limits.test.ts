// What PostgreSQL shows every login about the others on its server, and nothing can hide. Each is written down in
// docs/known-limits-postgresql.md under the same number; a test fails when the page and PostgreSQL disagree.
// The point of each: what is seen are random names and counts, and never who the other is or what the other has.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databaseName, groupName, markOf } from '../../src/databases/names.ts'
import {
  administrators,
  loginOf,
  newCustomer,
  startSqlWorld,
  type SqlWorld,
} from '../support/sql-world.ts'

const { signal } = new AbortController()
const page = readFileSync('docs/known-limits-postgresql.md', 'utf8')

describe.each(administrators)(
  'where the administrator %s a customer sees of another one',
  (_says, kind) => {
    let world: SqlWorld
    const me = newCustomer()
    const other = newCustomer()
    const theirs = databaseName(other.customerUid)
    const iSay = <Row = Record<string, unknown>>(text: string) => world.as<Row>(me, 'ro', text)
    beforeAll(async () => {
      world = await startSqlWorld(signal, kind, { max_prepared_transactions: '2' })
      await world.databases.ensure(signal, me)
      await world.databases.ensure(signal, other)
    })
    afterAll(() => world[Symbol.asyncDispose]())

    const limits: readonly (readonly [string, () => Promise<void>])[] = [
      [
        'that its database exists, under a name made of random letters',
        async () => {
          const seen = await iSay(
            `SELECT datname, datconnlimit FROM pg_database WHERE datname = '${theirs}'`,
          )
          expect(seen).toEqual([{ datname: theirs, datconnlimit: 30 }])
        },
      ],
      [
        'that its roles exist and which is in which group',
        async () => {
          const seen = await iSay<{ member: string }>(
            `SELECT member::regrole::text AS member FROM pg_auth_members
           WHERE roleid = '${groupName(other.customerUid, 'ro')}'::regrole ORDER BY 1`,
          )
          const members = [...new Set(seen.map(({ member }) => member))]
          // An operator that is no superuser is in each of them.
          const operator = kind === 'superuser' ? [] : [world.operator.user]
          expect(members).toEqual([...operator, `${theirs}_ro_a`, `${theirs}_rw`])
        },
      ],
      [
        'the mark: the UID of its object, which says nothing to whoever cannot read that object',
        async () => {
          const seen = await iSay(
            `SELECT description FROM pg_shdescription WHERE description = '${markOf(other.customerUid)}' LIMIT 1`,
          )
          expect(seen).toEqual([{ description: markOf(other.customerUid) }])
        },
      ],
      [
        'the settings of its roles',
        async () => {
          const seen = await iSay<{ setconfig: string[] }>(
            `SELECT setconfig FROM pg_db_role_setting WHERE setrole = '${theirs}_adm_a'::regrole ORDER BY setdatabase`,
          )
          expect(seen.map(({ setconfig }) => setconfig)).toEqual([
            ['statement_timeout=60s'],
            [`role=${theirs}_adm`],
          ])
        },
      ],
      [
        'counts of its transactions, rows and blocks',
        async () => {
          const [seen] = await iSay<{ commits: string }>(
            `SELECT xact_commit AS commits FROM pg_stat_database WHERE datname = '${theirs}'`,
          )
          expect(Number(seen?.commits)).toBeGreaterThan(0)
        },
      ],
      [
        'that it has sessions, of which of its logins and programs, but not what they do',
        async () => {
          const session = await world.open(loginOf(other, 'rw'), theirs)
          await session.query("SET application_name = 'their program'")
          const seen = await iSay(
            `SELECT usename, application_name, query FROM pg_stat_activity WHERE datname = '${theirs}'`,
          )
          expect(seen).toEqual([
            {
              usename: `${theirs}_rw_a`,
              application_name: 'their program',
              query: '<insufficient privilege>',
            },
          ])
          await session.end()
        },
      ],
      [
        'that it holds locks, by number',
        async () => {
          const session = await world.open(loginOf(other, 'adm'), theirs)
          await session.query('BEGIN; CREATE TABLE unseen (n int)')
          const seen = await iSay(
            `SELECT 1 FROM pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
             AND database = (SELECT oid FROM pg_database WHERE datname = '${theirs}')`,
          )
          expect(seen).not.toEqual([])
          await session.query('ROLLBACK')
          await session.end()
        },
      ],
      [
        'how many objects its roles own',
        async () => {
          await world.as(other, 'adm', 'CREATE TABLE counted (n int)')
          const seen = await iSay(
            `SELECT 1 FROM pg_shdepend WHERE refobjid = '${theirs}_adm'::regrole AND deptype = 'o'`,
          )
          expect(seen.length).toBeGreaterThan(0)
        },
      ],
      [
        'the names of its prepared transactions, where the server allows any',
        async () => {
          await world.as(
            other,
            'adm',
            "BEGIN; CREATE TABLE prepared (n int); PREPARE TRANSACTION 'named by them'",
          )
          const seen = await iSay('SELECT gid, database FROM pg_prepared_xacts')
          expect(seen).toEqual([{ gid: 'named by them', database: theirs }])
          await expect(iSay("ROLLBACK PREPARED 'named by them'")).rejects.toMatchObject({
            code: '42501',
          })
          await world.as(other, 'adm', "ROLLBACK PREPARED 'named by them'")
        },
      ],
      [
        'its own settings, which are no limits: a login may undo its statement_timeout',
        async () => {
          const session = await world.open(loginOf(me, 'ro'), databaseName(me.customerUid))
          expect((await session.query('SHOW statement_timeout')).rows).toEqual([
            { statement_timeout: '1min' },
          ])
          await session.query('SET statement_timeout = 0')
          expect((await session.query('SHOW statement_timeout')).rows).toEqual([
            { statement_timeout: '0' },
          ])
          await session.end()
        },
      ],
    ]

    test.each(limits.map(([says, look], index) => [index + 1, says, look] as const))(
      '%i: %s',
      async (number, says, look) => {
        await look()
        expect(page).toContain(`## ${number}. ${says.charAt(0).toUpperCase()}${says.slice(1)}`)
      },
    )

    test('and nothing else that is written down', () => {
      expect(page.match(/^## \d+\./gm)).toHaveLength(limits.length)
    })

    test('and in none of it the name of an organization', async () => {
      // Names come from the UID alone: whatever is world-readable has only these letters.
      const seen = await iSay<{ name: string }>(
        "SELECT datname AS name FROM pg_database WHERE datname ~ '^t_' UNION SELECT rolname FROM pg_roles WHERE rolname ~ '^t_'",
      )
      for (const { name } of seen)
        expect(name).toMatch(/^t_[a-z2-7]{26}(_((adm|rw|ro)(_[ab])?|dev))?$/)
    })
  },
)
