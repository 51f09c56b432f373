// One run of one customer's grant: what it gives now, asked of the API server, said in its status.
// Bindings are made and taken away with the customer; a grant whose customer is gone is let go here.

import { newsOf, type Finding } from '../api/conditions.ts'
import { apiVersion, finalizer, partnerNamespace } from '../api/names.ts'
import type { KubeObject, Result } from '../runtime/index.ts'
import { gather } from './gather.ts'
import { impersonationNews } from './impersonation-news.ts'
import { planGrantStatus } from './plan.ts'
import type { Ports } from './ports.ts'
import { report } from './report.ts'

export function grantReconciler(ports: Ports) {
  return async (signal: AbortSignal, customer: string): Promise<Result> => {
    if (!ports.gives()) return { outcome: 'done' }
    const now = ports.clock.now()
    const seen = gather(ports, customer)
    if (!seen) {
      ports.deadlines.set(customer, undefined)
      ports.windows.set(customer, { open: 0, notArmed: 0 })
      return { outcome: 'done' }
    }
    const plan = planGrantStatus(seen, now)
    ports.deadlines.set(customer, plan.nextChange)
    ports.windows.set(customer, { open: plan.ends.length, notArmed: plan.notArmed.length })
    const { object } = seen
    const { grants } = ports.stores
    if (!seen.known && object.metadata.deletionTimestamp) {
      await ports.applier.removeFinalizer(signal, grants, object, finalizer)
      return { outcome: 'done' }
    }
    const proof = await ports.reviews.ask(signal, seen.namespace, plan.questions)
    const { status, findings } = report(seen, plan, proof, now)
    const { wrote } = await ports.applier.writeStatus(signal, grants, object, status)
    const worth = ({ type, reason }: Finding) => type !== 'Ready' && reason !== 'Proving'
    const news = wrote ? newsOf(findings, object.status?.conditions, worth) : []
    for (const each of news) ports.events.record(object, each)
    const acting = wrote ? impersonationNews(customer, object.status?.people, plan.access) : []
    for (const each of acting) {
      ports.events.record(object, each)
      ports.events.record(linkAt(customer, object.spec.partnerRef.name), each)
    }
    return proof.open.length > 0
      ? { outcome: 'again', afterMs: proof.askAgainMs }
      : { outcome: 'done' }
  }
}

/** Where the partner's people look. */
function linkAt(customer: string, partner: string): KubeObject {
  const metadata = { name: customer, namespace: partnerNamespace(partner) }
  return { apiVersion, kind: 'CustomerLink', metadata }
}
