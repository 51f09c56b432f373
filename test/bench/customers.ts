// The customers that the benchmark makes: as small as a platform would write them, with one person each,
// so that a RoleBinding and a proof about a person are part of what is measured.
import { resources } from '../../src/api/resources.ts'
import type { Client } from '../../src/runtime/index.ts'
import { customer } from '../support/manifests.ts'

/** With or without a database of its own. */
export type Shape = 'plain' | 'database'

/** How many manifests a platform team's tool has on their way at once. */
const creators = 16

export function customerOf(name: string, shape: Shape) {
  return customer(name, {
    owners: [`olga@${name}.example`],
    ...(shape === 'plain' && { database: { enabled: false } }),
  })
}

export function namesOf(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
}

export async function createCustomers(
  signal: AbortSignal,
  client: Client,
  names: readonly string[],
  shape: Shape,
  onCreated: (name: string) => void = () => {},
): Promise<void> {
  await inParallel(creators, names, async (name) => {
    await client.create(signal, resources.customers, customerOf(name, shape))
    onCreated(name)
  })
}

/** Each item once, so many at a time; the first failure ends it. */
export async function inParallel<T>(
  workers: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values()
  await Promise.all(
    Array.from({ length: Math.min(workers, items.length) }, async () => {
      for (const item of left) await work(item)
    }),
  )
}
