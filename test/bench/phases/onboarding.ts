// P1: many customers at once, from the first manifest to the last Ready that an independent watcher sees;
// in turns with the bare client that writes the same. With and without a database from the pool.
import { setTimeout as sleep } from 'node:timers/promises'
import { countRequests, type Request } from '../audit.ts'
import { bareDatabases, onboardBare } from '../bare.ts'
import type { Bench, Figure, Phase } from '../bench.ts'
import { createCustomers, namesOf, type Shape } from '../customers.ts'
import { isDisturbed, startMeter, type Usage } from '../processes.ts'
import { watchReady } from '../ready.ts'
import type { Recording } from '../recording.ts'
import { median, pairedRatios, percentile } from '../statistics.ts'
import { pidOf, until } from '../world.ts'

type Block = Usage & { readonly perSecond: number; readonly customers: number }
type OurBlock = Block & {
  /** From the manifest's answer to Ready, ms each. */
  readonly readyMs: readonly number[]
  readonly requests: readonly Request[]
  /** How late the operator's event loop was, p99. */
  readonly lateMs: number
}
type Pair = { readonly our: OurBlock; readonly bare: Block }

const patienceMs = 300_000
const calmMs = 2_000
const fewestPairs = 3

export const onboardingPhases: readonly Phase[] = [phaseOf('plain'), phaseOf('database')]

function phaseOf(shape: Shape): Phase {
  const name = shape === 'plain' ? 'onboarding' : 'onboarding-databases'
  return { name, world: 'small', run: (bench) => onboard(bench, shape) }
}

async function onboard(bench: Bench, shape: Shape) {
  const { signal, sizes, world, say, recordings } = bench
  const recording = recordings?.[shape]
  if (!recording) throw new Error('Nothing was recorded for the bare client to repeat.')
  const count = sizes.block[shape]
  const { barePostgres } = shape === 'database' ? world : { barePostgres: undefined }
  await using databases = barePostgres && bareDatabases(barePostgres, count)
  // Before each block, so that no side works beside the refilling of the other's.
  const fillPools = async () => {
    if (!databases) return
    await databases.fill(signal)
    const isFull = async () => (await world.metric('tenantry_pool_ready')) >= count
    await until(signal, "The operator's pool is full", isFull, patienceMs)
  }
  const pairs: Pair[] = []
  // The first pair warms caches, compilers and connections, and is not counted.
  for (let pair = 0; pair <= sizes.blocks; pair += 1) {
    await fillPools()
    const our = await ourBlock(bench, shape, namesOf(`${shape}-${pair}`, count))
    await fillPools()
    await sleep(calmMs, undefined, { signal })
    const names = namesOf(`bare-${shape}-${pair}`, count)
    const meter = await startMeter(await barePids(bench))
    const keeping = databases?.keepFull(signal)
    const begun = performance.now()
    await onboardBare(signal, world, { names, recording, shape, databases })
    const perSecond = (1000 * count) / (performance.now() - begun)
    const bare = { ...(await meter()), perSecond, customers: count }
    await keeping?.()
    await sleep(calmMs, undefined, { signal })
    const rates = `${our.perSecond.toFixed(1)}/s, bare ${perSecond.toFixed(1)}/s`
    const noise = isCalm({ our, bare }) ? '' : ', disturbed by other processes'
    say(`${shape}: pair ${pair} of ${sizes.blocks}: ${rates}${noise}`)
    if (pair === 0) continue
    pairs.push({ our, bare })
  }
  const counted = calmPairs(pairs)
  return {
    figures: [
      ...figuresOf(shape, recording, counted),
      { what: `pairs of blocks counted, of ${pairs.length}`, value: counted.length, unit: '' },
    ],
    details: {
      ours: pairs.map(({ our }) => ({ ...our, requests: our.requests.length })),
      bare: pairs.map((pair) => pair.bare),
    },
  }
}

function isCalm({ our, bare }: Pair): boolean {
  return !isDisturbed(our) && !isDisturbed(bare)
}

/** What others disturbed is left out, as long as enough is left; else all of it counts, and is told. */
function calmPairs(pairs: readonly Pair[]): readonly Pair[] {
  const calm = pairs.filter(isCalm)
  return calm.length >= fewestPairs ? calm : pairs
}

