// P1 at size: customers without databases until there are as many as there shall be; at each step what the
// processes hold in memory, and what the customers since the last step cost. The model is fitted to this.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench, Phase } from '../bench.ts'
import { createCustomers } from '../customers.ts'
import { memoryOf, startMeter } from '../processes.ts'
import { watchReady, type ReadyWatch } from '../ready.ts'
import type { SizePoint } from '../model.ts'

/** How many are on their way at once: enough to keep everybody busy, few enough to see progress. */
const batch = 250
const patienceMs = 600_000
const settleMs = 5_000
const settleAtTheEndMs = 60_000

export const growth: Phase = { name: 'growth', world: 'large', run }

/** The names of the large world's customers, in the order of their making. */
export const grownName = (index: number) => `grown-${index}`

async function run(bench: Bench) {
  const { signal, sizes, world, say } = bench
  const ready = await watchReady(signal, world.clients.driver)
  const begun = performance.now()
  const points: SizePoint[] = [await pointOf(bench, 0, undefined)]
  let count = 0
  let lateMs = 0
  for (const step of sizes.steps) {
    if (performance.now() - begun > sizes.growMs) break
    const meter = await startMeter(await world.pids())
    const before = count
    await world.loopLateMs() // reading it begins it anew
    while (count < step && performance.now() - begun < sizes.growMs) {
      count += await grow(bench, ready, count, Math.min(batch, step - count))
      const rate = count / ((performance.now() - begun) / 1000)
      say(`growth: ${count} of ${sizes.steps.at(-1)} customers, ${rate.toFixed(1)}/s so far`)
    }
    const { cpuMs, wallMs } = await meter()
    lateMs = Math.max(lateMs, await world.loopLateMs())
    const isLast = step === sizes.steps.at(-1) || performance.now() - begun > sizes.growMs
    const restMs = Math.min(isLast ? settleAtTheEndMs : settleMs, sizes.idleMs)
    await sleep(restMs, undefined, { signal })
    points.push(await pointOf(bench, count, { customers: count - before, cpuMs, wallMs }))
  }
  await ready.stop()
  const last = points.at(-1)
  return {
    figures: [
      { what: 'customers at the end', value: count, unit: '' },
      {
        what: 'all of them, first manifest to last Ready',
        value: points.reduce((total, { grown }) => total + (grown?.wallMs ?? 0), 0) / 1000,
        unit: 's',
      },
      {
        what: `operator at ${count} customers, resident`,
        value: last?.memory['operator']?.residentMiB ?? NaN,
        unit: 'MiB',
        goal: 'residentMemory' as const,
      },
      {
        what: `operator at ${count} customers, highest`,
        value: last?.memory['operator']?.highestMiB ?? NaN,
        unit: 'MiB',
        goal: 'highestMemory' as const,
      },
      {
        what: `operator at ${count} customers, heap in use`,
        value: (await world.metric('nodejs_heap_size_used_bytes')) / 2 ** 20,
        unit: 'MiB',
      },
      ...['apiserver', 'etcd'].map((name) => ({
        what: `${name} at ${count} customers, resident`,
        value: last?.memory[name]?.residentMiB ?? NaN,
        unit: 'MiB',
      })),
      {
        what: 'event loop of the operator late, p99 of the worst step',
        value: lateMs,
        unit: 'ms',
      },
    ],
    details: { points },
  }
}

async function grow(
  { signal, world }: Bench,
  ready: ReadyWatch,
  from: number,
  count: number,
): Promise<number> {
  const names = Array.from({ length: count }, (_, index) => grownName(from + index))
  await createCustomers(signal, world.clients.driver, names, 'plain')
  await ready.all(names, patienceMs)
  return count
}

async function pointOf(
  { world }: Bench,
  customers: number,
  grown: SizePoint['grown'],
): Promise<SizePoint> {
  const pids = Object.entries(await world.pids())
  const memory = await Promise.all(
    pids.map(async ([name, pid]) => [name, await memoryOf(pid)] as const),
  )
  return { customers, memory: Object.fromEntries(memory), ...(grown && { grown }) }
}
