// `npm run bench:devices`: a million devices in a thousand assignments. First the registry alone, on a PostgreSQL with fsync: loaded
// by claims beside COPY of the same rows into the same indexes in the same run; single moves; a page of the view over all customers;
// whose(). Then the operator, from a thousand objects of the API server, and what memory that takes.
// TENANTRY_ASSIGNMENTS (default 1000, of 1,000 devices each) says how much; TENANTRY_OPERATOR=no leaves the second part out.
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { Control } from '../../src/databases/control/control.ts'
import { personKey } from '../../src/databases/names.ts'
import { claim, type AskedDevice, type Terms } from '../../src/databases/registry/devices.sql.ts'
import { customer, devices as assignment } from '../../test/support/manifests.ts'
import { field, startWorld, type World } from '../../test/support/world.ts'
import { startPostgres, type LocalPostgres } from '../postgres/start.ts'

const { signal } = new AbortController()
const assignments = Number(process.env['TENANTRY_ASSIGNMENTS'] ?? 1000)
const perAssignment = 1000
const customers = 100
const writers = 4
const rounds = 300
const person = personKey(randomUUID(), 'tina')
const login = { user: `tenantry_p_${person}`, password: 'bench' }

const lines: string[] = []
await benchRegistry()
if (process.env['TENANTRY_OPERATOR'] !== 'no') await benchOperator()
console.log(`\n${assignments} assignments of ${perAssignment} devices, ${customers} customers`)
for (const line of lines) console.log(line)

async function benchRegistry(): Promise<void> {
  const postgres = await startPostgres(signal, { fsync: true, settings: { max_wal_size: '4GB' } })
  const { host, port, user, password, ca } = postgres
  const control = new Control({
    name: 'bench',
    host,
    port,
    user,
    password: async () => password,
    tls: ca === undefined ? 'off' : { ca },
    maxDatabases: 10,
    pools: ['default'],
  })
  try {
    const owners = Array.from({ length: customers }, (_, index) => termsOf(index))
    await control.work(signal, 'opening', async () => {})
    const ours = await timed(() => load(control, owners))
    const root = await connect(postgres, { user, password })
    const bare = await copyOfTheSame(root)
    lines.push(
      `load by claims: ${seconds(ours)}, COPY of the same rows into the same indexes: ${seconds(bare)}, ratio ${(bare / ours).toFixed(2)}`,
    )
    await root.query('ANALYZE tenantry.owned_devices')
    lines.push(row('one device moves', await moves(control, owners)))
    await letIn(root, owners)
    await view(postgres)
    await root.end()
  } finally {
    await control.stop()
    await postgres.stop()
  }
}

