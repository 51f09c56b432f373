// P4: a customer goes from one partner to another and back. Two probers ask for both technicians all the
// while; no instant may have a yes for both (ONE-PARTNER). How long nobody is in is what it costs.
import { resources } from '../../../src/api/resources.ts'
import { startProber, type Sample } from '../../support/prober.ts'
import { createPartner, firstAnswer, grantTo, technicianOf } from '../access.ts'
import type { Bench, Phase } from '../bench.ts'
import { createCustomers } from '../customers.ts'
import { watchReady } from '../ready.ts'
import { median, percentile } from '../statistics.ts'

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
  try {
    for (let round = 0; round <= sizes.handOvers; round += 1) {
      const to = partners[round % 2 === 0 ? 0 : 1]
      const begun = performance.now()
      await grantTo(signal, world, customer, to, [{ name: technicianOf(to) }])
      await firstAnswer(signal, prober, { user: technicianOf(to), namespace }, true)
      if (round > 0) lags.push(performance.now() - begun) // the first has nobody to wait for
      if (round % 10 === 0) say(`hand-over: ${round} of ${sizes.handOvers}`)
    }
  } finally {
    await Promise.all(probers.map((each) => each.stop()))
  }
  const answers = probers.map(({ samples }) => samples)
  const overlaps = countOverlaps(answers, sizes.handOvers)
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

/**
 * Whose yes follows whose, in the order of asking: it changes once with each hand-over. Each change more
 * is somebody who was let in again between two answers of the other: both were in.
 */
function countOverlaps(answers: readonly (readonly Sample[])[], handOvers: number): number {
  const yeses = answers
    .flatMap((samples, who) => samples.map((sample) => ({ ...sample, who })))
    .filter(({ allowed }) => allowed)
    .toSorted((one, other) => one.at - other.at)
  const changes = yeses.filter(({ who }, index) => index > 0 && yeses[index - 1]?.who !== who)
  return changes.length - handOvers
}
