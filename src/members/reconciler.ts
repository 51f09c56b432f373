// One run of the people of one namespace: what each is there, said in the status of each member.
// What the roles allow is made elsewhere, from the same decision; here nobody is let in or out.

import { newsOf } from '../api/conditions.ts'
import type { Result } from '../runtime/index.ts'
import { gather } from './gather.ts'
import type { Ports } from './ports.ts'
import { reportMembers, reportProviders, type MemberReport } from './report.ts'

export function memberReconciler(ports: Ports) {
  return async (signal: AbortSignal, namespace: string): Promise<Result> => {
    if (!ports.gives()) return { outcome: 'done' }
    const now = ports.clock.now()
    const seen = gather(ports, namespace)
    const { applier, stores } = ports
    await Promise.all([
      ...reportMembers(seen, now).map((report) => publish(signal, ports, report)),
      ...reportProviders(seen, now).map(({ object, status }) =>
        applier.writeStatus(signal, stores.identityProviders, object, status),
      ),
    ])
    return { outcome: 'done' }
  }
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
