// One run of one customer's links. What goes, goes first; then what people ask for by a link of their
// own; a link whose namespace is not there yet waits for it.

import { newsOf } from '../api/conditions.ts'
import type { CustomerLink } from '../api/kinds.generated.ts'
import { KeyedTurns } from '../databases/turns.ts'
import type { Result } from '../runtime/index.ts'
import { createCustomer, writeFirstGrant } from './create.ts'
import { gather } from './gather.ts'
import { planLinks, type WantedLink } from './plan.ts'
import { planRequests, type RequestStep } from './plan-request.ts'
import type { Ports } from './ports.ts'

export function linkReconciler(ports: Ports) {
  const turns = new KeyedTurns()
  return async (signal: AbortSignal, customer: string): Promise<Result> => {
    if (!ports.gives()) return { outcome: 'done' }
    const now = ports.clock.now()
    const seen = gather(ports, customer)
    const plan = planLinks(seen, now)
    ports.deadlines.set(customer, plan.nextChange)
    const { applier, stores, maxCustomers } = ports
    await Promise.all(plan.remove.map((link) => applier.remove(signal, stores.links, link)))
    await Promise.all(plan.ensure.map((wanted) => ensure(signal, ports, wanted)))
    const listed = plan.ensure.map(({ link }) => link)
    const { create, firstGrant, say } = planRequests(seen, listed, { maxCustomers, now })
    // Status first: it keeps who created the link, which a later apply may drop from there.
    await Promise.all(say.map((step) => publish(signal, ports, step)))
    if (create) {
      const step = await createCustomer(signal, ports, { turns, now }, create)
      if (step) await publish(signal, ports, step)
    }
    if (firstGrant) await writeFirstGrant(signal, ports, firstGrant)
    return { outcome: 'done' }
  }
}

async function publish(
  signal: AbortSignal,
  { applier, stores, events }: Ports,
  { link, status, findings }: RequestStep,
): Promise<void> {
  const current = stores.links.get(link.metadata) ?? link
  const { wrote } = await applier.writeStatus(signal, stores.links, current, of(current, status))
  const worth = () => wrote
  for (const each of newsOf(findings, link.status?.conditions, worth)) events.record(link, each)
}

async function ensure(
  signal: AbortSignal,
  { applier, stores }: Ports,
  { link, status }: WantedLink,
): Promise<void> {
  const { object } = await applier.ensure(signal, stores.links, link)
  await applier.writeStatus(signal, stores.links, object, of(object, status))
}

/** GitOps tools wait until status speaks of the version that they have written. */
function of({ metadata }: CustomerLink, status: object): object {
  const { generation } = metadata
  return generation === undefined ? status : { observedGeneration: generation, ...status }
}
