// The registry alone, on a PostgreSQL with fsync: loaded by claims beside COPY of the same rows into the same indexes; single moves; a
// page of the view over all customers of a technician; whose(). Beside each the bare statement on the same server, in turns.
import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import type { Control } from '../../../src/databases/control/control.ts'
import { personKey } from '../../../src/databases/names.ts'
import { claim, type Terms } from '../../../src/databases/registry/devices.sql.ts'
import type { Figure } from '../../../test/bench/bench.ts'
import { startPostgres, type LocalPostgres } from '../../postgres/start.ts'
import {
  batch,
  connect,
  controlOf,
  copyOf,
  figuresOf,
  idOf,
  perAssignment,
  termsOf,
  timed,
  timedInTurns,
} from './fleet.ts'

const customers = 100
const writers = 4
const rounds = 300

export async function* benchRegistry(
  signal: AbortSignal,
  assignments: number,
  say: (line: string) => void,
): AsyncGenerator<readonly Figure[]> {
  await using postgres = await startPostgres(signal, { settings: { max_wal_size: '4GB' } })
  const control = controlOf(postgres)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => control.stop())
  const owners = Array.from({ length: customers }, (_, index) => termsOf(index))
  await control.work(signal, 'opening', async () => {})
  const ours = await timed(() => load(signal, control, owners, assignments))
  say(`registry: loaded in ${(ours / 1000).toFixed(1)} s`)
  const root = await connect(postgres, 'tenantry')
  stack.defer(() => root.end())
  await root.query('CHECKPOINT')
  const bare = await copyOf(root, 'tenantry.owned_devices')
  say(`registry: COPY took ${(bare / 1000).toFixed(1)} s`)
  await root.query('VACUUM ANALYZE tenantry.owned_devices')
  const total = assignments * perAssignment
  yield [
    {
      what: `${total.toLocaleString('en-US')} devices claimed`,
      value: total / (ours / 1000),
      bare: total / (bare / 1000),
      unit: 'per s',
    },
    { what: '… share of the rate of COPY', value: bare / ours, unit: '×', goal: 'deviceLoad' },
  ]
  yield await moves(signal, control, root, owners, assignments)
  yield await questions(postgres, root, owners, total)
}

async function load(
  signal: AbortSignal,
  control: Control,
  owners: readonly Terms[],
  assignments: number,
): Promise<void> {
  let next = 0
  const write = async (): Promise<void> => {
    for (let index = next++; index < assignments; index = next++) {
      const owner = owners[index % customers]
      if (!owner) continue
      const terms = { ...owner, assignment: randomUUID() }
      await control.work(signal, 'claiming', (sql) =>
        claim(signal, sql, terms, batch(index), 'Retain'),
      )
    }
  }
  await Promise.all(Array.from({ length: writers }, write))
}

/** Bare is one UPDATE by the primary key. */
async function moves(
  signal: AbortSignal,
  control: Control,
  root: Client,
  owners: readonly Terms[],
  assignments: number,
): Promise<readonly Figure[]> {
  const target = termsOf(customers)
  const devicesOf = (round: number) => {
    const index = (round * 997) % assignments
    const [ours, bare] = batch(index).slice(2 * Math.floor(round / assignments))
    const source = owners[index % customers]
    if (!ours || !bare || !source) throw new RangeError('There are too few devices to move.')
    return { ours, bare, source }
  }
  const times = await timedInTurns(
    rounds,
    async (round) => {
      const { ours, source } = devicesOf(round)
      const terms = { ...target, assignment: randomUUID(), fromUid: source.customerUid }
      const [outcome] = await control.work(signal, 'moving', (sql) =>
        claim(signal, sql, terms, [ours], 'Retain'),
      )
      if (outcome?.outcome !== 'Move') throw new Error(`${ours.id} was not moved.`)
    },
    (round) =>
      root.query(
        'UPDATE tenantry.owned_devices SET customer_uid = $2, customer = $3, assignment = $4 WHERE id = $1',
        [devicesOf(round).bare.id, target.customerUid, target.customer, target.assignment],
      ),
  )
  return figuresOf('one device moves in the registry', times, 'deviceMove')
}

type Question = {
  readonly what: string
  readonly ours: string
  /** What whoever may see everything would ask of the table. */
  readonly bare: string
  readonly values: (round: number) => readonly unknown[]
}

