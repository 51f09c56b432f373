// The platform that is measured: control plane and PostgreSQL with fsync on, the operator as it is built
// and shipped, and beside it a driver, a bare client and a prober, each with a user agent of its own.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loopSampleMs } from '../../src/observe/metrics.ts'
import { Client, connectKubeconfig } from '../../src/runtime/index.ts'
import { startGuardian } from '../../tools/control-plane/servers.ts'
import { nodeFlags, startOperator, type RunningOperator } from '../../tools/local/operator.ts'
import { startPlatform, type Platform } from '../../tools/local/platform.ts'
import { startPostgres, type LocalPostgres } from '../../tools/postgres/start.ts'
import { agents, groupOf, tailAudit, type AuditTail } from './audit.ts'
import type { Pids } from './processes.ts'

const loopLate = 'nodejs_eventloop_lag_p99_seconds'

const quietWithinMs = 1_800_000

export type BenchWorld = AsyncDisposable & {
  readonly platform: Platform
  /** The bare client's own server, so that neither side uses up what the other has prepared. */
  readonly barePostgres: LocalPostgres | undefined
  readonly clients: Readonly<Record<keyof typeof agents, Client>>
  readonly audit: AuditTail
  /** The operator that runs now. */
  readonly operator: RunningOperator
  /** Another one; the one before must have ended. */
  startOperator(): Promise<RunningOperator>
  pids(): Promise<Pids>
  /** A value of the operator's metrics; of several with that name the sum. */
  metric(name: string): Promise<number>
  /** How late the operator's event loop was since somebody last looked, in ms, 99th percentile. */
  loopLateMs(): Promise<number>
}

export type WorldOptions = {
  /** How many databases stand ready on each server. Left out: no PostgreSQL at all. */
  readonly warmPool?: number
  readonly say: (line: string) => void
}

export async function startBenchWorld(
  signal: AbortSignal,
  { warmPool, say }: WorldOptions,
): Promise<BenchWorld> {
  await using started = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-bench-'))
  started.defer(() => rm(directory, { recursive: true, force: true }))
  const guardian = startGuardian()
  guardian.remove(directory)
  started.defer(() => guardian.stop())
  const platform = await startPlatform(signal, {
    directory,
    auditLog: true,
    fsync: true,
    postgres: warmPool !== undefined,
    config: { databases: { warmPool: warmPool ?? 0 } },
    say,
  })
  started.use(platform)
  const barePostgres = warmPool === undefined ? undefined : await startPostgres(signal)
  if (barePostgres) started.use(barePostgres)
  const connectAs = async (agent: keyof typeof agents): Promise<Client> => {
    const connection = await connectKubeconfig(signal, platform.plane.kubeconfig)
    started.defer(() => connection.stop())
    return new Client(connection, { userAgent: agents[agent], timeoutMs: 60_000 })
  }
  const clients = {
    driver: await connectAs('driver'),
    bare: await connectAs('bare'),
    prober: await connectAs('prober'),
  }
  let operator: RunningOperator | undefined
  let replicas = 0
  started.defer(() => operator?.kill())
  const start = async (): Promise<RunningOperator> => {
    replicas += 1
    const { configFile, operatorKubeconfig } = platform
    const args = ['dist/main.js', '--config', configFile, '--kubeconfig', operatorKubeconfig]
    const running = await startOperator(signal, {
      guardian,
      args: [...nodeFlags, ...args],
      logFile: join(directory, `bench-operator-${replicas}.log`),
    })
    operator = running
    return running
  }
  const metric = async (name: string): Promise<number> => {
    const text = (await operator?.metrics(signal)) ?? ''
    const lines = text.split('\n').filter((line) => /^[a-z0-9_]+/.exec(line)?.[0] === name)
    return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0)
  }
  await start()
  const owned = started.move()
  return {
    platform,
    barePostgres,
    clients,
    audit: tailAudit(platform.plane.auditLog ?? ''),
    get operator() {
      if (!operator) throw new Error('The operator was not started.')
      return operator
    },
    startOperator: start,
    async pids() {
      const { etcd, apiserver, manager } = platform.plane.pids
      const postgres = await pidOf(platform.postgres)
      return {
        operator: operator?.pid ?? 0,
        apiserver,
        etcd,
        manager,
        ...(postgres !== undefined && { postgres }),
        bench: process.pid,
      }
    },
    metric,
    loopLateMs: async () => Math.max(0, (await metric(loopLate)) * 1000 - loopSampleMs),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** @returns `undefined` where the server is not on this machine */
export async function pidOf(postgres: LocalPostgres | undefined): Promise<number | undefined> {
  if (postgres?.logFile === undefined) return undefined
  const file = join(dirname(postgres.logFile), 'data', 'postmaster.pid')
  return Number((await readFile(file, 'utf8')).split('\n', 1)[0])
}

/** Resolves when the operator has had nothing to do, and has written nothing, for `calmMs`. */
export async function untilQuiet(
  signal: AbortSignal,
  world: BenchWorld,
  calmMs: number,
): Promise<void> {
  await world.audit.next()
  await until(
    signal,
    'The operator has nothing left to do',
    async () => {
      await sleep(calmMs, undefined, { signal })
      const asked = await world.audit.next()
      const isIdle = (await world.metric('workqueue_depth')) === 0
      return isIdle && asked.every((request) => groupOf(request) === 'lease')
    },
    quietWithinMs,
  )
}

export async function until(
  signal: AbortSignal,
  what: string,
  holds: () => Promise<boolean>,
  withinMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs / 1000} s.`)
    await sleep(50, undefined, { signal })
  }
}
