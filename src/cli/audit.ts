// `audit <customer>`: what is on record about who has changed what, and when: the control database's own
// record of who was let in and put out, which each side reads for its part; the Events that the cluster
// still keeps; when each condition became what it is; and who has written which object last.

import { annotations, customerNamespace } from '../api/names.ts'
import type { Condition, ObjectMeta } from '../api/object.ts'
import { resources } from '../api/resources.ts'
import { Failure } from './failures.ts'
import type { Answer } from './output.ts'
import { readAudit, type AuditRow } from './registry.sql.ts'
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
  await show(session, options, async () => answerOf(await gather(session, customer)), customer)
}

type Gathered = { readonly entries: readonly Entry[]; readonly notes: readonly string[] }

async function gather(session: Session, customer: string): Promise<Gathered> {
  const { askRegistry } = await import('./registry.ts')
  const [entries, asked] = await Promise.all([
    entriesOf(session, customer),
    askRegistry(session, (ask) => readAudit(ask, customer, shownAtMost)),
  ])
  if (asked.from === 'nowhere') {
    return {
      entries: inOrder(entries ?? (await refuse(session, customer))),
      notes: [`Who was let in and put out is on record in the registry: ${asked.why}.`],
    }
  }
  if (!entries && asked.answer.length === 0) return refuse(session, customer)
  const isCut = asked.answer.length === shownAtMost
  return {
    entries: inOrder([...(entries ?? []), ...asked.answer.map(ofRegistry)]),
    notes: isCut ? [`Of the registry's record the last ${shownAtMost} entries.`] : [],
  }
}

const shownAtMost = 1_000

async function refuse(session: Session, customer: string): Promise<never> {
  throw new Failure(
    'NOT_ALLOWED',
    `${await session.person()} may not see the record of ${customer}, or there is no such customer.`,
  )
}

function ofRegistry({ at, partner, person, action, reason, detail }: AuditRow): Entry {
  const { kind, scope, until, from, agreementRef, informationLevel } = detail
  const words = [
    action,
    kind,
    scope,
    until !== undefined && until !== 'infinity' && `until ${until}`,
    from !== undefined && `from ${from}`,
    person !== null && partner !== null && `partner ${partner}`,
    typeof agreementRef === 'string' && `agreement ${agreementRef}`,
    informationLevel !== undefined && `shows ${informationLevel.join(', ') || 'nothing more'}`,
    reason,
  ]
  return {
    at,
    by: 'tenantry',
    what:
      person !== null
        ? `person/${person}`
        : partner !== null
          ? `partner/${partner}`
          : 'the customer itself',
    detail: words.filter((word) => typeof word === 'string').join(' '),
  }
}

function inOrder(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
}

type Recorded = {
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly status?: { readonly conditions?: readonly Condition[] }
}

/** What Kubernetes has; `undefined`: nothing of it is readable. */
async function entriesOf(
  session: Session,
  customer: string,
): Promise<readonly Entry[] | undefined> {
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
  if (!object && !grants && !members) return undefined
  const objects: readonly Recorded[] = [
    ...(object ? [object] : []),
    ...(grants ?? []),
    ...(members ?? []),
  ]
  return [
    ...objects.flatMap(writesOf),
    ...objects.flatMap(transitionsOf),
    ...(found ?? []).map((event) => ({
      at: momentOf(event),
      by: event.reportingComponent ?? event.source?.component ?? '',
      what: `${event.involvedObject?.kind ?? ''}/${event.involvedObject?.name ?? ''}`,
      detail: `${event.reason ?? ''}: ${event.message ?? ''}`,
    })),
  ]
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

function answerOf({ entries, notes }: Gathered): Answer {
  return {
    columns: ['AT', 'BY', 'WHAT', 'DETAIL'],
    rows: entries.map((entry) => ({
      name: `${entry.at} ${entry.what}`,
      cells: [entry.at, entry.by, entry.what, entry.detail],
      value: entry,
    })),
    none: 'Nothing is on record.',
    notes: [
      ...notes,
      "Kubernetes keeps programs, not people, beside each write: who it was is in the API server's audit log.",
    ],
  }
}
