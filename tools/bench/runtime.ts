// `npm run bench:runtime`: what the caches and the deadlines of src/runtime cost, beside a bare client
// that lists the same pages in the same run, and beside the floors that were planned with. No test:
// a slow machine is no defect. It ends with 1 when a figure is over its bound all the same.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { request } from 'undici'
import {
  Client,
  Deadlines,
  Reflector,
  Store,
  connectKubeconfig,
  type Connection,
  type KubeObject,
  type ResourceOf,
  type StoreOptions,
} from '../../src/runtime/index.ts'
import { writeKubeconfig } from '../control-plane/kubeconfig.ts'
import { untilAsked } from '../local/signals.ts'
import { kinds, type Kind, type Ready } from './list-server.ts'

type Figure = {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** Of the same run, or of the plan. */
  readonly beside?: string
  readonly atMost?: number
}

const customers = 10_000
const blocks = 5
const deadlines = 1_000_000
const objects = customers * kinds.reduce((sum, { each }) => sum + each, 0)

setFlagsFromString('--expose-gc')
const collect: unknown = runInNewContext('gc')
const signal = untilAsked()
const figures: Figure[] = [...(await caches()), ...armed(), ...fired()]

console.log(`\nNode ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`)
for (const { what, value, unit, beside = '', atMost } of figures) {
  const shown = `${what.padEnd(54)}${value.toFixed(value < 10 ? 2 : 0).padStart(8)} ${unit.padEnd(5)}`
  const bound = atMost === undefined ? '' : `at most ${atMost}${value > atMost ? '  OVER' : ''}`
  console.log(`${shown}  ${beside.padEnd(34)}${bound}`)
}
process.exitCode = figures.some(({ value, atMost = Infinity }) => value > atMost) ? 1 : 0

// ---- list and index ----

async function caches(): Promise<readonly Figure[]> {
  const script = fileURLToPath(new URL('list-server.ts', import.meta.url))
  const server = fork(script, [String(customers)])
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-bench-'))
  try {
    const [ready]: Ready[] = await once(server, 'message', { signal })
    if (!ready) throw new Error('The server of the lists did not start.')
    const file = join(directory, 'kubeconfig')
    const at = `https://127.0.0.1:${ready.port}`
    await writeKubeconfig(file, at, ready.ca, { token: 'none' })
    console.log(`${objects} objects of ${ready.objectBytes.toFixed(0)} bytes, ${blocks} blocks ...`)
    const connection = await connectKubeconfig(signal, file)
    const figures = await listInBlocks(connection)
    await connection.stop()
    return figures
  } finally {
    server.disconnect()
    await rm(directory, { recursive: true, force: true })
  }
}

type Block = { readonly seconds: number; readonly bytes: number }

/** In turns, so that whatever else the machine does falls on both. */
async function listInBlocks(connection: Connection): Promise<readonly Figure[]> {
  const slim: Block[] = []
  const bare: Block[] = []
  const indexes = { place: placeOf }
  await measured(() => listBare(connection)) // warms up the code and the server
  for (let block = 0; block < blocks; block += 1) {
    bare.push(await measured(() => listBare(connection)))
    slim.push(await measured((life) => follow(life, connection, { project: slimOf, indexes })))
  }
  const plain = await measured((life) => follow(life, connection, { project: slimOf }))
  const whole = await measured((life) => follow(life, connection, { indexes }))
  const ratio = median(slim.map(({ seconds }, index) => seconds / (bare[index]?.seconds ?? NaN)))
  const seconds = (blocks: readonly Block[]) => median(blocks.map((block) => block.seconds))
  const bytes = (blocks: readonly Block[]) => median(blocks.map((block) => block.bytes))
  return [
    {
      what: `list and index ${objects} objects, slim: CPU`,
      value: seconds(slim),
      unit: 's',
      beside: `floor 1.2; bare ${seconds(bare).toFixed(2)}`,
      atMost: 4,
    },
    { what: '  … as a multiple of the bare client', value: ratio, unit: '×' },
    {
      what: 'heap per object, slim, in its store',
      value: plain.bytes,
      unit: 'B',
      beside: `floor 214; bare ${bytes(bare).toFixed(0)}`,
      atMost: 250,
    },
    { what: '  … and in an index', value: bytes(slim), unit: 'B' },
    {
      what: '  … and whole but for managedFields',
      value: whole.bytes,
      unit: 'B',
      beside: 'planned 960 for 855 bytes',
    },
  ]
}

/** CPU of this process until `load` has ended, and the heap that what it returns holds. */
async function measured(load: (life: AbortController) => Promise<Loaded>): Promise<Block> {
  const life = new AbortController()
  const before = heapAfterCollection()
  const cpu = process.cpuUsage()
  const loaded = await load(life)
  const { user, system } = process.cpuUsage(cpu)
  const bytes = (heapAfterCollection() - before) / loaded.size()
  life.abort()
  await loaded.ended
  return { seconds: (user + system) / 1e6, bytes }
}

type Loaded = { readonly size: () => number; readonly ended: Promise<unknown> }

async function follow(
  life: AbortController,
  connection: Connection,
  options: StoreOptions<KubeObject>,
): Promise<Loaded> {
  const client = new Client(connection)
  const stores = kinds.map((kind) => new Store(resourceOf(kind), options))
  const reflectors = stores.map((store) => new Reflector(client, store))
  const running = Promise.all(reflectors.map((reflector) => reflector.run(life.signal)))
  await Promise.all(reflectors.map((reflector) => reflector.whenSynced(signal)))
  const size = () => stores.reduce((sum, store) => sum + store.size, 0)
  if (size() !== objects) throw new Error(`${size()} of ${objects} objects are in the stores.`)
  return { size, ended: running }
}

