// A customer and its one partner: `end` takes the partner out, `hand-over` leads to another one, `invite
// partner` begins. The operator carries them out; these come back with its proof.

import type { PartnerAccessGrant } from '../api/kinds.generated.ts'
import { apiVersion, customerNamespace, grantName, selfLinkName } from '../api/names.ts'
import { resources } from '../api/resources.ts'
import { formatTime } from '../api/time.ts'
import { carryOut, type ChangeOptions, type Progress } from './change.ts'
import { Failure } from './failures.ts'
import { fieldManager, patchGrant, refOf, theGrant, timeOf, versionIn } from './grants.ts'
import { sayScope } from './scope.ts'
import { seen, type Session } from './session.ts'

type About = { readonly customer: string; readonly grant: PartnerAccessGrant }

export async function endRelationship(
  session: Session,
  options: ChangeOptions,
  customer: string,
): Promise<void> {
  const grant = await theGrant(session, customer)
  const { signal, client } = session
  const { uid } = grant.metadata
  const partner = grant.spec.partnerRef.name
  await carryOut(
    session,
    {
      scope: sayScope(session.scope, customer),
      title: `The relationship of partner ${partner} and customer ${customer} ends:`,
      lines: [`- partner ${partner}, ${grant.spec.relationship ?? 'Invited'}`],
      loses: whoIsIn(grant),
      write: (dryRun) =>
        client.remove(signal, resources.grants, refOf(customer), {
          ...(uid !== undefined && { uid }),
          dryRun,
        }),
      proof: () => relationshipEnded(session, { customer, grant }),
    },
    options,
  )
}

/** A finalizer keeps the grant until everybody is proven out. */
async function relationshipEnded(
  { signal, client }: Session,
  { customer, grant }: About,
): Promise<Progress> {
  const partner = grant.spec.partnerRef.name
  const found = await seen(client.get(signal, resources.grants, refOf(customer)))
  if (!found || found.metadata.uid !== grant.metadata.uid) {
    return { state: 'proven', says: `Proven: partner ${partner} is out of customer ${customer}.` }
  }
  const revoked = found.status?.conditions?.find(({ type }) => type === 'Revoked')
  return { state: 'waiting', says: revoked?.message ?? `partner ${partner} is being taken out.` }
}

export type HandOverOptions = ChangeOptions & { readonly to: string }

export async function handOver(
  session: Session,
  options: HandOverOptions,
  customer: string,
): Promise<void> {
  const { signal, client } = session
  const grant = await theGrant(session, customer)
  const from = grant.spec.partnerRef.name
  const { to } = options
  if (from === to) throw new Failure('WRONG_USE', `Partner ${to} has customer ${customer} already.`)
  // Where the platform has decided the partner, it stands in the customer and not in the grant.
  const object = await seen(client.get(signal, resources.customers, { name: customer }))
  const decided = object?.spec.partner
  const change = { partnerRef: { name: to }, technicians: null }
  await carryOut(
    session,
    {
      scope: sayScope(session.scope, customer),
      title: `Customer ${customer} is handed over:`,
      lines: [
        `- partner ${from}`,
        `+ partner ${to}, whose Admins name technicians once it is linked`,
        'Nobody of the next partner enters before everybody of the last one is proven out.',
      ],
      loses: whoIsIn(grant),
      write: (dryRun) =>
        object && decided
          ? client.patch(
              signal,
              resources.customers,
              { name: customer },
              { metadata: versionIn(object.metadata), spec: { partner: change } },
              { type: 'merge', fieldManager, dryRun },
            )
          : patchGrant(session, grant, change, dryRun),
      proof: () => handedOver(session, { customer, grant }, to),
    },
    options,
  )
}

async function handedOver(
  { signal, client }: Session,
  { customer, grant }: About,
  to: string,
): Promise<Progress> {
  const found = await seen(client.get(signal, resources.grants, refOf(customer)))
  if (found && (found.status?.epoch ?? 0) > (grant.status?.epoch ?? 0)) {
    return {
      state: 'proven',
      says: `Proven: partner ${grant.spec.partnerRef.name} is out, partner ${to} is linked.`,
    }
  }
  const revoked = found?.status?.conditions?.find(({ type }) => type === 'Revoked')
  const ready = found?.status?.conditions?.find(({ type }) => type === 'Ready')
  const still = revoked?.status === 'True' ? ready : revoked
  return { state: 'waiting', says: still?.message ?? 'the last partner is being taken out.' }
}

export type InvitePartnerOptions = ChangeOptions & {
  readonly maxScope: 'Full' | 'ReadOnly'
  readonly from?: string
  readonly until?: string
}

export async function invitePartner(
  session: Session,
  options: InvitePartnerOptions,
  customer: string,
  partner: string,
): Promise<void> {
  const { signal, client } = session
  const namespace = customerNamespace(customer)
  const existing = await seen(client.get(signal, resources.grants, refOf(customer)))
  if (existing) {
    throw new Failure(
      'WRONG_USE',
      `Customer ${customer} has partner ${existing.spec.partnerRef.name}. To change it: kubectl tenantry hand-over ${customer} --to ${partner}.`,
    )
  }
  const { from, until, maxScope } = options
  const isPeriod = from !== undefined || until !== undefined
  if (isPeriod && until === undefined) {
    throw new Failure('WRONG_USE', 'A period has an end: give --until too.')
  }
  const access = {
    mode: isPeriod ? 'Period' : 'Continuous',
    maxScope,
    ...(isPeriod && {
      notBefore: formatTime(from === undefined ? session.now() : timeOf('--from', from)),
    }),
    ...(until !== undefined && { notAfter: formatTime(timeOf('--until', until)) }),
  }
  const object = {
    apiVersion,
    kind: 'PartnerAccessGrant',
    metadata: { name: grantName, namespace },
    spec: { partnerRef: { name: partner }, relationship: 'Invited', access },
  }
  await carryOut(
    session,
    {
      scope: sayScope(session.scope, customer),
      title: `Partner ${partner} is invited to customer ${customer}:`,
      lines: [
        `+ partner ${partner}, ${isPeriod ? `from ${access.notBefore} until ${access.notAfter}` : 'without an end'}, ${maxScope} at most`,
        'Nobody enters yet: an Admin of the partner names its technicians.',
      ],
      loses: [],
      write: (dryRun) => client.create(signal, resources.grants, object, { fieldManager, dryRun }),
      proof: async () => {
        const self = await client.find(signal, resources.links, { namespace, name: selfLinkName })
        if (self?.status?.relationship !== undefined) {
          return { state: 'proven', says: `Partner ${partner} is linked to customer ${customer}.` }
        }
        const grant = await client.find(signal, resources.grants, refOf(customer))
        const ready = grant?.status?.conditions?.find(({ type }) => type === 'Ready')
        return {
          state: 'waiting',
          says: ready?.message ?? 'the operator has not looked at it yet.',
        }
      },
    },
    options,
  )
}

function whoIsIn({ spec, status }: PartnerAccessGrant): readonly string[] {
  const people = (status?.people ?? []).filter(({ may }) => may !== 'Not').map(({ name }) => name)
  return [...new Set(people), `the Admins of partner ${spec.partnerRef.name}`]
}
