// `node tools/bench/shards.ts`: customers a second with one replica and with three, over one control plane with fsync on that has
// three shards. Blocks take turns, one replica holding all shards or three holding one each, so that whatever else the machine does
// falls on both. TENANTRY_BLOCK (default 100) customers a block, TENANTRY_ROUNDS (default 4) blocks of each, after one that warms up.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, connectKubeconfig } from '../../src/runtime/index.ts'
import { createCustomers, namesOf } from '../../test/bench/customers.ts'
import { startMeter } from '../../test/bench/processes.ts'
import { watchReady } from '../../test/bench/ready.ts'
import { median, pairedRatios } from '../../test/bench/statistics.ts'
import type { RunningOperator } from '../local/operator.ts'
import { startPlatform } from '../local/platform.ts'

const block = Number(process.env['TENANTRY_BLOCK'] ?? 100)
const rounds = Number(process.env['TENANTRY_ROUNDS'] ?? 4)
const shards = 3
const patienceMs = 300_000
const calmMs = 3_000
const { signal } = new AbortController()

const directory = await mkdtemp(join(tmpdir(), 'tenantry-shards-'))
const platform = await startPlatform(signal, {
  directory,
  postgres: false,
  config: { leaseSeconds: 5, sharding: { shards } },
})
const connection = await connectKubeconfig(signal, platform.plane.kubeconfig)
try {
  await measure(new Client(connection, { userAgent: 'bench-driver', timeoutMs: 60_000 }))
} finally {
  await connection.stop()
  await platform.stop()
  await rm(directory, { recursive: true, force: true })
}

async function measure(client: Client): Promise<void> {
  const first = await platform.operator(signal)
  const blocks = { one: [] as Block[], three: [] as Block[] }
  for (let round = 0; round <= rounds; round += 1) {
    await untilHeld([first])
    const one = await onboard(client, `one-${round}`, [first])
    const others = [await platform.operator(signal), await platform.operator(signal)]
    await untilHeld([first, ...others])
    const three = await onboard(client, `three-${round}`, [first, ...others])
    await Promise.all(others.map((operator) => operator.stop()))
    if (round === 0) continue
    blocks.one.push(one)
    blocks.three.push(three)
  }
  const rates = (of: readonly Block[]) => of.map(({ perSecond }) => perSecond)
  for (const [who, of] of Object.entries(blocks)) {
    const cpu = (process: 'operator' | 'apiserver') =>
      median(of.map(({ cpuMs }) => cpuMs[process])).toFixed(1)
    console.log(
      `${who.padEnd(5)} ${median(rates(of)).toFixed(1)} customers/s; CPU per customer: operators ${cpu('operator')} ms, API server ${cpu('apiserver')} ms`,
    )
  }
  const ratio = median(pairedRatios(rates(blocks.three), rates(blocks.one)))
  console.log(`three replicas over one: ${ratio.toFixed(2)} × (the middle one of ${rounds} pairs)`)
}

type Block = {
  readonly perSecond: number
  /** Per customer. */
  readonly cpuMs: Readonly<Record<'operator' | 'apiserver', number>>
}

async function onboard(
  client: Client,
  prefix: string,
  operators: readonly RunningOperator[],
): Promise<Block> {
  const names = namesOf(prefix, block)
  const ready = await watchReady(signal, client)
  const { apiserver } = platform.plane.pids
  const pids = operators.map(({ pid }, at) => [`operator-${at}`, pid] as const)
  const meter = await startMeter({ ...Object.fromEntries(pids), apiserver })
  const begun = performance.now()
  await createCustomers(signal, client, names, 'plain')
  await ready.all(names, patienceMs)
  const perSecond = (1000 * block) / (performance.now() - begun)
  const { cpuMs } = await meter()
  await ready.stop()
  await sleep(calmMs)
  const own = Object.entries(cpuMs).filter(([name]) => name.startsWith('operator'))
  const operator = own.reduce((total, [, ms]) => total + ms, 0) / block
  return { perSecond, cpuMs: { operator, apiserver: (cpuMs['apiserver'] ?? 0) / block } }
}

/** Every one of them has its share, and has looked at all that is in it. */
async function untilHeld(operators: readonly RunningOperator[]): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const texts = await Promise.all(operators.map((operator) => operator.metrics(signal)))
    const held = texts.map((text) => [...text.matchAll(/^leader_election_\S+ 1$/gm)].length)
    const isCalm = texts.every((text) => !/^workqueue_depth\S* [1-9]/m.test(text))
    if (isCalm && held.every((count) => count === shards / operators.length)) return
    if (performance.now() > deadline) throw new Error(`The shards are held ${held.join(', ')}.`)
    await sleep(100)
  }
}
