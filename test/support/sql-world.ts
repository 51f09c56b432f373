// A PostgreSQL of its own for a test file, with the operator's side and the customers' side of it.
// Everything about databases is tried twice: by a superuser, and by an administrator as managed services give one.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Client, type ClientConfig } from 'pg'
import { Databases, type CustomerDatabase } from '../../src/databases/databases.ts'
import { databaseName, loginName, type ApplicationRole } from '../../src/databases/names.ts'
import { newPassword } from '../../src/databases/password.ts'
import type { ServerOptions } from '../../src/databases/server.ts'
import { startPostgres, type LocalPostgres } from '../../tools/postgres/start.ts'

export type AdministratorKind = 'superuser' | 'creator'

/** For `describe.each`: `on a server whose administrator %s`. */
export const administrators: readonly (readonly [string, AdministratorKind])[] = [
  ['is a superuser', 'superuser'],
  ['may only create databases and roles', 'creator'],
]

export type Login = { readonly user: string; readonly password: string }

export type SqlWorld = AsyncDisposable & {
  readonly postgres: LocalPostgres
  readonly databases: Databases
  /** The login that the operator uses. */
  readonly operator: Login
  /** How the operator reaches the server. */
  readonly server: ServerOptions
  /** Another operator on the same server; the caller stops it. */
  connect(
    change?: Partial<ServerOptions>,
    allowedExtensions?: readonly string[],
    now?: () => number,
  ): Databases
  /** Runs statements as the superuser, whatever the operator is. */
  superuser<Row = Record<string, unknown>>(text: string, database?: string): Promise<Row[]>
  /** Runs one statement as an application of `who`, in the database of `where`. */
  as<Row = Record<string, unknown>>(
    who: CustomerDatabase,
    role: ApplicationRole,
    text: string,
    where?: CustomerDatabase,
  ): Promise<Row[]>
  /** A connection that the caller ends. */
  open(login: Login, database: string): Promise<Client>
  /** The log of the server from its beginning, or from a length of it. */
  log(from?: number): string
}

export async function startSqlWorld(
  signal: AbortSignal,
  kind: AdministratorKind,
  settings: Readonly<Record<string, string>> = {},
): Promise<SqlWorld> {
  const postgres = await startPostgres(signal, {
    fsync: false,
    // Autovacuum writes when nobody does.
    settings: { autovacuum: 'off', ...settings },
  })
  const { host, port, ca } = postgres
  const root = { user: postgres.user, password: postgres.password }
  const operator = kind === 'superuser' ? root : { user: 'creator', password: newPassword() }

  const open = async (login: Login, database: string): Promise<Client> => {
    const client = new Client(configOf(postgres, login, database))
    client.on('error', () => {}) // some tests have it cut off
    await client.connect()
    return client
  }
  const ask = async <Row>(login: Login, database: string, text: string): Promise<Row[]> => {
    const client = await open(login, database)
    try {
      return (await client.query<Row & object>(text)).rows
    } finally {
      await client.end()
    }
  }
  const server: ServerOptions = {
    name: 'main',
    host,
    port,
    tls: ca === undefined ? 'off' : { ca },
    user: operator.user,
    password: async () => operator.password,
    maxDatabases: 100,
    pools: ['default'],
  }
  const connect: SqlWorld['connect'] = (change = {}, allowedExtensions = [], now = Date.now) =>
    new Databases({ servers: [{ ...server, ...change }], allowedExtensions, now })
  if (kind === 'creator') {
    // What whoever hands out such an administrator does once; the operator has no right to it.
    await ask(
      root,
      'postgres',
      `CREATE ROLE creator LOGIN CREATEDB CREATEROLE PASSWORD '${operator.password}';
       REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
       GRANT CONNECT ON DATABASE postgres TO creator`,
    )
  }
  const databases = connect()
  const stop = async (): Promise<void> => {
    await databases.stop()
    await postgres.stop()
  }
  return {
    postgres,
    databases,
    operator,
    server,
    connect,
    open,
    superuser: (text, database = 'postgres') => ask(root, database, text),
    as: (who, role, text, where = who) =>
      ask(loginOf(who, role), databaseName(where.customerUid), text),
    log: (from = 0) => readFileSync(postgres.logFile ?? '', 'utf8').slice(from),
    [Symbol.asyncDispose]: stop,
  }
}

export function newCustomer(change: Partial<CustomerDatabase> = {}): CustomerDatabase {
  const customerUid = randomUUID()
  const login = (role: ApplicationRole) => ({
    username: loginName(customerUid, role, 'a'),
    password: newPassword(),
  })
  const logins = { adm: login('adm'), rw: login('rw'), ro: login('ro') }
  return { server: 'main', customerUid, connectionLimit: 30, extensions: [], logins, ...change }
}

export function loginOf({ logins }: CustomerDatabase, role: ApplicationRole): Login {
  const { username: user, password } = logins[role]
  return { user, password }
}

/** The transactions that wrote: it stands still as long as nobody does. */
export async function writesOf(world: SqlWorld): Promise<string> {
  const [row] = await world.superuser<{ next: string }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next',
  )
  return row?.next ?? ''
}

function configOf({ host, port, ca }: LocalPostgres, login: Login, database: string): ClientConfig {
  return { host, port, database, ssl: ca === undefined ? false : { ca }, ...login }
}
