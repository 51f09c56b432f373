// The bare client: sends what the operator would send for a customer and nothing else. It watches nothing,
// asks nothing, proves nothing and decides nothing, so it is the speed of light of this machine in this run.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { applicationRoles, loginName } from '../../src/databases/names.ts'
import { Databases } from '../../src/databases/databases.ts'
import { newPassword } from '../../src/databases/password.ts'
import type { Client } from '../../src/runtime/index.ts'
import type { LocalPostgres } from '../../tools/postgres/start.ts'
import { customerOf, inParallel, type Shape } from './customers.ts'
import {
  bareCustomers,
  stages,
  writesFor,
  type Recording,
  type RecordedWrite,
} from './recording.ts'
import type { BenchWorld } from './world.ts'

/** As many as the operator has workers. */
const workers = 8
const refillAfterMs = 2_000 // as the operator looks after its pool

export type BareRun = {
  readonly names: readonly string[]
  readonly recording: Recording
  readonly shape: Shape
  /** Whose database each customer gets, where it gets one. */
  readonly databases?: BareDatabases | undefined
}

/** All customers of a block, as fast as this machine takes them. */
export async function onboardBare(
  signal: AbortSignal,
  { clients }: BenchWorld,
  run: BareRun,
): Promise<void> {
  const created = new Map(run.names.map((name) => [name, Promise.withResolvers<void>()]))
  const creating = inParallel(16, run.names, async (name) => {
    await createBare(signal, clients.driver, name, run.shape)
    created.get(name)?.resolve()
  })
  const onboarding = inParallel(workers, run.names, async (name) => {
    await created.get(name)?.promise
    await onboardOneBare(signal, clients.bare, name, run)
  })
  await Promise.all([creating, onboarding])
}

export async function createBare(
  signal: AbortSignal,
  client: Client,
  name: string,
  shape: Shape,
): Promise<void> {
  const body = { ...customerOf(name, shape), apiVersion: `${bareCustomers.group}/v1alpha1` }
  await client.create(signal, bareCustomers, body)
}

/** What follows a customer's manifest, stage by stage. */
export async function onboardOneBare(
  signal: AbortSignal,
  client: Client,
  name: string,
  { recording, databases }: BareRun,
): Promise<void> {
  for (const stage of stages) {
    if (stage === 'status') await databases?.make(signal)
    const byObject = Map.groupBy(writesFor(recording, name, stage), ({ object }) => object)
    await Promise.all([...byObject.values()].map((writes) => sendInOrder(signal, client, writes)))
  }
}

async function sendInOrder(
  signal: AbortSignal,
  client: Client,
  writes: readonly RecordedWrite[],
): Promise<void> {
  for (const { method, path, contentType, body } of writes) {
    await client.request(signal, { method, path, contentType, body: JSON.parse(body) })
  }
}

export type BareDatabases = AsyncDisposable & {
  /** One customer's database from the pool, with its logins; no proof. */
  make(signal: AbortSignal): Promise<void>
  /** Resolves when as many stand ready as the operator keeps. */
  fill(signal: AbortSignal): Promise<void>
  /** Fills up beside the block, as the operator does; the function that comes back ends it. */
  keepFull(signal: AbortSignal): () => Promise<void>
}

export function bareDatabases(postgres: LocalPostgres, warmPool: number): BareDatabases {
  const { host, port, user, password, ca } = postgres
  const server = 'bare'
  const databases = new Databases({
    servers: [
      {
        name: server,
        host,
        port,
        user,
        password: async () => password,
        tls: ca === undefined ? 'off' : { ca },
        maxDatabases: 10_000,
        pools: ['default'],
      },
    ],
    allowedExtensions: [],
    warmPool,
  })
  return {
    async make(signal) {
      const customerUid = randomUUID()
      const login = (role: (typeof applicationRoles)[number]) => ({
        username: loginName(customerUid, role, 'a'),
        password: newPassword(),
      })
      const logins = { adm: login('adm'), rw: login('rw'), ro: login('ro') }
      const spec = { server, customerUid, connectionLimit: 20, extensions: [], logins, graces: {} }
      await databases.ensure(signal, spec)
    },
    fill: (signal) => databases.fillPool(signal, server),
    keepFull(signal) {
      const stopping = new AbortController()
      const both = AbortSignal.any([signal, stopping.signal])
      const keeping = (async () => {
        await sleep(refillAfterMs, undefined, { signal: both })
        await databases.fillPool(both, server)
      })().catch((error: unknown) => {
        if (!both.aborted) throw error
      })
      return () => {
        stopping.abort()
        return keeping
      }
    },
    [Symbol.asyncDispose]: () => databases.stop(),
  }
}
