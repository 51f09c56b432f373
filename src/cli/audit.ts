// `audit <customer>`: what is on record about who has changed what, and when: the Events that the cluster
// still keeps, when each condition became what it is, and who has written which object last. It reads
// Kubernetes alone; who read or asked is in the API server's own audit log.

import { annotations, customerNamespace } from '../api/names.ts'
import type { Condition, ObjectMeta } from '../api/object.ts'
import { resources } from '../api/resources.ts'
import { Failure } from './failures.ts'
import type { Answer } from './output.ts'
import { listAll, seen, show, type CommonOptions, type Session } from './session.ts'
import { eventsOf, momentOf } from './status.ts'

type Entry = {
  readonly at: string
  readonly by: string
  readonly what: string
  readonly detail: string
}

export async function audit(
  session: Session,
  options: CommonOptions,
  customer: string,
): Promise<void> {
  await show(session, options, async () => answerOf(await entriesOf(session, customer)), customer)
}

type Recorded = {
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly status?: { readonly conditions?: readonly Condition[] }
}

async function entriesOf(session: Session, customer: string): Promise<readonly Entry[]> {
  const { signal, client } = session
  const namespace = customerNamespace(customer)
  const [object, grants, members, found] = await Promise.all([
    seen(client.get(signal, resources.customers, { name: customer })),
    seen(listAll(session, resources.grants, { namespace })),
    seen(listAll(session, resources.members, { namespace })),
    eventsOf(session, customer).catch((error: unknown) => {
      if (error instanceof Failure) return undefined
      throw error
    }),
  ])
  if (!object && !grants && !members) {
    throw new Failure(
      'NOT_ALLOWED',
      `${await session.person()} may not see the record of ${customer}, or there is no such customer.`,
    )
  }
  const objects: readonly Recorded[] = [
    ...(object ? [object] : []),
    ...(grants ?? []),
    ...(members ?? []),
  ]
  const entries = [
    ...objects.flatMap(writesOf),
    ...objects.flatMap(transitionsOf),
    ...(found ?? []).map((event) => ({
      at: momentOf(event),
      by: event.reportingComponent ?? event.source?.component ?? '',
      what: `${event.involvedObject?.kind ?? ''}/${event.involvedObject?.name ?? ''}`,
      detail: `${event.reason ?? ''}: ${event.message ?? ''}`,
    })),
  ]
  return entries.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.what < b.what ? -1 : 1))
}

/** By which program; the person is on record only where Tenantry has put the name. */
function writesOf({ kind, metadata }: Recorded): readonly Entry[] {
  const what = `${kind}/${metadata.name}`
  const creator = metadata.annotations?.[annotations.createdBy] ?? ''
  const fields: unknown = Reflect.get(metadata, 'managedFields')
  const writes = (Array.isArray(fields) ? fields : []).flatMap((field: unknown): Entry[] => {
    const value = (key: string) => String(Reflect.get(Object(field), key) ?? '')
    const part = value('subresource')
    return [
      {
        at: value('time'),
        by: value('manager'),
        what,
        detail: `last wrote ${part === '' ? 'the object' : part}`,
      },
    ]
  })
  const at = metadata.creationTimestamp ?? ''
  return [{ at, by: creator, what, detail: 'created' }, ...writes]
}

function transitionsOf({ kind, metadata, status }: Recorded): readonly Entry[] {
  return (status?.conditions ?? []).map(({ type, status, reason, lastTransitionTime }) => ({
    at: lastTransitionTime,
    by: 'tenantry',
    what: `${kind}/${metadata.name}`,
    detail: `${type} became ${status}, now ${reason}`,
  }))
}

function answerOf(entries: readonly Entry[]): Answer {
  return {
    columns: ['AT', 'BY', 'WHAT', 'DETAIL'],
    rows: entries.map((entry) => ({
      name: `${entry.at} ${entry.what}`,
      cells: [entry.at, entry.by, entry.what, entry.detail],
      value: entry,
    })),
    none: 'Nothing is on record.',
    notes: [
      "Kubernetes keeps programs, not people, beside each write: who it was is in the API server's audit log.",
    ],
  }
}