async function ourBlock(
  { signal, world }: Bench,
  shape: Shape,
  names: readonly string[],
): Promise<OurBlock> {
  await world.audit.next()
  await world.loopLateMs() // reading it begins it anew
  const ready = await watchReady(signal, world.clients.driver)
  const meter = await startMeter(await world.pids())
  const begun = performance.now()
  const created = new Map<string, number>()
  await createCustomers(signal, world.clients.driver, names, shape, (name) =>
    created.set(name, performance.now()),
  )
  await ready.all(names, patienceMs)
  const perSecond = (1000 * names.length) / (performance.now() - begun)
  const usage = await meter()
  const lateMs = await world.loopLateMs()
  await ready.stop()
  await sleep(calmMs, undefined, { signal }) // Events and links follow Ready, and count
  const readyMs = names.map((name) => (ready.at(name) ?? NaN) - (created.get(name) ?? NaN))
  const requests = await world.audit.next()
  return { ...usage, perSecond, customers: names.length, readyMs, requests, lateMs }
}

/** The bare client is in this process, and so is its CPU; its PostgreSQL is its own. */
async function barePids({ world }: Bench) {
  const { postgres: _, ...pids } = await world.pids()
  const postgres = await pidOf(world.barePostgres)
  return { ...pids, ...(postgres !== undefined && { postgres }) }
}

function figuresOf(shape: Shape, recording: Recording, pairs: readonly Pair[]): readonly Figure[] {
  const ours = pairs.map(({ our }) => our)
  const bare = pairs.map((pair) => pair.bare)
  const per = (blocks: readonly Block[], process: string) =>
    median(blocks.map(({ cpuMs, customers }) => (cpuMs[process] ?? 0) / customers))
  const requests = ours.flatMap((block) => block.requests)
  const customers = ours.reduce((total, block) => total + block.customers, 0)
  const { groups, writes } = countRequests(requests)
  const of = (group: Parameters<typeof groups.get>[0]) => (groups.get(group) ?? 0) / customers
  const readyMs = ours.flatMap((block) => block.readyMs)
  const rates = (blocks: readonly Block[]) => blocks.map(({ perSecond }) => perSecond)
  const said = shape === 'plain' ? 'customers' : 'customers with a database'
  return [
    {
      what: `${said}: throughput, ours over bare`,
      value: median(pairedRatios(rates(ours), rates(bare))),
      unit: '×',
      goal: shape === 'plain' ? 'onboarding' : 'onboardingWithDatabase',
    },
    {
      what: `${said}: throughput`,
      value: median(rates(ours)),
      bare: median(rates(bare)),
      unit: '/s',
    },
    ...[50, 99, 99.9].map((percent) => ({
      what: `${said}: manifest to Ready in a burst, p${percent}`,
      value: percentile(readyMs, percent),
      unit: 'ms',
    })),
    {
      what: `${said}: CPU of the operator per customer`,
      value: per(ours, 'operator'),
      bare: per(bare, 'bench') - per(ours, 'bench'),
      unit: 'ms',
      goal: 'operatorCpu',
    },
    ...['apiserver', 'etcd', 'manager', ...(shape === 'database' ? ['postgres'] : [])].map(
      (process) => ({
        what: `${said}: CPU of ${process} per customer`,
        value: per(ours, process),
        bare: per(bare, process),
        unit: 'ms',
      }),
    ),
    {
      what: `${said}: writes per customer`,
      value: of('write'),
      bare: recording.writes.length,
      unit: '',
    },
    {
      what: `${said}: writes beside the plan, per customer`,
      value: ((groups.get('write') ?? 0) - recording.writes.length * customers) / customers,
      unit: '',
      goal: 'writesBesidePlan',
    },
    ...[...writes].map(([what, count]) => ({
      what: `${said}: … ${what}`,
      value: count / customers,
      unit: '',
    })),
    { what: `${said}: reads per customer`, value: of('read'), unit: '', goal: 'reads' },
    { what: `${said}: conflicts per customer`, value: of('conflict'), unit: '', goal: 'conflicts' },
    { what: `${said}: access reviews per customer`, value: of('proof'), unit: '' },
    { what: `${said}: Events per customer`, value: of('event'), unit: '' },
    {
      what: `${said}: event loop of the operator late, p99`,
      value: median(ours.map(({ lateMs }) => lateMs)),
      unit: 'ms',
    },
  ]
}
