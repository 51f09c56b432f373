// One run of one partner: gather, plan, apply, report. Customers of the partner are reconciled by
// themselves; a partner that is suspended or leaves is a fact that they read.

import { newsOf, type Finding } from '../api/conditions.ts'
import { finalizer } from '../api/names.ts'
import type { Result } from '../runtime/index.ts'
import { applyPlan, revoke, voidAll, voidRoles } from './apply.ts'
import { gather } from './gather.ts'
import { planPartner } from './plan.ts'
import type { Ports } from './ports.ts'
import { report } from './report.ts'

export function partnerReconciler(ports: Ports) {
  return async (signal: AbortSignal, name: string): Promise<Result> => {
    const now = ports.clock.now()
    const seen = gather(ports, name)
    if (!seen) {
      ports.deadlines.set(name, undefined)
      if (ports.leads()) await voidAll(signal, ports, name)
      return { outcome: 'done' }
    }
    const plan = planPartner(seen, now)
    ports.deadlines.set(name, plan.nextChange)
    await voidRoles(signal, ports, plan)
    if (!ports.leads()) return { outcome: 'done' }
    await revoke(signal, ports, plan)
    if (!ports.gives()) return { outcome: 'done' }
    const facts = await applyPlan(signal, ports, seen, plan)
    const { partners } = ports.stores
    const { status, findings } = report(seen, facts, now)
    const { wrote, object } = await ports.applier.writeStatus(
      signal,
      partners,
      facts.object,
      status,
    )
    const before = seen.object.status?.conditions
    // The first status is no transition, and Ready repeats what another condition says.
    const worth = ({ type, status: state }: Finding) =>
      type !== 'NamespaceReady' && (type !== 'Ready' || state === 'True')
    const news = wrote && before ? newsOf(findings, before, worth) : []
    for (const each of news) ports.events.record(object, each)
    if (plan.finalizer === 'remove') {
      await ports.applier.removeFinalizer(signal, partners, object, finalizer)
    }
    return { outcome: 'done' }
  }
}
