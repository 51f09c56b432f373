// P5: somebody deletes RoleBindings by hand, one at a time; how soon each is back, at an independent watcher.
// In turns with a bare client that hears of a deletion from the same watch and writes the binding again.
import { resources } from '../../../src/api/resources.ts'
import type { Client } from '../../../src/runtime/index.ts'
import { field } from '../../support/world.ts'
import { plainBinding } from '../access.ts'
import type { Bench, Phase } from '../bench.ts'
import { createCustomers } from '../customers.ts'
import { watchReady } from '../ready.ts'
import { median, percentile } from '../statistics.ts'

const customer = 'drifting'
const namespace = `customer-${customer}`
const ofTheOperator = { name: 'customer-superadmin', namespace }
const ofTheBareClient = { name: 'bare', namespace }
const patienceMs = 30_000

export const drift: Phase = { name: 'drift', world: 'small', run }

async function run({ signal, sizes, world, say }: Bench) {
  const { driver, bare } = world.clients
  const ready = await watchReady(signal, driver)
  await createCustomers(signal, driver, [customer], 'plain')
  await ready.all([customer], patienceMs)
  await ready.stop()
  await using watch = await watchBindings(signal, driver, namespace)
  const mend = () =>
    bare.create(
      signal,
      resources.roleBindings,
      plainBinding(namespace, ofTheBareClient.name, 'bare:bob'),
    )
  await mend()
  const lagOf = async (what: { readonly name: string; readonly namespace: string }) => {
    const back = watch.next('ADDED', what.name)
    const gone = watch.next('DELETED', what.name)
    await driver.remove(signal, resources.roleBindings, what)
    const answered = performance.now()
    await gone
    if (what === ofTheBareClient) await mend()
    return (await back) - answered
  }
  const ours: number[] = []
  const beside: number[] = []
  for (let round = 0; round < sizes.drifts; round += 1) {
    ours.push(await lagOf(ofTheOperator))
    beside.push(await lagOf(ofTheBareClient))
    if (round % 25 === 24) say(`drift: ${round + 1} of ${sizes.drifts}`)
  }
  return {
    figures: [
      { what: 'drift repaired, p50', value: median(ours), bare: median(beside), unit: 'ms' },
      {
        what: 'drift repaired, p99',
        value: percentile(ours, 99),
        bare: percentile(beside, 99),
        unit: 'ms',
        goal: 'driftP99' as const,
      },
    ],
    details: { ours, bare: beside },
  }
}

type BindingWatch = AsyncDisposable & {
  /** When the next such event comes, by `performance.now`. */
  next(type: 'ADDED' | 'DELETED', name: string): Promise<number>
}

async function watchBindings(
  signal: AbortSignal,
  client: Client,
  within: string,
): Promise<BindingWatch> {
  const stopping = new AbortController()
  const both = AbortSignal.any([signal, stopping.signal])
  const { resourceVersion } = await client.list(signal, resources.roleBindings, {
    namespace: within,
  })
  const waiting = new Map<string, (at: number) => void>()
  const watching = (async () => {
    const options = { namespace: within, resourceVersion, timeoutSeconds: 3_600 }
    for await (const { type, object } of client.watch(both, resources.roleBindings, options)) {
      waiting.get(`${type} ${String(field(object, 'metadata', 'name'))}`)?.(performance.now())
    }
  })().catch((error: unknown) => {
    if (!both.aborted) throw error
  })
  return {
    next: (type, name) =>
      new Promise((resolve, reject) => {
        const enough = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
        const refuse = () => reject(new Error(`${name} is not ${type} after ${patienceMs} ms.`))
        enough.addEventListener('abort', refuse)
        waiting.set(`${type} ${name}`, (at) => {
          enough.removeEventListener('abort', refuse)
          waiting.delete(`${type} ${name}`)
          resolve(at)
        })
      }),
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await watching
    },
  }
}