/** The least that a client can do: pages, parsed, one slim object each in an array. */
async function listBare(connection: Connection): Promise<Loaded> {
  const known: KubeObject[] = []
  const headers = await connection.headers(signal)
  for (const { plural } of kinds) {
    let token: string | undefined
    do {
      const url = new URL(`${connection.server}/apis/example.dev/v1/${plural}?limit=500`)
      if (token !== undefined) url.searchParams.set('continue', token)
      const { body } = await request(url, { dispatcher: connection.agent, headers, signal })
      const page: Page = JSON.parse(await body.text())
      for (const object of page.items) known.push(slimOf(object))
      token = page.metadata.continue
    } while (token !== undefined)
  }
  return { size: () => known.length, ended: Promise.resolve() }
}

type Page = {
  readonly metadata: { readonly continue?: string }
  readonly items: readonly KubeObject[]
}

/**
 * What a comparison by version needs. The kind is the store's, not each object's; undefined fields
 * cost less than another shape.
 */
function slimOf({ metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = metadata
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- absent and undefined read alike
  return { metadata: { name, namespace, uid, resourceVersion } } as KubeObject
}

function placeOf({ metadata: { namespace, name } }: KubeObject): readonly string[] {
  return [namespace ?? name]
}

function resourceOf({ plural, namespaced }: Kind): ResourceOf<KubeObject> {
  return { group: 'example.dev', version: 'v1', kind: plural.slice(0, -1), plural, namespaced }
}

// ---- deadlines ----

/** On the real clock, with the real timer. */
function armed(): readonly Figure[] {
  const keys = Array.from({ length: deadlines }, (_, index) => `customer-${index}/partner`)
  new Set(keys).clear() // what a text put together costs at its first use is not the heap's
  const year = 365 * 24 * 3_600_000
  const now = Date.now()
  const times = Float64Array.from({ length: deadlines }, () => now + 60_000 + Math.random() * year)
  const heap = new Deadlines({ onDue: () => {} })
  // What comes later is measured warm, as it runs in a process that has been up for a minute.
  for (let index = 0; index < 20_000; index += 1) heap.set(`warm-${index}`, times[index])
  for (let index = 0; index < 20_000; index += 1) heap.set(`warm-${index}`, undefined)
  const before = memoryAfterCollection()
  const arm = nanoseconds(keys, (key, index) => heap.set(key, times[index]))
  const bytes = memoryAfterCollection() - before
  const move = nanoseconds(keys, (key, index) => heap.set(key, times[deadlines - 1 - index]))
  const keep = nanoseconds(keys, (key, index) => heap.set(key, times[deadlines - 1 - index]))
  const drop = nanoseconds(keys, (key) => heap.set(key, undefined))
  heap.stop()
  return [
    {
      what: `${deadlines} deadlines beside their keys`,
      value: bytes / 1e6,
      unit: 'MB',
      beside: 'floor 8 + a slim row; timers 446',
      atMost: 40,
    },
    { what: 'arm one of them', value: arm, unit: 'ns', beside: 'floor 20–35', atMost: 1_000 },
    { what: 'move one to another moment', value: move, unit: 'ns' },
    { what: 'set one to the moment that it has', value: keep, unit: 'ns' },
    { what: 'take one away', value: drop, unit: 'ns' },
  ]
}

/** A year of a clock of its own: each comes once, in order, and no timer is longer than it may be. */
function fired(): readonly Figure[] {
  const year = 365 * 24 * 3_600_000
  let now = 0
  let wake: (() => void) | undefined
  let asleep = 0
  let due = 0
  let early = 0
  const at = new Map<string, number>()
  const heap = new Deadlines({
    now: () => now,
    maxSleepMs: 3_600_000,
    onDue: (key) => {
      due += 1
      if ((at.get(key) ?? Infinity) > now) early += 1
    },
    setTimer: (run, ms) => {
      wake = run
      asleep = ms
      return { clear: () => (wake = undefined) }
    },
  })
  const many = deadlines / 10
  for (let index = 0; index < many; index += 1) {
    at.set(`key-${index}`, Math.random() * year)
    heap.set(`key-${index}`, at.get(`key-${index}`))
  }
  const cpu = process.cpuUsage()
  while (heap.size > 0 && wake) {
    now += asleep
    const run = wake
    wake = undefined
    run()
  }
  const { user, system } = process.cpuUsage(cpu)
  if (due !== many || early > 0) {
    throw new Error(`${due} of ${many} deadlines came, ${early} of them too early.`)
  }
  return [
    {
      what: `${many} ends within a year, none early: per end`,
      value: ((user + system) * 1_000) / many,
      unit: 'ns',
    },
  ]
}

/** CPU, not time: whatever else the machine does is not ours. */
function nanoseconds(keys: readonly string[], run: (key: string, index: number) => void): number {
  const cpu = process.cpuUsage()
  keys.forEach(run)
  const { user, system } = process.cpuUsage(cpu)
  return ((user + system) * 1_000) / keys.length
}

// ---- memory ----

function heapAfterCollection(): number {
  if (typeof collect !== 'function') throw new Error('This Node has no gc().')
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

/** With what lies beside the heap: typed arrays. */
function memoryAfterCollection(): number {
  return heapAfterCollection() + process.memoryUsage().arrayBuffers
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}
