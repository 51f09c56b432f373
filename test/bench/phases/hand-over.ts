// P4: a customer goes from one partner to another and back. Two probers ask for both technicians all the
// while; no instant may have a yes for both (ONE-PARTNER). How long nobody is in is what it costs.
import { resources } from '../../../src/api/resources.ts'
import { startProber } from '../../support/prober.ts'
import { createPartner, firstAnswer, grantTo, technicianOf } from '../access.ts'
import type { Bench, Phase } from '../bench.ts'
import { createCustomers } from '../customers.ts'
import { countOverlaps, type HandOver } from '../overlaps.ts'
import { watchReady } from '../ready.ts'
import { median, percentile } from '../statistics.ts'
import { until } from '../world.ts'

const customer = 'handed'
const namespace = `customer-${customer}`
const partners = ['adventure', 'bellows'] as const

export const handOver: Phase = { name: 'hand-over', world: 'small', run }

async function run({ signal, sizes, world, say }: Bench) {
  const { driver, prober } = world.clients
  const ready = await watchReady(signal, driver)
  await createCustomers(signal, driver, [customer], 'plain')
  await ready.all([customer], 60_000)
  await ready.stop()
  for (const partner of partners) await createPartner(signal, world, partner)
  const { kubeconfig } = world.platform.plane
  const probers = partners.map((partner) =>
    startProber(kubeconfig, technicianOf(partner), namespace),
  )
  const lags: number[] = []
  const handOvers: HandOver[] = []
  try {
    for (let round = 0; round <= sizes.handOvers; round += 1) {
      const who = round % 2 === 0 ? 0 : 1
      const to = partners[who]
      const begunAt = Date.now()
      handOvers.push({ to: who, begun: begunAt })
      const begun = performance.now()
      await grantTo(signal, world, customer, to, [{ name: technicianOf(to) }])
      await firstAnswer(signal, prober, { user: technicianOf(to), namespace }, true)
      if (round > 0) lags.push(performance.now() - begun) // the first has nobody to wait for
      // Both probers are witnesses: without a yes of this one nothing could be said of the other's.
      await until(signal, `The prober of ${to} has seen it in`, async () => {
        return (probers[who]?.lastYes() ?? 0) >= begunAt
      })
      if (round % 50 === 0) say(`hand-over: ${round} of ${sizes.handOvers}`)
    }
  } finally {
    await Promise.all(probers.map((each) => each.stop()))
  }
  const overlaps = countOverlaps(
    probers.map(({ samples }) => samples),
    handOvers,
  )
  await driver.remove(signal, resources.grants, { name: 'partner', namespace })
  return {
    figures: [
      {
        what: `${lags.length} hand-overs: times that two partners were in at once`,
        value: overlaps,
        unit: '',
        goal: 'overlaps' as const,
      },
      { what: 'hand-over, written to the next partner in, p50', value: median(lags), unit: 'ms' },
      {
        what: 'hand-over, written to the next partner in, p99',
        value: percentile(lags, 99),
        unit: 'ms',
      },
    ],
    details: { lags, overlaps },
  }
}
