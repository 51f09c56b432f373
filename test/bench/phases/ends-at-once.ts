// P8 at size: one partner's access to many customers ends at one instant, by a suspension and by a window.
// Per customer, how long after that instant the API server still said yes, sampled round and round.
import { setTimeout as sleep } from 'node:timers/promises'
import { labels } from '../../../src/api/names.ts'
import { resources } from '../../../src/api/resources.ts'
import { createPartner, grantTo, isAllowed, technicianOf } from '../access.ts'
import type { Bench, Phase } from '../bench.ts'
import { inParallel } from '../customers.ts'
import { percentile } from '../statistics.ts'
import { traceOf, type Trace } from '../traces.ts'
import { until, untilQuiet } from '../world.ts'
import { grownName } from './growth.ts'

const partner = 'litware'
const tina = technicianOf(partner)
const writers = 16
/** Few: whoever asks takes the cores from what is measured, and of one moment it is enough to ask about some. */
const askers = 4
const patienceMs = 1_200_000
/** How long it may take to write a window for each. */
const perCustomerMs = 150
const atLeastMs = 6_000
/** So long before the end sampling begins. */
const headStartMs = 300
/** Seldom: to list thousands takes the API server from the operator. */
const pollMs = 2_000
/** What was given is told everywhere first: an end is measured with nothing else going on. */
const calmMs = 1_000

export const endsAtOnce: Phase = { name: 'ends-at-once', world: 'large', run }

async function run(bench: Bench) {
  const { signal, sizes, world, say } = bench
  const names = Array.from({ length: sizes.atOnce }, (_, index) => grownName(index))
  await createPartner(signal, world, partner)
  await giveAll(bench, names, {})
  await untilIn(bench, names)
  say(`ends at once: the technician is in ${names.length} customers`)
  const suspend = (suspended: boolean) =>
    world.clients.driver.patch(
      signal,
      resources.partners,
      { name: partner },
      { spec: { suspended } },
      { type: 'merge' },
    )
  await untilQuiet(signal, world, calmMs)
  const suspended = await lagsOf(bench, names, async () => {
    const sent = Date.now()
    await suspend(true)
    return { sent, from: Date.now() }
  })
  await suspend(false)
  await untilIn(bench, names)
  await untilQuiet(signal, world, calmMs)
  const end = await giveWindows(bench, names)
  say(`ends at once: ${names.length} windows end in ${Math.round((end - Date.now()) / 1000)} s`)
  const ended = await lagsOf(bench, names, async () => {
    await sleep(Math.max(0, end - Date.now() - headStartMs), undefined, { signal })
    return { sent: end, from: end }
  })
  const figure = (what: string, { lags }: Ended) => ({
    what: `${what}, last of them denied after`,
    value: percentile(lags, 100),
    unit: 'ms',
    goal: 'endsAtOnce' as const,
  })
  return {
    figures: [
      figure(`a partner of ${names.length} customers suspended`, suspended),
      figure(`${names.length} windows end at one instant`, ended),
    ],
    details: { suspended, ended },
  }
}

async function giveAll({ signal, world }: Bench, names: readonly string[], window: object) {
  await inParallel(writers, names, (name) =>
    grantTo(signal, world, name, partner, [{ name: tina, ...window }]),
  )
}

/** Asks about one after the other: whoever is in stays in, and asking again and again takes the cores from the giving. */
async function untilIn({ signal, world }: Bench, names: readonly string[]) {
  for (const name of names) {
    const person = { user: tina, namespace: `customer-${name}` }
    const isIn = () => isAllowed(signal, world.clients.prober, person)
    await until(signal, `The technician is in ${name}`, isIn, patienceMs)
  }
}

/**
 * A window with one end for all, far enough away for all bindings to say so before it: until the last
 * does, the end would not be one instant. A machine that is too slow for the first try gets more time.
 */
async function giveWindows(bench: Bench, names: readonly string[]): Promise<number> {
  let writingMs = Math.max(atLeastMs, names.length * perCustomerMs)
  for (;;) {
    const end = Math.ceil((Date.now() + writingMs) / 1000) * 1000
    await giveAll(bench, names, { notAfter: new Date(end).toISOString() })
    while (Date.now() < end - headStartMs) {
      if (await allEndAt(bench, names, end)) return end
      await sleep(pollMs, undefined, { signal: bench.signal })
    }
    writingMs *= 2
    bench.say(`ends at once: the windows were not written in time, again with ${writingMs} ms`)
  }
}

async function allEndAt({ signal, world }: Bench, names: readonly string[], end: number) {
  const { items } = await world.clients.driver.list(signal, resources.roleBindings, {
    labelSelector: `${labels.end}=${end / 1000}`,
    metadataOnly: true,
  })
  return items.length === names.length
}

type Ended = {
  /** Of each customer, in ms. */
  readonly lags: readonly number[]
  /** Of the one write that ends them all. */
  readonly write: Trace | undefined
}

async function lagsOf(
  { signal, world }: Bench,
  names: readonly string[],
  moment: () => Promise<{ readonly sent: number; readonly from: number }>,
): Promise<Ended> {
  const lastYes = new Map<string, number>()
  const { sent, from } = await moment()
  let left = names
  const deadline = Date.now() + patienceMs
  while (left.length > 0) {
    if (Date.now() > deadline) throw new Error(`${left.length} customers are open still.`)
    const open: string[] = []
    await inParallel(askers, left, async (name) => {
      const asked = Date.now()
      const person = { user: tina, namespace: `customer-${name}` }
      if (await isAllowed(signal, world.clients.prober, person)) {
        lastYes.set(name, asked)
        open.push(name)
      }
    })
    left = Date.now() < from ? names : open
  }
  const lags = names.map((name) => Math.max(0, (lastYes.get(name) ?? from) - from))
  const ended = { sent, written: from, lag: percentile(lags, 100) }
  const theOne = { what: 'delete clusterroles', withinMs: patienceMs }
  return { lags, write: traceOf(ended, await world.audit.next(), theOne) }
}
