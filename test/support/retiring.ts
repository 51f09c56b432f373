// Customers with a database that are deleted, for tests of what becomes of it.
import { randomUUID } from 'node:crypto'
import { Control } from '../../src/databases/control/control.ts'
import type { CustomerDatabase } from '../../src/databases/databases.ts'
import { databaseName } from '../../src/databases/names.ts'
import { Retirement, type Leaver, type Returner } from '../../src/databases/retirement.ts'
import { newCustomer, startSqlWorld, type AdministratorKind, type SqlWorld } from './sql-world.ts'

const { signal } = new AbortController()

export type RetiringWorld = AsyncDisposable & {
  readonly world: SqlWorld
  readonly control: Control
  readonly retirement: Retirement
  /** A customer whose application has written a word. */
  made(): Promise<CustomerDatabase>
  said(customer: CustomerDatabase): Promise<unknown[]>
  /** `undefined`: there is no such database. */
  isOpen(customer: CustomerDatabase): Promise<boolean | undefined>
  rolesOf(customer: CustomerDatabase): Promise<unknown[]>
  /** What the audit was told. */
  audited(customer: CustomerDatabase): Promise<readonly string[]>
  stateOf(customer: CustomerDatabase): Promise<string | undefined>
  /** As when the 30 days are over. */
  letTimePass(customer: CustomerDatabase): Promise<unknown>
}

export async function startRetiringWorld(kind: AdministratorKind): Promise<RetiringWorld> {
  const world = await startSqlWorld(signal, kind)
  const control = new Control(world.server)
  const inControl = <Row>(text: string) => world.superuser<Row>(text, 'tenantry')
  return {
    world,
    control,
    retirement: new Retirement(world.databases, control, 'replica-1'),
    async made() {
      const customer = newCustomer()
      await world.databases.ensure(signal, customer)
      await world.as(customer, 'adm', "CREATE TABLE word AS SELECT 'kept' AS said")
      return customer
    },
    said: ({ customerUid }) => world.superuser('SELECT said FROM word', databaseName(customerUid)),
    async isOpen({ customerUid }) {
      const [row] = await world.superuser<{ open: boolean }>(
        `SELECT datallowconn AS open FROM pg_database WHERE datname = '${databaseName(customerUid)}'`,
      )
      return row?.open
    },
    rolesOf: ({ customerUid }) =>
      world.superuser(
        `SELECT rolname FROM pg_roles WHERE rolname ~ '^${databaseName(customerUid)}'`,
      ),
    async audited({ customerUid }) {
      const rows = await inControl<{ action: string }>(
        `SELECT action FROM tenantry.audit WHERE customer_name = 'name-${customerUid}' ORDER BY id`,
      )
      return rows.map(({ action }) => action)
    },
    async stateOf({ customerUid }) {
      const [row] = await inControl<{ state: string }>(
        `SELECT state FROM tenantry.retained WHERE made_for = '${customerUid}'`,
      )
      return row?.state
    },
    letTimePass: ({ customerUid }) =>
      inControl(
        `UPDATE tenantry.retained SET drop_after = clock_timestamp() - interval '1 s' WHERE made_for = '${customerUid}'`,
      ),
    async [Symbol.asyncDispose]() {
      await control.stop()
      await world[Symbol.asyncDispose]()
    },
  }
}

export function leaverOf({ customerUid }: CustomerDatabase, retainForSeconds?: number): Leaver {
  return {
    customer: customerUid,
    customerName: `name-${customerUid}`,
    madeFor: customerUid,
    server: 'main',
    pool: 'default',
    retainForSeconds,
  }
}

/** Another customer of that name. */
export function returning({ customerUid }: CustomerDatabase, restoreFrom?: string): Returner {
  return { customer: randomUUID(), customerName: `name-${customerUid}`, restoreFrom }
}
