// The way that people go: a thousand assignments of a thousand devices each through the API server and the operator as it is built and
// shipped, into the registry and a hundred customers' databases. Beside it COPY of the same rows, and a bare client that sends the
// API server the same objects. Then single moves, and a restart, which writes nothing.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { finalizer } from '../../../src/api/names.ts'
import { resources } from '../../../src/api/resources.ts'
import { countRequests, groupOf, type Request } from '../../../test/bench/audit.ts'
import type { Figure } from '../../../test/bench/bench.ts'
import { createCustomers, inParallel, namesOf } from '../../../test/bench/customers.ts'
import { memoryOf, startMeter } from '../../../test/bench/processes.ts'
import { watchReady } from '../../../test/bench/ready.ts'
import { installBareKinds } from '../../../test/bench/recording.ts'
import { startBenchWorld, until, untilQuiet, type BenchWorld } from '../../../test/bench/world.ts'
import { devices as assignment } from '../../../test/support/manifests.ts'
import { runCommand } from '../../control-plane/command.ts'
import type { LocalPostgres } from '../../postgres/start.ts'
import { batch, connect, copyOf, figuresOf, idOf, perAssignment, timed } from './fleet.ts'

const mostCustomers = 100
const perCustomer = 10
/** How many manifests somebody's tool has on their way at once. */
const creators = 16
const bareAssignments = 60
const rounds = 100
const patienceMs = 3_600_000
const restMs = 60_000
const calmMs = 2_000
/** Of the same shape, and nobody watches it. */
const bareDevices = { ...resources.devices, group: 'bare.example' }

export async function* benchOperator(
  signal: AbortSignal,
  assignments: number,
  say: (line: string) => void,
): AsyncGenerator<readonly Figure[]> {
  const { code, stdout } = await runCommand(signal, 'tsc', ['-p', 'tsconfig.build.json'])
  if (code !== 0) throw new Error(`The operator does not build:\n${stdout}`)
  await using world = await startBenchWorld(signal, { warmPool: 0, say })
  const { postgres } = world.platform
  if (!postgres) throw new Error('There is no PostgreSQL.')
  await installBareKinds(signal, world)
  const customers = namesOf('bench', Math.min(mostCustomers, Math.ceil(assignments / perCustomer)))
  const ownerOf = (index: number) => customers[index % customers.length] ?? ''
  const ready = await watchReady(signal, world.clients.prober)
  await createCustomers(signal, world.clients.driver, customers, 'database')
  await ready.all(customers, patienceMs)
  await ready.stop()
  await untilQuiet(signal, world, calmMs)
  say(`operator: ${customers.length} customers are ready`)
  const loading = await load(signal, world, { assignments, ownerOf }, say)
  const root = await connect(postgres, 'tenantry')
  const copying = await copies(postgres, root)
  const bareMs = await bareWrites(signal, world, ownerOf)
  say('operator: COPY and the bare client have been measured')
  yield loadFigures(assignments, loading, copying, bareMs)
  yield await rest(signal, world)
  yield await moves(signal, world, root, { assignments, ownerOf })
  yield await restart(signal, world)
  await root.end()
}

type Fleet = { readonly assignments: number; readonly ownerOf: (index: number) => string }

/** From the first manifest until the last assignment is Ready, and until nothing is left to do. */
async function load(
  signal: AbortSignal,
  world: BenchWorld,
  { assignments, ownerOf }: Fleet,
  say: (line: string) => void,
) {
  const names = namesOf('batch', assignments)
  const ready = await watchReady(signal, world.clients.prober, resources.devices)
  const meter = await startMeter(await world.pids())
  const begun = performance.now()
  let written = NaN
  const reporting = setInterval(() => say(`operator: ${ready.count} of ${assignments}`), 10_000)
  try {
    await inParallel(creators, [...names.entries()], async ([index, name]) => {
      const wish = assignment(ownerOf(index), name, [...batch(index)])
      await world.clients.driver.create(signal, resources.devices, wish)
    })
    written = performance.now() - begun
    await ready.all(names, patienceMs)
  } finally {
    clearInterval(reporting)
  }
  const took = performance.now() - begun
  const { cpuMs } = await meter()
  await ready.stop()
  const { requests, quietAt } = await untilNothingIsLeft(signal, world)
  return { took, written, settled: quietAt - begun, cpuMs, requests }
}

