// One run of one customer's links. What goes, goes first; a link whose namespace is not there yet
// waits for it. Links that a person has made are never touched here.

import type { Result } from '../runtime/index.ts'
import { gather } from './gather.ts'
import { planLinks, type WantedLink } from './plan.ts'
import type { Ports } from './ports.ts'

export function linkReconciler(ports: Ports) {
  return async (signal: AbortSignal, customer: string): Promise<Result> => {
    if (!ports.gives()) return { outcome: 'done' }
    const plan = planLinks(gather(ports, customer), ports.clock.now())
    ports.deadlines.set(customer, plan.nextChange)
    const { applier, stores } = ports
    await Promise.all(plan.remove.map((link) => applier.remove(signal, stores.links, link)))
    await Promise.all(plan.ensure.map((wanted) => ensure(signal, ports, wanted)))
    return { outcome: 'done' }
  }
}

async function ensure(
  signal: AbortSignal,
  { applier, stores }: Ports,
  { link, status }: WantedLink,
): Promise<void> {
  const { object } = await applier.ensure(signal, stores.links, link)
  await applier.writeStatus(signal, stores.links, object, status)
}