function termsOf(index: number): Terms {
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

function batch(index: number): readonly AskedDevice[] {
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

function idOf(number: number): string {
  return `dev-${String(number).padStart(9, '0')}`
}

async function load(control: Control, owners: readonly Terms[]): Promise<void> {
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

/** One COPY from a file of the server: as fast as PostgreSQL takes these rows. */
async function copyOfTheSame(root: Client): Promise<number> {
  const { rows } = await root.query<{ file: string }>(
    "SELECT current_setting('data_directory') || '/bench.copy' AS file",
  )
  const file = root.escapeLiteral(rows[0]?.file ?? '')
  await root.query(`COPY tenantry.owned_devices TO ${file}`)
  await root.query('CREATE TABLE tenantry.bare (LIKE tenantry.owned_devices INCLUDING ALL)')
  await root.query('CHECKPOINT')
  const took = await timed(() => root.query(`COPY tenantry.bare FROM ${file}`))
  await root.query('DROP TABLE tenantry.bare')
  return took
}

async function moves(control: Control, owners: readonly Terms[]): Promise<readonly number[]> {
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const number = round * 997 * perAssignment
    const index = Math.floor(number / perAssignment) % assignments
    const [source, target] = [owners[index % customers], owners[(index + 1) % customers]]
    const [device] = batch(index)
    if (!source || !target || !device) continue
    const terms = { ...target, assignment: randomUUID(), fromUid: source.customerUid }
    times.push(
      await timed(() =>
        control.work(signal, 'moving', (sql) => claim(signal, sql, terms, [device], 'Retain')),
      ),
    )
  }
  return times
}

async function letIn(root: Client, owners: readonly Terms[]): Promise<void> {
  await root.query(`CREATE ROLE ${login.user} LOGIN PASSWORD 'bench' IN ROLE tenantry_viewer`)
  await root.query("CREATE ROLE ingest LOGIN PASSWORD 'ingest' IN ROLE tenantry_gateway")
  for (const { customerUid, customer: name } of owners) {
    await root.query(
      `INSERT INTO tenantry.ledger (customer, person_key, customer_name, organization, organization_name, kind, person, scope, since, until)
       VALUES ($1, $2, $3, $4, 'fabrikam', 'technician', 'tina', 'Full', '-infinity', 'infinity')`,
      [customerUid, person, name, randomUUID()],
    )
  }
}

async function view(postgres: LocalPostgres): Promise<void> {
  const viewer = await connect(postgres, login)
  const last = assignments * perAssignment
  const anywhere = (round: number) => idOf((round * 7919) % last)
  const asked: readonly (readonly [string, string, (round: number) => readonly unknown[]])[] = [
    [
      'page of a model',
      'SELECT * FROM devices WHERE model = $1 AND id > $2 ORDER BY id LIMIT 50',
      (round) => [`model-${round % 50}`, anywhere(round)],
    ],
    [
      'page by a label',
      "SELECT * FROM find_devices(jsonb_build_object('site', $1::text), '', $2)",
      (round) => [`site-${round % 1000}`, anywhere(round)],
    ],
    [
      'page by a common label',
      "SELECT * FROM find_devices(jsonb_build_object('line', $1::text), '', $2)",
      (round) => [`line-${round % 10}`, anywhere(round)],
    ],
    [
      'page by a part of a name',
      "SELECT * FROM find_devices('{}', $1)",
      (round) => [`ump ${(round * 7919) % last}`],
    ],
    [
      'page by label and part',
      "SELECT * FROM find_devices(jsonb_build_object('site', $1::text), $2)",
      (round) => [`site-${round % 1000}`, 'pump'],
    ],
    ['one device', 'SELECT * FROM devices WHERE id = $1', (round) => [anywhere(round)]],
  ]
  for (const [what, text, values] of asked)
    lines.push(row(`view, ${what}`, await ask(viewer, text, values)))
  await viewer.end()
  const gateway = await connect(postgres, { user: 'ingest', password: 'ingest' })
  const whose = await ask(gateway, 'SELECT * FROM whose($1)', (round) => [anywhere(round)])
  lines.push(row('whose()', whose))
  await gateway.end()
}

async function ask(
  client: Client,
  text: string,
  values: (round: number) => readonly unknown[],
): Promise<readonly number[]> {
  const times: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    times.push(await timed(() => client.query(text, [...values(round)])))
  }
  return times
}

async function benchOperator(): Promise<void> {
  await using world = await startWorld()
  const names = Array.from({ length: 10 }, (_, index) => `bench-${index}`)
  await world.apply(...names.map((name) => customer(name)))
  for (const name of names) {
    await world.until(
      `${name} is ready`,
      async () => {
        return (await world.condition({ kind: 'corg', name }, 'Ready')) === 'True/Ready'
      },
      60_000,
    )
  }
  const started = performance.now()
  for (let index = 0; index < assignments; index += 1) {
    const name = names[index % names.length] ?? ''
    const { status } = await world.api.ask(
      'POST',
      `/apis/tenantry.dev/v1alpha1/namespaces/customer-${name}/deviceassignments`,
      assignment(
        name,
        `batch-${index}`,
        [...batch(index)].map(({ id, labels }) => ({ id, labels })),
      ),
    )
    if (status !== 201) throw new Error(`An assignment was refused with ${status}.`)
  }
  const written = performance.now() - started
  const total = assignments * perAssignment
  await world.until(
    'all are assigned',
    async () => (await assignedIn(world, names)) === total,
    3_600_000,
  )
  const took = performance.now() - started
  lines.push(
    `operator: ${total} devices assigned and shown ${seconds(took)} after the first object (all written after ${seconds(written)})`,
  )
  const pid = world.operators[0]?.pid ?? 0
  const peak = await memory(pid, 'VmHWM')
  await sleep(20_000)
  lines.push(`operator: peak ${peak} MiB, 20 s later ${await memory(pid, 'VmRSS')} MiB`)
}

async function assignedIn({ get }: World, names: readonly string[]): Promise<number> {
  await sleep(1_000)
  const counts = await Promise.all(
    names.map(async (name) => Number(field(await get('corg', name), 'status', 'devices') ?? 0)),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

async function memory(pid: number, what: 'VmHWM' | 'VmRSS'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)?.[1]) / 1024)
}

async function connect(
  { host, port, ca }: LocalPostgres,
  credentials: { readonly user: string; readonly password: string },
): Promise<Client> {
  const ssl = ca === undefined ? false : { ca }
  const client = new Client({ host, port, database: 'tenantry', ssl, ...credentials })
  await client.connect()
  return client
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

function row(what: string, times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2)
  return `${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${times.length} times)`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