/** @returns what the operator has asked since the last look, and when it had done so */
async function untilNothingIsLeft(signal: AbortSignal, world: BenchWorld) {
  const requests: Request[] = []
  let quietAt = performance.now()
  const isQuiet = async () => {
    const more = await world.audit.next()
    requests.push(...more)
    const isIdle = (await world.metric('workqueue_depth')) === 0
    if (!isIdle || more.some((request) => groupOf(request) !== 'lease')) quietAt = performance.now()
    return performance.now() - quietAt > calmMs
  }
  await until(signal, 'The operator has nothing left to do', isQuiet, patienceMs)
  return { requests, quietAt }
}

type Copying = { readonly registryMs: number; readonly databasesMs: number }

/** Of the registry alone, and of what the customers' databases show. */
async function copies(postgres: LocalPostgres, root: Client): Promise<Copying> {
  await root.query('CHECKPOINT')
  const registryMs = await copyOf(root, 'tenantry.owned_devices')
  const { rows } = await root.query<{ database: string }>(
    'SELECT DISTINCT database FROM tenantry.addresses WHERE database IS NOT NULL',
  )
  let databasesMs = 0
  for (const { database } of rows) {
    const inner = await connect(postgres, database)
    databasesMs += await copyOf(inner, 'tenantry.devices')
    await inner.end()
  }
  return { registryMs, databasesMs }
}

/** What one assignment costs the API server alone: made, given a finalizer, read and given a status, of a kind that nobody watches. In ms. */
async function bareWrites(
  signal: AbortSignal,
  world: BenchWorld,
  ownerOf: Fleet['ownerOf'],
): Promise<number> {
  const { bare } = world.clients
  const took = await timed(() =>
    inParallel(creators, [...namesOf('bare', bareAssignments).entries()], async ([index, name]) => {
      const wish = assignment(ownerOf(index), name, [...batch(index)])
      const { metadata } = wish
      await bareBeginning(signal, world, wish)
      await bare.get(signal, bareDevices, metadata)
      const status = { metadata, status: { assigned: perAssignment, pending: 0 } }
      const how = { fieldManager: 'bare', force: true, subresource: 'status' }
      await bare.apply(signal, bareDevices, status, how)
    }),
  )
  return took / bareAssignments
}

function loadFigures(
  assignments: number,
  { took, written, settled, cpuMs, requests }: Awaited<ReturnType<typeof load>>,
  { registryMs, databasesMs }: Copying,
  bareMs: number,
): readonly Figure[] {
  const total = (assignments * perAssignment).toLocaleString('en-US')
  const { groups, writes } = countRequests(requests)
  const each = (count: number) => count / assignments
  return [
    {
      what: `${total} devices, first manifest to last Ready`,
      value: took / 1000,
      bare: registryMs / 1000,
      unit: 's',
    },
    {
      what: '… share of the rate of COPY',
      value: registryMs / took,
      unit: '×',
      goal: 'deviceLoad',
    },
    {
      what: '… of COPY into registry and customers’ databases',
      value: (registryMs + databasesMs) / took,
      unit: '×',
    },
    { what: '… all manifests are written', value: written / 1000, unit: 's' },
    { what: '… until the operator has nothing left to do', value: settled / 1000, unit: 's' },
    { what: 'one assignment', value: each(took), bare: bareMs, unit: 'ms' },
    ...Object.entries(cpuMs).map(([name, ms]) => ({
      what: `… CPU of ${name}`,
      value: each(ms),
      unit: 'ms',
    })),
    {
      what: 'requests of the operator per assignment: reads',
      value: each(groups.get('read') ?? 0),
      unit: '',
    },
    ...[...writes].map(([name, count]) => ({ what: `… ${name}`, value: each(count), unit: '' })),
    { what: '… access reviews', value: each(groups.get('proof') ?? 0), unit: '' },
    { what: '… Events', value: each(groups.get('event') ?? 0), unit: '' },
    { what: '… conflicts', value: each(groups.get('conflict') ?? 0), unit: '', goal: 'conflicts' },
  ]
}