const columns = 'SELECT id, customer, sku, name, model, labels, since FROM tenantry.owned_devices'
const inText =
  "lower(id || ' ' || coalesce(name, '') || ' ' || coalesce(model, '')) LIKE '%' || $1 || '%'"

async function questions(
  postgres: LocalPostgres,
  root: Client,
  owners: readonly Terms[],
  total: number,
): Promise<readonly Figure[]> {
  const login = await letIn(root, owners)
  const viewer = await connect(postgres, 'tenantry', login)
  const gateway = await connect(postgres, 'tenantry', { user: 'ingest', password: 'ingest' })
  const anywhere = (round: number) => idOf((round * 7_919) % total)
  const pages: readonly Question[] = [
    {
      what: 'a page of one model',
      ours: 'SELECT * FROM devices WHERE model = $1 AND id > $2 ORDER BY id LIMIT 50',
      bare: `${columns} WHERE model = $1 AND id > $2 ORDER BY id LIMIT 50`,
      values: (round) => [`model-${round % 50}`, anywhere(round)],
    },
    {
      what: 'a page by a label that 1 in 1,000 has',
      ours: "SELECT * FROM find_devices(jsonb_build_object('site', $1::text), '', $2)",
      bare: `${columns} WHERE labels @> jsonb_build_object('site', $1::text) AND id > $2 ORDER BY id LIMIT 50`,
      values: (round) => [`site-${round % 1000}`, anywhere(round)],
    },
    {
      what: 'a page by a label that 1 in 10 has',
      ours: "SELECT * FROM find_devices(jsonb_build_object('line', $1::text), '', $2)",
      bare: `${columns} WHERE labels @> jsonb_build_object('line', $1::text) AND id > $2 ORDER BY id LIMIT 50`,
      values: (round) => [`line-${round % 10}`, anywhere(round)],
    },
    {
      what: 'a page by a part of a name',
      ours: "SELECT * FROM find_devices('{}', $1)",
      bare: `${columns} WHERE ${inText} ORDER BY id LIMIT 50`,
      values: (round) => [`ump ${(round * 7_919) % total}`],
    },
    {
      what: 'a page by label and part',
      ours: "SELECT * FROM find_devices(jsonb_build_object('site', $2::text), $1)",
      bare: `${columns} WHERE labels @> jsonb_build_object('site', $2::text) AND ${inText} ORDER BY id LIMIT 50`,
      values: (round) => ['pump', `site-${round % 1000}`],
    },
    {
      what: 'one device of the view',
      ours: 'SELECT * FROM devices WHERE id = $1',
      bare: `${columns} WHERE id = $1`,
      values: (round) => [anywhere(round)],
    },
  ]
  const figures: Figure[] = []
  for (const page of pages)
    figures.push(...figuresOf(page.what, await ask(viewer, root, page), 'devicePage'))
  const whose = {
    what: 'whose()',
    ours: 'SELECT * FROM whose($1)',
    bare: 'SELECT customer FROM tenantry.owned_devices WHERE id = $1',
    values: (round: number) => [anywhere(round)],
  }
  figures.push(...figuresOf(whose.what, await ask(gateway, root, whose), 'whose'))
  await viewer.end()
  await gateway.end()
  return figures
}

function ask(asker: Client, root: Client, { ours, bare, values }: Question) {
  return timedInTurns(
    rounds,
    (round) => asker.query(ours, [...values(round)]),
    (round) => root.query(bare, [...values(round)]),
  )
}

/** A technician whose windows are open at all customers, and a gateway. */
async function letIn(root: Client, owners: readonly Terms[]) {
  const person = personKey(randomUUID(), 'tina')
  const login = { user: `tenantry_p_${person}`, password: 'bench' }
  await root.query(`CREATE ROLE ${login.user} LOGIN PASSWORD 'bench' IN ROLE tenantry_viewer`)
  await root.query("CREATE ROLE ingest LOGIN PASSWORD 'ingest' IN ROLE tenantry_gateway")
  for (const { customerUid, customer: name } of owners) {
    await root.query(
      `INSERT INTO tenantry.ledger (customer, person_key, customer_name, organization, organization_name, kind, person, scope, since, until)
       VALUES ($1, $2, $3, $4, 'fabrikam', 'technician', 'tina', 'Full', '-infinity', 'infinity')`,
      [customerUid, person, name, randomUUID()],
    )
  }
  return login
}
