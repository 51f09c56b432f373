// The devices and customers that are measured with, and how PostgreSQL is reached besides through Tenantry.
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { Control } from '../../../src/databases/control/control.ts'
import type { AskedDevice, Terms } from '../../../src/databases/registry/devices.sql.ts'
import { percentile } from '../../../test/bench/statistics.ts'
import type { Figure } from '../../../test/bench/bench.ts'
import type { LocalPostgres } from '../../postgres/start.ts'

export const perAssignment = 1_000

export function idOf(number: number): string {
  return `dev-${String(number).padStart(9, '0')}`
}

/** The devices of one assignment: each with a name, one of 50 models, one of 1,000 sites and one of 10 lines. */
export function batch(index: number): readonly AskedDevice[] {
  return Array.from({ length: perAssignment }, (_, at) => {
    const number = index * perAssignment + at
    return {
      id: idOf(number),
      name: `Pump ${number}`,
      model: `model-${number % 50}`,
      labels: { site: `site-${number % 1000}`, line: `line-${number % 10}` },
    }
  })
}

export function termsOf(index: number): Terms {
  return {
    customerUid: randomUUID(),
    customer: `customer-${index}`,
    assignment: randomUUID(),
    generation: 1,
    fromUid: undefined,
    others: [],
    license: undefined,
  }
}

/** The registry as one process of the operator reaches it; the caller stops it. */
export function controlOf({ host, port, user, password, ca }: LocalPostgres): Control {
  return new Control({
    name: 'bench',
    host,
    port,
    user,
    password: async () => password,
    tls: ca === undefined ? 'off' : { ca },
    maxDatabases: 10,
    pools: ['default'],
  })
}

/** A bare connection; the caller ends it. Without a login it is the superuser's. */
export async function connect(
  { host, port, ca, user, password }: LocalPostgres,
  database: string,
  login: { readonly user: string; readonly password: string } = { user, password },
): Promise<Client> {
  const ssl = ca === undefined ? false : { ca }
  const client = new Client({ host, port, database, ssl, ...login })
  await client.connect()
  return client
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** Both in turns, so that whatever else the machine does falls on both. In ms. */
export async function timedInTurns(
  rounds: number,
  ours: (round: number) => Promise<unknown>,
  bare: (round: number) => Promise<unknown>,
): Promise<{ readonly ours: readonly number[]; readonly bare: readonly number[] }> {
  const times = { ours: [] as number[], bare: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)
    for (const which of order) {
      times[which].push(await timed(() => (which === 'ours' ? ours(round) : bare(round))))
    }
  }
  return times
}

/** Median and 99th percentile beside those of bare; the goal is held by the latter. */
export function figuresOf(
  what: string,
  { ours, bare }: { readonly ours: readonly number[]; readonly bare: readonly number[] },
  goal?: Figure['goal'],
): readonly Figure[] {
  const at = (percent: number) => ({
    value: percentile(ours, percent),
    ...(bare.length > 0 && { bare: percentile(bare, percent) }),
    unit: 'ms',
  })
  return [
    { what: `${what}, p50`, ...at(50) },
    { what: `… p99 of ${ours.length}`, ...at(99), ...(goal && { goal }) },
  ]
}

/** Reads the rows into another table of the same shape: as fast as PostgreSQL takes them. Both ends are at the server. In ms. */
export async function copyOf(root: Client, table: string): Promise<number> {
  const { rows } = await root.query<{ file: string }>(
    "SELECT current_setting('data_directory') || '/bench.copy' AS file",
  )
  const file = root.escapeLiteral(rows[0]?.file ?? '')
  await root.query(`COPY ${table} TO ${file}`)
  await root.query(`CREATE TABLE ${table}_bare (LIKE ${table} INCLUDING ALL)`)
  const took = await timed(() => root.query(`COPY ${table}_bare FROM ${file}`))
  await root.query(`DROP TABLE ${table}_bare`)
  return took
}
