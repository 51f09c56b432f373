// `grant` names technicians of a customer's partner, `end --technician` takes them out. Both write the list
// of the grant and come back with what the operator has proven.

import type { PartnerAccessGrant } from '../api/kinds.generated.ts'
import { resources } from '../api/resources.ts'
import { formatTime } from '../api/time.ts'
import { carryOut, parseDuration, type ChangeOptions, type Progress } from './change.ts'
import { Failure } from './failures.ts'
import { patchGrant, refOf, theGrant, timeOf } from './grants.ts'
import { sayScope } from './scope.ts'
import type { Session } from './session.ts'

type TechnicianEntry = NonNullable<PartnerAccessGrant['spec']['technicians']>[number]

export type GrantOptions = ChangeOptions & {
  readonly scope: 'Full' | 'ReadOnly'
  readonly from?: string
  readonly until?: string
  readonly for?: string
  readonly reason?: string
}

export async function grantTechnicians(
  session: Session,
  options: GrantOptions,
  customer: string,
  people: readonly string[],
): Promise<void> {
  const grant = await theGrant(session, customer)
  const entries = people.map((name) => entryOf(session, name, options))
  const before = grant.spec.technicians ?? []
  const isAsked = (each: TechnicianEntry) =>
    entries.some((entry) => entry.name === each.name && entry.scope === (each.scope ?? 'Full'))
  const after = [...before.filter((each) => !isAsked(each)), ...entries]
  await carryOut(
    session,
    {
      scope: sayScope(session.scope, customer),
      title: `Technicians of partner ${grant.spec.partnerRef.name} in customer ${customer}:`,
      lines: [
        ...before.filter(isAsked).map((entry) => `- ${describe(entry)}`),
        ...entries.map((entry) => `+ ${describe(entry)}`),
      ],
      loses: [],
      write: (dryRun) => patchGrant(session, grant, { technicians: after }, dryRun),
      proof: () => entered(session, customer, entries),
    },
    options,
  )
}

function entryOf(
  session: Session,
  name: string,
  { scope, from, until, for: lasts, reason }: GrantOptions,
): TechnicianEntry {
  if (until !== undefined && lasts !== undefined) {
    throw new Failure('WRONG_USE', '--until and --for both say the end. Give one of them.')
  }
  const start = from === undefined ? undefined : timeOf('--from', from)
  const end =
    until === undefined
      ? lasts && formatTime((start ?? session.now()) + parseDuration(lasts))
      : formatTime(timeOf('--until', until))
  return {
    name,
    scope,
    ...(start !== undefined && { notBefore: formatTime(start) }),
    ...(end !== undefined && { notAfter: end }),
    ...(reason !== undefined && { reason }),
  }
}

function describe({ name, scope = 'Full', notBefore, notAfter, reason }: TechnicianEntry): string {
  const from = notBefore === undefined ? '' : ` from ${notBefore}`
  const until = notAfter === undefined ? ' without an end' : ` until ${notAfter}`
  return `${name} ${scope}${from}${until}${reason === undefined ? '' : ` (${reason})`}`
}

async function entered(
  { signal, client }: Session,
  customer: string,
  entries: readonly TechnicianEntry[],
): Promise<Progress> {
  const { metadata, status } = await client.get(signal, resources.grants, refOf(customer))
  const people = status?.people ?? []
  const found = entries.map(({ name, scope }) =>
    people.find((each) => each.name === name && each.scope === scope),
  )
  if (status?.observedGeneration !== metadata.generation) {
    return { state: 'waiting', says: 'the operator has not looked at it yet.' }
  }
  const refused = found.find((each) => each?.may === 'Not')
  if (refused) return { state: 'nothing', says: `${refused.reason}: ${refused.message}` }
  const later = found.find((each) => each?.may === 'Later')
  if (later) return { state: 'proven', says: `Granted: ${names(entries)} from ${later.from}.` }
  const active = status?.conditions?.find(({ type }) => type === 'Active')
  if (found.every((each) => each?.may === 'Enter') && active?.status === 'True') {
    return { state: 'proven', says: `Proven: the API server lets ${names(entries)} enter.` }
  }
  return { state: 'waiting', says: active?.message ?? 'the API server has not been asked yet.' }
}

function names(entries: readonly TechnicianEntry[]): string {
  return entries.map(({ name }) => name).join(', ')
}

export type EndOptions = ChangeOptions & { readonly technician: readonly string[] }

export async function endTechnicians(
  session: Session,
  options: EndOptions,
  customer: string,
): Promise<void> {
  const grant = await theGrant(session, customer)
  const before = grant.spec.technicians ?? []
  const leaving = before.filter(({ name }) => options.technician.includes(name))
  const unknown = options.technician.find((name) => !leaving.some((each) => each.name === name))
  if (unknown !== undefined) {
    throw new Failure(
      'NOT_FOUND',
      `${unknown} is not named in the grant of ${customer}. \`kubectl tenantry who ${customer}\` shows who is.`,
    )
  }
  const technicians = before.filter((entry) => !leaving.includes(entry))
  await carryOut(
    session,
    {
      scope: sayScope(session.scope, customer),
      title: `Technicians of partner ${grant.spec.partnerRef.name} in customer ${customer}:`,
      lines: leaving.map((entry) => `- ${describe(entry)}`),
      loses: [...new Set(leaving.map(({ name }) => name))],
      write: (dryRun) => patchGrant(session, grant, { technicians }, dryRun),
      proof: () => provenOut(session, customer, leaving),
    },
    options,
  )
}

async function provenOut(
  { signal, client }: Session,
  customer: string,
  leaving: readonly TechnicianEntry[],
): Promise<Progress> {
  const { metadata, status } = await client.get(signal, resources.grants, refOf(customer))
  if (status?.observedGeneration !== metadata.generation) {
    return { state: 'waiting', says: 'the operator has not looked at it yet.' }
  }
  const revoked = status?.conditions?.find(({ type }) => type === 'Revoked')
  return revoked?.status === 'True'
    ? { state: 'proven', says: `Proven: ${names(leaving)} cannot enter ${customer} any more.` }
    : { state: 'waiting', says: revoked?.message ?? 'the proof is not there yet.' }
}
