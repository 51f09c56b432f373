// P8: from the write that ends access, or the end of its window, to the first no of the API server; with an operator that is
// done with the grant, with one that is still giving, and under saturating writes; in turns with a bare client that deletes a RoleBinding.
import { setTimeout as sleep } from 'node:timers/promises'
import { resources } from '../../../src/api/resources.ts'
import {
  createPartner,
  firstAnswer,
  grantTo,
  plainBinding,
  technicianOf,
  type Technician,
} from '../access.ts'
import type { Bench, Phase } from '../bench.ts'
import type { GoalName } from '../goals.ts'
import { createCustomers } from '../customers.ts'
import { startLoad } from '../load.ts'
import { watchReady } from '../ready.ts'
import { median, percentile } from '../statistics.ts'
import { traceOf, type Revocation, type Trace } from '../traces.ts'
import { until } from '../world.ts'

const customer = 'revoked'
const partner = 'fabrikam'
const namespace = `customer-${customer}`
const tina = technicianOf(partner)
const windowMs = 3_200
/** Events, the customer's status, the partner's count: until nothing of it is on its way. */
const settleMs = 250
const deadlineEvery = 4
/** Of so many of the slowest edits is told what they waited for. */
const traced = 5

export const revocation: Phase = { name: 'revocation', world: 'small', run }

async function run(bench: Bench) {
  const { signal, world } = bench
  const ready = await watchReady(signal, world.clients.driver)
  await createCustomers(signal, world.clients.driver, [customer], 'plain')
  await ready.all([customer], 60_000)
  await ready.stop()
  await createPartner(signal, world, partner)
  const idle = await measure(bench, 'idle')
  const loaded = await underLoad(bench)
  return {
    figures: [
      ...figuresOf('nothing else going on', idle, 'revocationIdle'),
      ...figuresOf('under saturating writes', loaded, 'revocationLoaded'),
    ],
    details: { idle, loaded },
  }
}

async function underLoad(bench: Bench): Promise<Lags> {
  const stop = await startLoad(bench.signal, bench.world)
  try {
    return await measure(bench, 'loaded')
  } finally {
    bench.say(`revocation: the load made ${await stop()} ConfigMaps`)
  }
}

type Lags = {
  readonly edited: readonly number[]
  /** Taken away as soon as the API server let somebody in, while the operator still writes down what it gave. */
  readonly atOnce: readonly number[]
  readonly ended: readonly number[]
  readonly bare: readonly number[]
  /** Of the slowest edits, the slowest first. */
  readonly slowest: readonly Trace[]
}

async function measure(bench: Bench, when: string): Promise<Lags> {
  const edited: Revocation[] = []
  const atOnce: number[] = []
  const ended: number[] = []
  const bare: number[] = []
  const { revocations } = bench.sizes
  const { audit } = bench.world
  await audit.next()
  // In turns, so that whatever else the machine does falls on both.
  for (let round = 0; round < revocations; round += 1) {
    edited.push(await revokeByGrant(bench, { settles: true }))
    atOnce.push((await revokeByGrant(bench, { settles: false })).lag)
    bare.push(await revokeBare(bench))
    if (round % deadlineEvery === 0) ended.push(await revokeByDeadline(bench))
    if (round % 20 === 19) bench.say(`revocation, ${when}: ${round + 1} of ${revocations}`)
  }
  const requests = await audit.next()
  const slowest = edited
    .toSorted((one, other) => other.lag - one.lag)
    .slice(0, traced)
    .flatMap((each) => traceOf(each, requests, { what: 'delete rolebindings', namespace }) ?? [])
  return { edited: edited.map(({ lag }) => lag), atOnce, ended, bare, slowest }
}

async function revokeByGrant(bench: Bench, { settles }: { settles: boolean }): Promise<Revocation> {
  await name(bench, [{ name: tina }])
  await first(bench, tina, true)
  if (settles) await writtenDown(bench)
  const sent = Date.now()
  await name(bench, [])
  const [written, begun] = [Date.now(), performance.now()]
  await first(bench, tina, false)
  return { sent, written, lag: performance.now() - begun }
}

/** The operator has said in the grant's status that its people are in, and whatever else is to be said of it. */
async function writtenDown({ signal, world }: Bench): Promise<void> {
  await until(signal, 'the grant says that its people are in', async () => {
    const given = await world.clients.driver.find(signal, resources.grants, {
      name: 'partner',
      namespace,
    })
    const active = given?.status?.conditions?.find(({ type }) => type === 'Active')
    return active?.status === 'True' && active.observedGeneration === given?.metadata.generation
  })
  await sleep(settleMs, undefined, { signal })
}

async function revokeByDeadline(bench: Bench): Promise<number> {
  const end = Math.ceil((Date.now() + windowMs) / 1000) * 1000
  await name(bench, [{ name: tina, notAfter: new Date(end).toISOString() }])
  await first(bench, tina, true)
  await sleep(Math.max(0, end - Date.now() - 200), undefined, { signal: bench.signal })
  await first(bench, tina, false)
  return Math.max(0, Date.now() - end)
}

async function revokeBare(bench: Bench): Promise<number> {
  const { signal, world } = bench
  const { bare } = world.clients
  const [binding, bob] = ['bare', 'bare:bob']
  await bare.create(signal, resources.roleBindings, plainBinding(namespace, binding, bob))
  await first(bench, bob, true)
  // From here, as an operator that needs no time to hear and to decide: it, too, would have to delete.
  const decided = performance.now()
  await bare.remove(signal, resources.roleBindings, { name: binding, namespace })
  await first(bench, bob, false)
  return performance.now() - decided
}

function name({ signal, world }: Bench, technicians: readonly Technician[]): Promise<void> {
  return grantTo(signal, world, customer, partner, technicians)
}

function first({ signal, world }: Bench, user: string, wanted: boolean): Promise<void> {
  return firstAnswer(signal, world.clients.prober, { user, namespace }, wanted)
}

function figuresOf(when: string, { edited, atOnce, ended, bare }: Lags, goal: GoalName) {
  const said = `revocation, ${when}`
  return [
    { what: `${said}: grant edited, p50`, value: median(edited), bare: median(bare), unit: 'ms' },
    {
      what: `${said}: grant edited, p99`,
      value: percentile(edited, 99),
      bare: percentile(bare, 99),
      unit: 'ms',
      goal,
    },
    { what: `${said}: … right after it was given, p99`, value: percentile(atOnce, 99), unit: 'ms' },
    { what: `${said}: window ended, slowest`, value: percentile(ended, 100), unit: 'ms', goal },
  ]
}
