// The cache against the real API server: killed under load, frozen, its history forgotten, the watch
// cut while a thousand objects change. Each case ends with the same questions: does the store equal
// a fresh list, do those who only heard the changes know the same, was anything missed, was anything
// left open.
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  ApiError,
  Client,
  Reflector,
  Store,
  connectKubeconfig,
  keyOf,
  whileWaiting,
  type Connection,
  type KubeObject,
  type ListOptions,
  type ResourceOf,
  type ReflectorOptions,
} from '../../src/runtime/index.ts'
import { compactEtcd } from '../support/etcd.ts'
import { connectionsTo } from '../support/sockets.ts'
import {
  startWidgetWorld,
  widgets,
  widgetsPath,
  type Any,
  type WidgetWorld,
} from '../support/widgets.ts'

const { signal } = new AbortController()
const rejections: unknown[] = []
const remember = (reason: unknown) => void rejections.push(reason)
let world: WidgetWorld
let port: number

beforeAll(async () => {
  process.on('unhandledRejection', remember)
  world = await startWidgetWorld(signal)
  port = Number(new URL(world.plane.server).port)
  // It gives up when the API server is killed while it still starts.
  const started = () => world.plane.run(signal, ['get', 'serviceaccount', 'default'])
  await vi.waitFor(started, { timeout: 60_000, interval: 200 })
  world.others[Symbol.dispose]() // so that all connections of this process are ours
})
afterAll(async () => {
  await world.stop()
  process.off('unhandledRejection', remember)
  expect(rejections).toEqual([])
})

let life: AbortController
let connection: Connection
let client: Client
let writing: Connection
/** Whoever else writes. */
let others: Client
let running: Promise<unknown>
let load: Load | undefined
let lists: number
let missed: number
/** What somebody knows who was told every change and never looked into the store. */
let heard: Map<string, Any>

beforeEach(async () => {
  life = new AbortController()
  connection = await connectKubeconfig(life.signal, world.plane.kubeconfig)
  client = new Client(connection)
  writing = await connectKubeconfig(life.signal, world.plane.kubeconfig)
  others = new Client(writing)
  await others.request(signal, { method: 'DELETE', path: widgetsPath })
  lists = missed = 0
  heard = new Map()
})
afterEach(async () => {
  life.abort()
  await load?.end()
  await running
  await connection.stop()
  await writing.stop()
  await expect.poll(openConnections, { timeout: 5_000 }).toBe(0)
})

/** By way of `through` it can be got between client and reflector. */
async function follow(
  options: ReflectorOptions = {},
  through: Pick<Client, 'list' | 'watch'> = client,
): Promise<{ readonly store: Store<Any>; readonly reflector: Reflector<Any> }> {
  const store = new Store(widgets)
  store.onChange(({ before, after }) => {
    if (before && !after) heard.delete(keyOf(before.metadata))
    if (after) heard.set(keyOf(after.metadata), after)
  })
  const reflector = new Reflector(through, store, {
    onList: () => void lists++,
    onMissed: (count) => void (missed += count),
    ...options,
  })
  running = reflector.run(life.signal)
  await reflector.whenSynced(life.signal)
  return { store, reflector }
}

const openConnections = async () => (await connectionsTo(port)) ?? 0 // no /proc: not counted

const short = (objects: readonly KubeObject[]) =>
  objects.map(({ metadata }) => `${keyOf(metadata)} ${metadata.uid} ${metadata.resourceVersion}`)

const byKey = (objects: readonly Any[]) =>
  new Map(objects.map((object) => [keyOf(object.metadata), object]))

/** Nobody may be writing any more. */
async function equalsAFreshList(store: Store<Any>, atLeast: number): Promise<void> {
  const fresh = (await client.list(signal, widgets)).items.map((object) => store.slim(object))
  expect(fresh.length).toBeGreaterThanOrEqual(atLeast)
  const wanted = short(fresh).sort()
  await expect.poll(() => short(store.list()).sort(), { timeout: 40_000 }).toEqual(wanted)
  expect(byKey(store.list())).toEqual(byKey(fresh))
  expect(heard).toEqual(byKey(fresh))
  expect(missed).toBe(0)
}

const namespace = 'default'
const wish = (name: string, size: number) => ({
  apiVersion: 'example.dev/v1',
  kind: 'Widget',
  metadata: { namespace, name },
  spec: { size },
})

const make = (name: string) => others.create(signal, widgets, wish(name, 0))
const change = (name: string, size: number) =>
  others.patch(signal, widgets, { namespace, name }, { spec: { size } }, { type: 'merge' })
const remove = (name: string) => others.remove(signal, widgets, { namespace, name })

