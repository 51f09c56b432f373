// P0 and P3: nobody wants anything. What is asked and written all the same, and what it costs.
import { setTimeout as sleep } from 'node:timers/promises'
import { groupOf, nameOf } from '../audit.ts'
import type { Bench, Phase } from '../bench.ts'
import { startMeter } from '../processes.ts'
import { untilQuiet } from '../world.ts'

const calmMs = 5_000
const tellMs = 60_000

export const idle: Phase = { name: 'idle', world: 'large', run }

async function run({ signal, sizes, world, say }: Bench) {
  await untilQuiet(signal, world, calmMs)
  const meter = await startMeter(await world.pids())
  for (let leftMs = sizes.idleMs; leftMs > 0; leftMs -= tellMs) {
    say(`idle: ${Math.round(leftMs / 1000)} s to go`)
    await sleep(Math.min(leftMs, tellMs), undefined, { signal })
  }
  const { cpuMs, wallMs } = await meter()
  const asked = await world.audit.next()
  const more = asked.filter((request) => groupOf(request) !== 'lease')
  const share = (name: string) => (100 * (cpuMs[name] ?? 0)) / wallMs
  return {
    figures: [
      {
        what: `idle for ${(wallMs / 60_000).toFixed(1)} min: requests beside the lease`,
        value: more.length,
        unit: '',
        goal: 'idleRequests' as const,
      },
      {
        what: 'idle: renewals of the lease',
        value: asked.length - more.length,
        unit: '',
      },
      {
        what: 'idle: CPU of the operator',
        value: share('operator'),
        unit: '% of a core',
        goal: 'idleCpu' as const,
      },
      { what: 'idle: CPU of apiserver', value: share('apiserver'), unit: '% of a core' },
    ],
    details: { cpuMs, wallMs, requests: more.map(nameOf) },
  }
}