async function rest(signal: AbortSignal, world: BenchWorld): Promise<readonly Figure[]> {
  await sleep(restMs, undefined, { signal })
  const { residentMiB, highestMiB } = await memoryOf(world.operator.pid)
  const heap = await world.metric('nodejs_heap_size_used_bytes')
  return [
    { what: 'operator, highest', value: highestMiB, unit: 'MiB', goal: 'highestMemory' },
    {
      what: 'operator, resident after a minute',
      value: residentMiB,
      unit: 'MiB',
      goal: 'residentMemory',
    },
    { what: 'operator, heap in use', value: heap / 2 ** 20, unit: 'MiB' },
  ]
}

/**
 * From the manifest of a move until whose() names the next customer, and until the assignment is Ready: both databases follow it.
 * Bare is a client that sends the API server what comes before the registry, manifest and finalizer, in the same rounds.
 */
async function moves(
  signal: AbortSignal,
  world: BenchWorld,
  root: Client,
  { assignments, ownerOf }: Fleet,
): Promise<readonly Figure[]> {
  const ready = await watchReady(signal, world.clients.prober, resources.devices)
  const [moved, shown, bare]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < rounds; round += 1) {
    const index = (round * 37) % assignments
    const id = idOf(index * perAssignment + 500)
    const [source, target, name] = [ownerOf(index), ownerOf(index + 1), `move-${round}`]
    const wish = assignment(target, name, [id], { from: { customer: source } })
    const begun = performance.now()
    await world.clients.driver.create(signal, resources.devices, wish)
    while ((await ownerIn(root, id)) !== target) await sleep(1, undefined, { signal })
    moved.push(performance.now() - begun)
    await ready.all([name], patienceMs)
    shown.push((ready.at(name) ?? NaN) - begun)
    await untilQuiet(signal, world, 200)
    bare.push(await timed(() => bareBeginning(signal, world, wish)))
  }
  await ready.stop()
  return [
    ...figuresOf('one device moves, manifest to whose()', { ours: moved, bare }, 'deviceMove'),
    ...figuresOf('… to Ready, both databases right', { ours: shown, bare: [] }),
  ]
}

/** Made, and given a finalizer: what comes before the registry. */
async function bareBeginning(
  signal: AbortSignal,
  world: BenchWorld,
  wish: ReturnType<typeof assignment>,
): Promise<void> {
  const { bare } = world.clients
  await bare.create(signal, bareDevices, { ...wish, apiVersion: 'bare.example/v1alpha1' })
  const held = { metadata: { finalizers: [finalizer] } }
  await bare.patch(signal, bareDevices, wish.metadata, held, { type: 'merge' })
}

async function ownerIn(root: Client, id: string): Promise<string | undefined> {
  const { rows } = await root.query<{ customer: string }>(
    'SELECT customer FROM tenantry.whose($1)',
    [id],
  )
  return rows[0]?.customer
}

/** Killed without a word. The lease of the dead has to run out before the next one looks at the assignments. */
async function restart(signal: AbortSignal, world: BenchWorld): Promise<readonly Figure[]> {
  await untilQuiet(signal, world, calmMs)
  await world.operator.kill()
  await world.startOperator()
  const leads = async () => (await world.metric('leader_election_master_status')) > 0
  await until(signal, 'The operator leads', leads, patienceMs)
  const begun = performance.now()
  const { requests, quietAt } = await untilNothingIsLeft(signal, world)
  const { groups } = countRequests(requests)
  const { highestMiB } = await memoryOf(world.operator.pid)
  return [
    { what: 'restart: writes', value: groups.get('write') ?? 0, unit: '', goal: 'restartWrites' },
    { what: '… reads', value: groups.get('read') ?? 0, unit: '' },
    { what: '… leads until everything is compared', value: (quietAt - begun) / 1000, unit: 's' },
    { what: '… operator, highest', value: highestMiB, unit: 'MiB', goal: 'highestMemory' },
  ]
}
