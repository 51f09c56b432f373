// People with logins of their own, for tests in a customer's database.
import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import type { CustomerDatabase } from '../../src/databases/databases.ts'
import { databaseName, personLogin } from '../../src/databases/names.ts'
import { newPassword } from '../../src/databases/password.ts'
import type { PersonLogin } from '../../src/databases/people.ts'
import type { SqlWorld } from './sql-world.ts'

/** Another one at each call, unless the change says which. */
export function newPerson(
  { customerUid }: CustomerDatabase,
  change: Partial<PersonLogin> = {},
): PersonLogin {
  const login = personLogin(customerUid, randomUUID(), 'tina@example.com')
  return { login, password: newPassword(), group: 'rw', until: 'open', of: 'technician', ...change }
}

/** A session of this person that the caller ends. */
export function openAs(
  world: SqlWorld,
  { customerUid }: CustomerDatabase,
  { login, password }: PersonLogin,
): Promise<Client> {
  return world.open({ user: login, password }, databaseName(customerUid))
}

/** Runs statements as this person. */
export async function asPerson<Row = Record<string, unknown>>(
  world: SqlWorld,
  customer: CustomerDatabase,
  person: PersonLogin,
  text: string,
): Promise<Row[]> {
  const client = await openAs(world, customer, person)
  try {
    return (await client.query<Row & object>(text)).rows
  } finally {
    await client.end()
  }
}

/** When its socket is closed, whoever closes it. */
export function closed(client: Client): Promise<number> {
  return new Promise((resolve) => {
    client.once('end', () => resolve(performance.now()))
  })
}

/** What the catalog says against a login that ought to be gone; nothing when it is. */
export async function tracesOf(
  world: SqlWorld,
  logins: readonly string[],
  oids: readonly number[] = [],
): Promise<readonly unknown[]> {
  const names = logins.map((login) => `'${login}'`).join(', ')
  return world.superuser(
    `SELECT 'may sign in' AS what, rolname::text AS who FROM pg_roles WHERE rolname IN (${names}) AND rolcanlogin
     UNION ALL SELECT 'is a member', m.member::regrole::text FROM pg_auth_members m
       WHERE m.member IN (SELECT oid FROM pg_roles WHERE rolname IN (${names}))
     UNION ALL SELECT 'has a session', usesysid::text FROM pg_stat_activity
       WHERE usename IN (${names}) OR usesysid IN (${[0, ...oids].join(', ')})`,
  )
}

export async function oidOf(world: SqlWorld, login: string): Promise<number> {
  const [row] = await world.superuser<{ oid: number }>(
    `SELECT oid FROM pg_roles WHERE rolname = '${login}'`,
  )
  return row?.oid ?? 0
}
