// Elections between real processes over the real API server: one is killed, one is frozen, one
// leaves. Judged by when each process itself believed to lead, by the history of the Lease, and by
// who wrote it according to the audit log.
import { spawn, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  Client,
  Reflector,
  Store,
  connectKubeconfig,
  type Connection,
  type KubeObject,
  type ResourceOf,
} from '../../src/runtime/index.ts'
import { wholeLines } from '../../tools/control-plane/audit-log.ts'
import { startControlPlane, type ControlPlane } from '../../tools/control-plane/start.ts'

type Lease = KubeObject & {
  readonly spec?: { readonly holderIdentity?: string; readonly leaseTransitions?: number }
}
const leases: ResourceOf<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
}

type Replica = {
  readonly name: string
  readonly process: ChildProcess
  /** Moments at which it believed to lead, epoch ms. */
  readonly led: number[]
  readonly leadsNow: () => boolean
}

const life = new AbortController()
const script = fileURLToPath(new URL('../support/run-elector.ts', import.meta.url))
let plane: ControlPlane
let connection: Connection
let replicas: Replica[] = []
/** Who held the lease, in order; '' is nobody. */
let holders: string[] = []
let watching: Promise<void>
/** Of this test: nobody's term of an earlier one has to run out first. */
let lease = ''

beforeAll(async () => {
  plane = await startControlPlane(life.signal, { auditLog: true })
  connection = await connectKubeconfig(life.signal, plane.kubeconfig)
  const store = new Store(leases)
  store.onChange(({ after }) => {
    const holder = after?.spec?.holderIdentity ?? ''
    if (after?.metadata.name === lease && holder !== holders.at(-1)) holders.push(holder)
  })
  const reflector = new Reflector(new Client(connection), store, { namespace: 'default' })
  watching = reflector.run(life.signal)
  await reflector.whenSynced(life.signal)
})
let elections = 0
beforeEach(() => {
  lease = `election-${++elections}`
  holders = []
})
afterEach(async () => {
  for (const { process } of replicas) await end(process, 'SIGKILL')
  replicas = []
})
afterAll(async () => {
  life.abort()
  await watching
  await connection.stop()
  await plane.stop()
})

async function start(name: string): Promise<Replica> {
  const child = spawn(process.execPath, [script, plane.kubeconfig, lease, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const led: number[] = []
  const replica = {
    name,
    process: child,
    led,
    leadsNow: () => Date.now() - (led.at(-1) ?? 0) < 300,
  }
  replicas.push(replica)
  const started = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { at, started: is }: { at?: number; started?: string } = JSON.parse(line)
    if (is !== undefined) started.resolve()
    if (at !== undefined) led.push(at)
  })
  await started.promise
  return replica
}

async function end(child: ChildProcess, by: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill(by)
  await exited
}

const leads = (replica: Replica, timeout: number) =>
  expect.poll(replica.leadsNow, { timeout, interval: 20 }).toBe(true)

const inTurns = (who: readonly string[]) => who.filter((name, index) => name !== who[index - 1])

/** No moment of one lies between two moments of another, and no write between two of another. */
async function neverTwoAtOnce(): Promise<void> {
  const moments = replicas.flatMap(({ name, led }) => led.map((at) => ({ at, name })))
  const turns = inTurns(moments.toSorted((a, b) => a.at - b.at).map(({ name }) => name))
  expect(turns).toEqual([...new Set(turns)])
  const writers = inTurns(await writersOfTheLease())
  expect(writers).toEqual(turns)
}

type Audited = {
  readonly userAgent?: string
  readonly verb: string
  readonly objectRef?: { readonly resource: string; readonly name?: string }
  readonly responseStatus?: { readonly code?: number }
  readonly stage: string
}

/** Of the writes that succeeded, oldest first. */
async function writersOfTheLease(): Promise<readonly string[]> {
  return wholeLines(await readFile(plane.auditLog ?? '', 'utf8'))
    .map((line): Audited => JSON.parse(line))
    .filter(({ stage, objectRef, verb, responseStatus }) => {
      const written = (verb === 'create' || verb === 'update') && (responseStatus?.code ?? 0) < 300
      const ours = objectRef?.resource === 'leases' && objectRef.name === lease
      return stage === 'ResponseComplete' && ours && written
    })
    .map(({ userAgent = '' }) => userAgent)
}

describe('a leader', () => {
  test('that is killed is followed by the other within 20 s, and there are never two', async () => {
    const first = await start('killed')
    await leads(first, 10_000)
    const second = await start('heir')
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    expect(second.led).toEqual([])
    await end(first.process, 'SIGKILL')
    const killed = Date.now()
    await leads(second, 20_000)
    expect((second.led[0] ?? Infinity) - killed).toBeLessThan(20_000)
    await neverTwoAtOnce()
    expect(holders).toEqual(['killed', 'heir'])
  })

  test('that is frozen believes no longer to lead when it wakes up beside the next one', async () => {
    const first = await start('frozen')
    await leads(first, 10_000)
    const second = await start('awake')
    first.process.kill('SIGSTOP')
    await leads(second, 25_000)
    first.process.kill('SIGCONT')
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    expect(first.leadsNow()).toBe(false)
    expect(second.leadsNow()).toBe(true)
    await neverTwoAtOnce()
    expect(holders).toEqual(['frozen', 'awake'])
  })

  test('that leaves in good order is followed within seconds', async () => {
    const first = await start('leaving')
    await leads(first, 10_000)
    const second = await start('next')
    await end(first.process, 'SIGTERM')
    const left = Date.now()
    await leads(second, 5_000)
    expect((second.led[0] ?? Infinity) - left).toBeLessThan(3_000)
    await neverTwoAtOnce()
    expect(holders).toEqual(['leaving', '', 'next'])
  })

  test('goes on leading while the API server is killed and comes back', async () => {
    const first = await start('patient')
    await leads(first, 10_000)
    const second = await start('waiting')
    await plane.restartApiserver(life.signal)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    await leads(first, 5_000)
    expect(second.led).toEqual([])
    await neverTwoAtOnce()
  })
})