/** Eight at a time. */
async function each<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values()
  const work = async () => {
    for (const item of queue) await run(item)
  }
  await Promise.all(Array.from({ length: 8 }, work))
}

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`)

/** Of every three objects one is changed, one removed, one removed and made anew. */
const disturb = (all: readonly string[]) =>
  each([...all.entries()], async ([index, name]) => {
    if (index % 3 === 0) return change(name, index)
    await remove(name)
    if (index % 3 === 1) await make(name)
  })

type Load = {
  /** Waits until so many more writes got through. */
  goesOn(writes: number): Promise<void>
  end(): Promise<void>
}

/** Six who write until they are told to end, whether the server is there or not. */
function startLoad(): Load {
  const over = new AbortController()
  let written = 0
  const write = async (worker: number) => {
    for (let round = 0; !over.signal.aborted; round++) {
      const name = `load-${worker}-${round % 20}`
      const turn = (round + Math.floor(round / 20)) % 4
      try {
        await (turn === 3 ? remove(name) : turn === 0 ? make(name) : change(name, round))
        written++
      } catch (error) {
        // It exists already, does not exist yet, or the server is away: all of that is meant.
        if (!(error instanceof ApiError)) await pause(20)
      }
    }
  }
  const workers = Promise.all([0, 1, 2, 3, 4, 5].map(write))
  return {
    async goesOn(writes) {
      const enough = written + writes
      await expect.poll(() => written, { timeout: 60_000 }).toBeGreaterThan(enough)
    },
    async end() {
      over.abort()
      await workers
    },
  }
}

/** A client whose watches are held back as long as the gate is closed; its lists are not. */
function gated(): Pick<Client, 'list' | 'watch'> & { close(): void; open(): void } {
  let gate: PromiseWithResolvers<void> | undefined
  return {
    list: (...asked) => client.list(...asked),
    async *watch(...asked) {
      if (gate) await whileWaiting(life.signal, gate.promise)
      yield* client.watch(...asked)
    },
    close() {
      gate = Promise.withResolvers()
    },
    open() {
      gate?.resolve()
      gate = undefined
    },
  }
}

describe('the cache equals a fresh list, with nothing missed,', () => {
  test('after the API server was killed twice under load', async () => {
    const { store } = await follow()
    load = startLoad()
    for (let times = 0; times < 2; times++) {
      await load.goesOn(300)
      await expect.poll(() => heard.size, { timeout: 20_000 }).toBeGreaterThan(20)
      await world.plane.restartApiserver(signal)
    }
    await load.goesOn(300)
    await load.end()
    await equalsAFreshList(store, 20)
  })

  test('after a thousand objects changed while the watch was cut', async () => {
    const all = names('cut', 1_000)
    await each(all, make)
    const through = gated()
    const { store, reflector } = await follow({}, through)
    expect(store.size).toBe(1_000)
    through.close()
    reflector.cutWatch()
    await disturb(all)
    expect(store.list().every(({ spec }) => JSON.stringify(spec) === '{"size":0}')).toBe(true)
    through.open()
    await equalsAFreshList(store, 600)
    expect(lists).toBe(1) // resumed from the last event, not made good by a list
  })

  test('after its place in the history was forgotten by etcd and by the API server', async () => {
    const all = names('old', 1_000)
    await each(all, make)
    const through = gated()
    const { store, reflector } = await follow({}, through)
    through.close()
    reflector.cutWatch()
    await disturb(all)
    await compactEtcd(signal, world.plane)
    await world.plane.restartApiserver(signal)
    through.open()
    await equalsAFreshList(store, 600)
    expect(lists).toBe(2) // 410, so only a list could tell
  })

  test('when etcd is compacted again and again under load', async () => {
    const { store, reflector } = await follow()
    load = startLoad()
    for (let times = 0; times < 5; times++) {
      await load.goesOn(50)
      await compactEtcd(signal, world.plane)
      reflector.cutWatch()
    }
    await load.end()
    await equalsAFreshList(store, 20)
  })

  test('when the history is forgotten, and the server killed, between two pages of a list', async () => {
    await each(names('page', 300), make)
    let pages = 0
    const { store } = await follow(
      { pageSize: 100, backoff: { firstMs: 50 } },
      {
        watch: (...asked) => client.watch(...asked),
        async list<T>(until: AbortSignal, kind: ResourceOf<T>, asked?: ListOptions) {
          const page = await client.list(until, kind, asked)
          if (++pages === 1) {
            await each(names('late', 20), make)
            await compactEtcd(signal, world.plane)
            await world.plane.restartApiserver(signal)
          }
          return page
        },
      },
    )
    await equalsAFreshList(store, 320)
    expect(pages).toBeGreaterThan(4) // one that led nowhere, then a whole list
  })

  test('when the watch is cut a hundred times under load, and no connection is left of it', async () => {
    const { store, reflector } = await follow()
    load = startLoad()
    for (let times = 0; times < 100; times++) {
      await load.goesOn(5)
      reflector.cutWatch()
    }
    await load.end()
    await equalsAFreshList(store, 20)
    expect(lists).toBe(1)
    await writing.stop()
    // One for the watch, one for the list that was just asked for.
    await expect.poll(openConnections, { timeout: 5_000 }).toBeLessThanOrEqual(2)
  })

  test('when the API server froze for a while and then went on', async () => {
    const { store } = await follow({ idleMs: 2_000 })
    load = startLoad()
    await load.goesOn(100)
    process.kill(world.plane.pids.apiserver, 'SIGSTOP')
    await pause(6_000)
    process.kill(world.plane.pids.apiserver, 'SIGCONT')
    await load.goesOn(100)
    await load.end()
    await equalsAFreshList(store, 20)
  })
})
