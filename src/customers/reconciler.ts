// One run of one customer: gather, plan, apply, report. Level-triggered: why it runs is forgotten.
// A failure is a fact until status is written; then the queue decides about the next try.

import { newsOf, type Finding } from '../api/conditions.ts'
import { customerNamespace, isOurs } from '../api/names.ts'
import type { Reason } from '../api/reasons.ts'
import type { Result } from '../runtime/index.ts'
import { applyPlan, finish, type Facts } from './apply.ts'
import { gather, type Seen } from './gather.ts'
import { listedFor, removeReadable } from './person-secret.ts'
import { planCustomer } from './plan.ts'
import type { Ports } from './ports.ts'
import { report, type Report } from './report.ts'

export function customerReconciler(ports: Ports) {
  return async (signal: AbortSignal, name: string): Promise<Result> => {
    const now = ports.clock.now() // the only reading: one run, one moment
    const seen = gather(ports, name)
    if (!seen) {
      if (ports.leads()) await takeOutOrphans(signal, ports, name)
      return { outcome: 'done' }
    }
    const plan = planCustomer(seen, now)
    ports.deadlines.set(name, plan.nextChange) // before anything can throw: no deadline is lost
    const facts = await applyPlan(signal, ports, seen, plan)
    if (!ports.gives()) {
      const [error] = facts.errors
      if (error !== undefined) throw error
      return { outcome: 'done' }
    }
    // After a failure too: status says which half is proven.
    await publish(signal, ports, seen, facts, report(seen, plan, facts, now))
    // Who has a login in a database that is kept would keep it: the finalizer waits for the proof.
    if (plan.finalizer === 'remove' && facts.people.state !== 'Unproven') {
      await finish(signal, ports, seen, plan)
      forgetDatabase(ports, seen)
    }
    return verdict(facts)
  }
}

/** People whose customer is gone by force, finalizer and all: nobody may enter for it. */
async function takeOutOrphans(signal: AbortSignal, ports: Ports, name: string): Promise<void> {
  ports.deadlines.set(name, undefined)
  const { roleBindings } = ports.stores
  const orphans = roleBindings.byNamespace(customerNamespace(name)).filter(isOurs)
  await Promise.all(
    orphans.map((binding) =>
      ports.applier.remove(signal, roleBindings, binding, { lane: 'revoke' }),
    ),
  )
  if (orphans.length > 0) ports.reviews.forget(customerNamespace(name))
  for (const { role, secret } of listedFor(name, ports.stores.roles.by('customer', name))) {
    await removeReadable(signal, ports, role, secret)
  }
}

/** The database stays as it is; nobody here looks after it any more. */
function forgetDatabase(
  { databases, databaseMemory, peopleMemory }: Ports,
  { object }: Seen,
): void {
  const { uid = '' } = object.metadata
  databases.forget(uid)
  databaseMemory.delete(uid)
  peopleMemory.letIn.delete(uid)
  peopleMemory.ended.delete(uid)
}

async function publish(
  signal: AbortSignal,
  ports: Ports,
  { object: before }: Seen,
  { object }: Facts,
  { status, findings, guarded }: Report,
): Promise<void> {
  const { customers } = ports.stores
  const { wrote } = await ports.applier.writeStatus(signal, customers, object, status, { guarded })
  if (!wrote) return
  const worth = ({ type, reason }: Finding) => worthAnEvent.has(type) && !isNoNews.has(reason)
  for (const each of newsOf(findings, before.status?.conditions, worth)) {
    ports.events.record(object, each)
  }
}

/** The rest would repeat these, or tell what nobody waits for. */
const worthAnEvent = new Set(['Ready', 'PartnerLinked', 'PortalActive'])
const isNoNews = new Set<Reason>(['Proving', 'NoPartner', 'Enabled'])

function verdict(facts: Facts): Result {
  const [error] = facts.errors
  if (error !== undefined) throw error
  const { people } = facts
  if (people.state === 'Unproven') {
    return people.error === undefined
      ? { outcome: 'again', afterMs: 100 }
      : { outcome: 'failed', error: people.error, lane: people.leaves ? 'change' : 'resync' }
  }
  if (facts.database?.state === 'Failed') {
    // Who had to leave is out: what is left to do is not urgent.
    return { outcome: 'failed', error: facts.database.error, lane: 'resync' }
  }
  if (facts.proof && facts.proof.open.length > 0)
    return { outcome: 'again', afterMs: facts.proof.askAgainMs }
  return { outcome: 'done' }
}
