// P2: customers one by one at five a second, so that nothing queues: from the manifest's answer to the
// watcher's Ready; in turns with the bare client, whose last answer ends its chain of the same writes.
import { setTimeout as sleep } from 'node:timers/promises'
import { createBare, onboardOneBare } from '../bare.ts'
import type { Bench, Phase } from '../bench.ts'
import { customerOf } from '../customers.ts'
import { watchReady } from '../ready.ts'
import { median, percentile } from '../statistics.ts'
import { resources } from '../../../src/api/resources.ts'

const everyMs = 200
const patienceMs = 30_000

export const paced: Phase = { name: 'paced', world: 'small', run }

async function run({ signal, sizes, world, recordings, say }: Bench) {
  const recording = recordings?.plain
  if (!recording) throw new Error('Nothing was recorded for the bare client to repeat.')
  const { driver, bare } = world.clients
  const ready = await watchReady(signal, driver)
  const ours: number[] = []
  const beside: number[] = []
  const paceOf = async (work: () => Promise<number>, list: number[]) => {
    const begun = performance.now()
    list.push(await work())
    const left = everyMs - (performance.now() - begun)
    if (left > 0) await sleep(left, undefined, { signal })
  }
  for (let index = 0; index < sizes.paced; index += 1) {
    await paceOf(async () => {
      const name = `paced-${index}`
      await driver.create(signal, resources.customers, customerOf(name, 'plain'))
      const answered = performance.now()
      await ready.all([name], patienceMs)
      return (ready.at(name) ?? NaN) - answered
    }, ours)
    await paceOf(async () => {
      const name = `bare-paced-${index}`
      await createBare(signal, driver, name, 'plain')
      const answered = performance.now()
      await onboardOneBare(signal, bare, name, { names: [], recording, shape: 'plain' })
      return performance.now() - answered
    }, beside)
    if (index % 25 === 24) say(`paced: ${index + 1} of ${sizes.paced}`)
  }
  await ready.stop()
  return {
    figures: [
      {
        what: 'one customer, manifest to Ready, p50',
        value: median(ours),
        bare: median(beside),
        unit: 'ms',
      },
      {
        what: 'one customer, manifest to Ready, p50 beyond bare',
        value: median(ours) - median(beside),
        unit: 'ms',
        goal: 'readyMedian' as const,
      },
      {
        what: 'one customer, manifest to Ready, p99',
        value: percentile(ours, 99),
        bare: percentile(beside, 99),
        unit: 'ms',
        goal: 'readyP99' as const,
      },
    ],
    details: { ours, bare: beside },
  }
}
