// Fifty writers assign the same devices to twenty customers, then move them between these, while replicas are killed at random, without
// a word. Each device has one owner all the while, everybody else is told no, and no database shows a device of somebody else.
// Holds ONE-OWNER, ISOLATED. TENANTRY_DEVICES says how many devices there are (default 2000).
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from 'pg'
import { resources } from '../../src/api/resources.ts'
import type { DeviceAssignment } from '../../src/api/kinds.generated.ts'
import { Client as ApiClient, connectKubeconfig } from '../../src/runtime/index.ts'
import { connect } from '../../tools/bench/devices/fleet.ts'
import type { RunningOperator } from '../../tools/local/operator.ts'
import { customer, devices } from '../support/manifests.ts'
import { tornDevices } from '../support/registry.ts'
import { startWorld, type World } from '../support/world.ts'

const count = Number(process.env['TENANTRY_DEVICES'] ?? 2_000)
const writers = 50
const batchSize = Math.ceil(count / 20) // so many lists that some of them name by chance who has their devices
const replicas = 2
const killEveryMs = 4_000
const patienceMs = 600_000
const customers = Array.from({ length: 20 }, (_, index) => `c${index}`)
const withDatabase = new Set(customers.slice(0, 4))
const ids = Array.from({ length: count }, (_, index) => `d-${String(index).padStart(6, '0')}`)

const { signal } = new AbortController()
let world: World
let living: RunningOperator[]
let registry: Client
let api: ApiClient
const started = new AsyncDisposableStack()

beforeAll(async () => {
  world = await startWorld({ replicas, config: { leaseSeconds: 3 } })
  started.use(world)
  living = [...world.operators]
  const connection = await connectKubeconfig(signal, world.platform.plane.kubeconfig)
  started.defer(() => connection.stop())
  const limits = { slots: { limit: writers, reserved: 0 }, timeoutMs: 60_000 }
  api = new ApiClient(connection, limits)
  await world.apply(
    ...customers.map((name) => customer(name, { database: { enabled: withDatabase.has(name) } })),
  )
  for (const name of customers) {
    await world.until(
      `${name} is ready`,
      async () => (await world.condition({ kind: 'corg', name }, 'Ready')) === 'True/Ready',
      60_000,
    )
  }
  if (!world.platform.postgres) throw new Error('There is no PostgreSQL.')
  registry = await connect(world.platform.postgres, 'tenantry')
  started.defer(() => registry.end())
}, 180_000)
afterAll(() => started.disposeAsync())

describe('fifty writers that assign the same devices to twenty customers while replicas die', () => {
  test('share them, each device with one customer, and each loser is told', async () => {
    await whileReplicasDie(() => inRandomOrder(wishes(), create))
    await untilAllAreAnswered()
    await expectOneOwnerEach()
  }, 1_800_000)

  test('move them between all customers, and each device is with one of them', async () => {
    await whileReplicasDie(() => inRandomOrder(wishes(), moveFromAnother))
    await untilAllAreAnswered()
    const { rows } = await registry.query(
      "SELECT FROM tenantry.history WHERE action = 'Move' LIMIT 1",
    )
    expect(rows).toHaveLength(1)
    await expectOneOwnerEach()
  }, 1_800_000)
})

type Wish = { readonly of: string; readonly name: string; readonly list: readonly string[] }

/** Of every customer all devices. Half of the lists begin at the other end, so that nobody wins everything. */
function wishes(): readonly Wish[] {
  return customers.flatMap((of, index) => {
    const all = index % 2 ? ids.toReversed() : ids
    return Array.from({ length: Math.ceil(count / batchSize) }, (_, at) => {
      const list = all.slice(at * batchSize, (at + 1) * batchSize)
      return { of, name: `batch-${at}`, list }
    })
  })
}

async function inRandomOrder(
  all: readonly Wish[],
  write: (wish: Wish) => Promise<unknown>,
): Promise<void> {
  const left = all.toSorted(() => Math.random() - 0.5).values()
  const writer = async () => {
    for (const wish of left) await write(wish)
  }
  await Promise.all(Array.from({ length: writers }, writer))
}

function create({ of, name, list }: Wish): Promise<unknown> {
  return api.create(signal, resources.devices, devices(of, name, list))
}

function moveFromAnother({ of, name }: Wish): Promise<unknown> {
  const others = customers.filter((other) => other !== of)
  const from = { customer: others[Math.floor(Math.random() * others.length)] }
  const where = { namespace: `customer-${of}`, name }
  return api.patch(signal, resources.devices, where, { spec: { from } }, { type: 'merge' })
}

/** One of them dies every few seconds, and another takes its place; some more die after the last wish is written. */
async function whileReplicasDie(write: () => Promise<void>): Promise<void> {
  const stopping = new AbortController()
  const killing = (async () => {
    for (;;) {
      await sleep(killEveryMs * (0.5 + Math.random()))
      if (stopping.signal.aborted) return
      const at = Math.floor(Math.random() * replicas)
      await living[at]?.kill()
      living[at] = await world.startOperator()
    }
  })()
  await write()
  await sleep(3 * killEveryMs)
  stopping.abort()
  await killing
}

/** Each list was looked at as it is now, of all its devices is said whether it has them, and the registry says the same. */
async function untilAllAreAnswered(): Promise<void> {
  await world.until(
    'every assignment has its answer',
    async () => {
      await sleep(1_000) // all lists at once are much to ask for
      const had = Map.groupBy(await owned(), ({ assignment }) => assignment)
      const all = (await api.list(signal, resources.devices)).items
      const open = all.filter(({ metadata, spec, status }) => {
        const { assigned = NaN, pending, observedGeneration } = status ?? {}
        const isSeen = observedGeneration === metadata.generation && pending === 0
        const isSo = assigned === (had.get(metadata.uid ?? '')?.length ?? 0)
        return !isSeen || !isSo || assigned + refused(status) !== spec.devices.length
      })
      const isDone = all.length === wishes().length && open.length === 0
      return isDone || `${open.length} of ${all.length} are open`
    },
    patienceMs,
  )
}

type Owned = { readonly id: string; readonly owner: string; readonly assignment: string }

async function owned(): Promise<readonly Owned[]> {
  const { rows } = await registry.query<Owned>(
    'SELECT id, customer AS owner, assignment FROM tenantry.owned_devices ORDER BY id',
  )
  return rows
}

/** The list in status is bounded; the condition counts all. */
function refused(status: DeviceAssignment['status']): number {
  const told = status?.conditions?.find(({ type }) => type === 'Assigned')?.message ?? ''
  return Number(/(\d+) were rejected/.exec(told)?.[1] ?? 0)
}

async function expectOneOwnerEach(): Promise<void> {
  const all = await owned()
  expect(all.map(({ id }) => id)).toEqual(ids)
  expect((await registry.query(tornDevices)).rows).toEqual([])
  for (const name of withDatabase) {
    const own = all.filter(({ owner }) => owner === name).map(({ id }) => id)
    await world.until(`the database of ${name} shows what it has`, async () => {
      const shown = await shownTo(name)
      return JSON.stringify(shown) === JSON.stringify(own) || shown.length
    })
  }
}

async function shownTo(name: string): Promise<readonly string[]> {
  const reader = await world.loginAs(`customer-${name}`, 'database-ro')
  const { rows } = await reader.query<{ id: string }>('SELECT id FROM tenantry.devices ORDER BY id')
  await reader.end()
  return rows.map(({ id }) => id)
}
