// One run of the people of one namespace: what each is there, said in the status of each member.
// What the roles allow is made elsewhere, from the same decision; here nobody is let in or out.

import { newsOf } from '../api/conditions.ts'
import type { Result } from '../runtime/index.ts'
import { gather, type Seen } from './gather.ts'
import type { Ports } from './ports.ts'
import { reportMembers, reportProviders, type MemberReport, type ProviderReport } from './report.ts'

export function memberReconciler(ports: Ports) {
  return async (signal: AbortSignal, namespace: string): Promise<Result> => {
    if (!ports.gives()) return { outcome: 'done' }
    const now = ports.clock.now()
    const seen = gather(ports, namespace)
    await Promise.all([
      ...reportMembers(seen, now).map((report) => publish(signal, ports, report)),
      ...reportProviders(seen, now).map((report) => announce(signal, ports, report)),
    ])
    // Last: a control database that is down keeps nobody from knowing what they are here.
    await tellAudit(signal, ports, seen)
    return { outcome: 'done' }
  }
}

async function announce(
  signal: AbortSignal,
  { applier, stores, events }: Ports,
  { object, status, news }: ProviderReport,
): Promise<void> {
  const { wrote } = await applier.writeStatus(signal, stores.identityProviders, object, status)
  if (!wrote) return
  for (const each of news) events.record(object, each)
}

async function tellAudit(
  signal: AbortSignal,
  { signIns }: Ports,
  { organization, identityProviders: [provider] }: Seen,
): Promise<void> {
  if (!organization || !signIns) return
  const { uid = '', generation = 0 } = provider?.metadata ?? {}
  await signIns.tell(signal, {
    organization: organization.uid,
    ...organization.ref,
    version: provider ? `${uid}/${generation}` : null,
    issuerURL: provider?.spec.issuerURL ?? null,
  })
}

async function publish(
  signal: AbortSignal,
  { applier, stores, events }: Ports,
  { object, status, findings }: MemberReport,
): Promise<void> {
  const { wrote } = await applier.writeStatus(signal, stores.members, object, status)
  if (!wrote) return
  const news = newsOf(findings, object.status?.conditions, ({ type }) => type === 'Ready')
  for (const each of news) events.record(object, each)
}
