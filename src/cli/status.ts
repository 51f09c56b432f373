// `status [customer]`: the conditions of one customer and its grant, or one line for each customer that
// is not as it should be. `events` beside it: what has changed lately, as the cluster keeps it.

import type { Condition } from '../api/object.ts'
import { customerNamespace, grantName, selfLinkName } from '../api/names.ts'
import { resources, type ResourceOf } from '../api/resources.ts'
import { Failure } from './failures.ts'
import type { Answer, Row } from './output.ts'
import { homeNamespace } from './scope.ts'
import { listAll, seen, show, type CommonOptions, type Session } from './session.ts'

export async function status(
  session: Session,
  options: CommonOptions,
  customer: string | undefined,
): Promise<void> {
  const one = customer ?? session.scope.customer
  const ask = () => (one === undefined ? ofAll(session) : ofOne(session, one))
  await show(session, options, ask, one)
}

async function ofOne(session: Session, name: string): Promise<Answer> {
  const { signal, client } = session
  const namespace = customerNamespace(name)
  const [object, grant, self] = await Promise.all([
    seen(client.get(signal, resources.customers, { name })),
    seen(client.get(signal, resources.grants, { namespace, name: grantName })),
    seen(client.get(signal, resources.links, { namespace, name: selfLinkName })),
  ])
  if (!object && !grant && !self) {
    throw new Failure(
      'NOT_ALLOWED',
      `${await session.person()} may not see how ${name} stands, or there is no such customer.`,
    )
  }
  return {
    columns: ['OF', 'CONDITION', 'STATUS', 'REASON', 'SINCE', 'MESSAGE'],
    rows: [
      ...rowsOf('customer', object?.status?.conditions),
      ...(object ? [] : rowsOf('link', self?.status?.conditions)),
      ...rowsOf('grant', grant?.status?.conditions),
    ],
    none: 'The operator has not looked at it yet. If this stays, `kubectl tenantry doctor` says why.',
    notes: [
      ...(object || !self
        ? []
        : [
            `Portal ${self.status?.portal ?? 'unknown'}, database ${self.status?.database ?? 'unknown'}, access ${self.status?.access ?? 'None'}.`,
          ]),
      ...(object
        ? []
        : ['Not shown, because you may not read it: the conditions of the customer itself.']),
    ],
  }
}

function rowsOf(of: string, conditions: readonly Condition[] | undefined): readonly Row[] {
  return (conditions ?? []).map((condition) => {
    const { type, status, reason, lastTransitionTime, message } = condition
    return {
      name: `${of}/${type}`,
      cells: [of, type, status, reason, lastTransitionTime, message],
      value: { of, ...condition },
    }
  })
}

async function ofAll(session: Session): Promise<Answer> {
  const { home } = session.scope
  const objects = home
    ? await seen(listAll(session, resources.links, { namespace: homeNamespace(home) }))
    : await seen(listAll(session, resources.customers))
  if (!objects) {
    throw new Failure(
      home ? 'NOT_ALLOWED' : 'NO_ORGANIZATION',
      `${await session.person()} may not see how customers stand here.`,
    )
  }
  const stand = objects.map(({ metadata, status }) => ({
    customer: metadata.name,
    ready: status?.conditions?.find(({ type }) => type === 'Ready'),
  }))
  const waiting = stand.filter(({ ready }) => ready?.status !== 'True')
  return {
    columns: ['CUSTOMER', 'READY', 'REASON', 'MESSAGE'],
    rows: waiting.map(({ customer, ready }) => ({
      name: customer,
      cells: [customer, ready?.status ?? 'Unknown', ready?.reason ?? '', ready?.message ?? ''],
      value: { customer, ...ready },
    })),
    none: `${count(objects.length)}, all ready.`,
    notes: waiting.length === 0 ? [] : [`${waiting.length} of ${count(objects.length)} not ready.`],
  }
}

function count(customers: number): string {
  return customers === 1 ? '1 customer' : `${customers} customers`
}

export type ClusterEvent = {
  readonly metadata: { readonly name: string }
  readonly type?: string
  readonly reason?: string
  readonly message?: string
  readonly eventTime?: string | null
  readonly lastTimestamp?: string | null
  readonly reportingComponent?: string
  readonly source?: { readonly component?: string }
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string }
  readonly involvedObject?: { readonly kind?: string; readonly name?: string }
}

const clusterEvents: ResourceOf<ClusterEvent> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
}

export async function events(
  session: Session,
  options: CommonOptions,
  customer: string,
): Promise<void> {
  await show(session, options, async () => answerOf(await eventsOf(session, customer)), customer)
}

/** @throws Failure when neither the customer's nor its namespace's are readable */
export async function eventsOf(
  session: Session,
  customer: string,
): Promise<readonly ClusterEvent[]> {
  const { signal, client } = session
  const [within, about] = await Promise.all([
    seen(listAll(session, clusterEvents, { namespace: customerNamespace(customer) })),
    // Events about what has no namespace lie in this one.
    seen(
      client.list(signal, clusterEvents, {
        namespace: 'default',
        fieldSelector: `involvedObject.kind=CustomerOrganization,involvedObject.name=${customer}`,
      }),
    ),
  ])
  if (!within && !about) {
    throw new Failure(
      'NOT_ALLOWED',
      `${await session.person()} may not see what happens in ${customer}, or there is no such customer.`,
    )
  }
  return [...(within ?? []), ...(about?.items ?? [])].toSorted((a, b) =>
    momentOf(a) < momentOf(b) ? -1 : 1,
  )
}

export function momentOf({ series, lastTimestamp, eventTime }: ClusterEvent): string {
  const moment = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? ''
  return moment.replace(/\.\d+Z$/, 'Z')
}

function answerOf(found: readonly ClusterEvent[]): Answer {
  return {
    columns: ['LAST', 'TYPE', 'REASON', 'ABOUT', 'TIMES', 'MESSAGE'],
    rows: found.map((event) => {
      const { type = '', reason = '', message = '', involvedObject = {}, series } = event
      const about = `${involvedObject.kind ?? ''}/${involvedObject.name ?? ''}`
      const times = String(series?.count ?? 1)
      return {
        name: event.metadata.name,
        cells: [momentOf(event), type, reason, about, times, message],
        value: { last: momentOf(event), type, reason, about, times: Number(times), message },
      }
    }),
    none: 'No Event is kept: the cluster forgets them after an hour, by default.',
  }
}
