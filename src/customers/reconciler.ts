// One run of one customer: gather, plan, apply, report. Level-triggered: why it runs is forgotten.
// A failure is a fact until status is written; then the queue decides about the next try.

import { newsOf, type Finding } from '../api/conditions.ts'
import { customerNamespace, isOurs } from '../api/names.ts'
import { eventTypeOf, type Reason } from '../api/reasons.ts'
import { earliestOf } from '../api/time.ts'
import { databaseUidOf } from '../databases/names.ts'
import type { Result, Run } from '../runtime/index.ts'
import { applyPlan, finish, type Facts } from './apply.ts'
import { graceEnd } from './database-secrets.ts'
import { gather, type Seen } from './gather.ts'
import { isGoneFrom, tellLink } from './ledger.ts'
import { nextNotice, recipientOf, withNotices } from './notices.ts'
import { listedFor, removeReadable } from './person-secret.ts'
import { planCustomer, type Plan } from './plan.ts'
import type { Ports } from './ports.ts'
import { report, type Report } from './report.ts'
import type { RetireFact } from './retire.ts'

/** So often in a row a run makes way for a more urgent one: a stream of them must not keep status from being written. */
const mostYields = 8

export function customerReconciler(ports: Ports) {
  const yields = new Map<string, number>()
  return async (
    signal: AbortSignal,
    name: string,
    run: Pick<Run, 'isOvertaken'>,
  ): Promise<Result> => {
    const now = ports.clock.now() // the only reading: one run, one moment
    const seen = gather(ports, name)
    if (!seen) {
      ports.notify?.forget(name)
      if (ports.leads()) await takeOutOrphans(signal, ports, name)
      if (ports.gives()) await ports.ledger?.endAll(signal, isGoneFrom(ports.stores.customers))
      return { outcome: 'done' }
    }
    const plan = planCustomer(seen, now)
    // Before anything can throw: no deadline is lost.
    ports.deadlines.set(
      name,
      earliestOf([plan.nextChange, nextNotice(seen, now), graceEnd(ports, seen, now)]),
    )
    for (const end of plan.endsSoon) ports.sessionEnds.set(String(end), end)
    const yielded = yields.get(name) ?? 0
    const isOvertaken = () => yielded < mostYields && run.isOvertaken()
    const facts = await applyPlan(signal, ports, seen, plan, isOvertaken)
    if (facts === 'overtaken') {
      yields.set(name, yielded + 1)
      return { outcome: 'done' } // the key waits already
    }
    yields.delete(name)
    if (!ports.gives()) {
      const [error] = facts.errors
      if (error !== undefined) throw error
      return { outcome: 'done' }
    }
    // After a failure too: status says which half is proven.
    const turn = { seen, plan, facts, now }
    const said = withNotices(ports.notify, turn, report(seen, plan, facts, now))
    await publish(signal, ports, seen, facts, said)
    ports.notify?.offer(recipientOf(ports.notify, seen), said.status.notifications?.pending ?? [])
    const told = await tellLink(signal, ports, seen, said.status.partner)
    if (told.state === 'Unwritten') return verdict({ ...facts, ledger: told })
    if (facts.retired?.state === 'Done') await leave(signal, ports, seen, plan, facts.retired)
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
  const { clusterRoles, clusterRoleBindings } = ports.stores
  await Promise.all([
    ...clusterRoleBindings
      .by('customer', name)
      .map((binding) => ports.applier.remove(signal, clusterRoleBindings, binding)),
    ...clusterRoles
      .by('customer', name)
      .map((role) => ports.applier.remove(signal, clusterRoles, role)),
  ])
  for (const { role, secret } of listedFor(name, ports.stores.roles.by('customer', name))) {
    await removeReadable(signal, ports, role, secret)
  }
}

async function leave(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  { deleteNamespace }: Plan,
  { keepsAll, news }: Extract<RetireFact, { state: 'Done' }>,
): Promise<void> {
  if (news) {
    const { reason, message: note } = news
    ports.events.record(seen.object, { type: eventTypeOf(reason), reason, action: 'Delete', note })
  }
  await finish(signal, ports, seen, { deleteNamespace: deleteNamespace && !keepsAll })
  forgetDatabase(ports, seen)
}

/** Nobody here looks after the database any more. */
function forgetDatabase(
  { databases, databaseMemory, peopleMemory }: Ports,
  { object }: Seen,
): void {
  const uid = databaseUidOf(object)
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
const worthAnEvent = new Set(['Ready', 'PartnerLinked', 'PortalActive', 'Notified'])
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
  if (facts.retired?.state === 'Failed') {
    return { outcome: 'failed', error: facts.retired.error, lane: 'resync' }
  }
  if (facts.database?.state === 'Failed') {
    // Who had to leave is out: what is left to do is not urgent.
    return { outcome: 'failed', error: facts.database.error, lane: 'resync' }
  }
  if (facts.proof && facts.proof.open.length > 0)
    return { outcome: 'again', afterMs: facts.proof.askAgainMs }
  if (facts.ledger.state === 'Unwritten') {
    const { error, leaves } = facts.ledger
    return { outcome: 'failed', error, lane: leaves ? 'change' : 'resync' }
  }
  return { outcome: 'done' }
}
