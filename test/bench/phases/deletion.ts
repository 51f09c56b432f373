// P9: customers go, all at once, with their namespaces. The namespace is Kubernetes' own to empty; the
// operator's part is to take everybody out, prove it and let go.
import { resources } from '../../../src/api/resources.ts'
import type { Bench, Phase } from '../bench.ts'
import { inParallel, namesOf, customerOf } from '../customers.ts'
import { watchReady } from '../ready.ts'
import { until } from '../world.ts'

const patienceMs = 300_000

export const deletion: Phase = { name: 'deletion', world: 'small', run }

async function run({ signal, sizes, world }: Bench) {
  const { driver } = world.clients
  const names = namesOf('leaving', sizes.deletions)
  const ready = await watchReady(signal, driver)
  await inParallel(16, names, async (name) => {
    const { spec, ...rest } = customerOf(name, 'plain')
    const object = { ...rest, spec: { ...spec, reclaimPolicy: 'Delete' } }
    await driver.create(signal, resources.customers, object)
  })
  await ready.all(names, patienceMs)
  await ready.stop()
  const left = async (which: 'customers' | 'namespaces', prefix: string) => {
    const { items } = await driver.list(signal, resources[which], { metadataOnly: true })
    return items.filter(({ metadata }) => metadata.name.startsWith(prefix)).length
  }
  const begun = performance.now()
  await inParallel(16, names, async (name) => {
    await driver.remove(signal, resources.customers, { name })
  })
  const gone = async () => (await left('customers', 'leaving-')) === 0
  await until(signal, 'The customers are gone', gone, patienceMs)
  const customersMs = performance.now() - begun
  const empty = async () => (await left('namespaces', 'customer-leaving-')) === 0
  await until(signal, 'Their namespaces are gone', empty, patienceMs)
  const namespacesMs = performance.now() - begun
  return {
    figures: [
      {
        what: `${names.length} customers deleted at once, gone`,
        value: customersMs / 1000,
        unit: 's',
      },
      { what: '… their namespaces too', value: namespacesMs / 1000, unit: 's' },
    ],
    details: { customersMs, namespacesMs },
  }
}
