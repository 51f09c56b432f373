// `who <customer>`: who may enter now, until when, and who may not and why. This is what the operator has
// decided and proven, as status says it; `explain` shows the decision itself. What the person may not
// read is named, and nothing is put in its place.

import type {
  CustomerLink,
  CustomerOrganization,
  OrganizationMember,
  PartnerAccessGrant,
} from '../api/kinds.generated.ts'
import { customerNamespace, grantName, labels, managedBy, selfLinkName } from '../api/names.ts'
import { reasonCatalogue } from '../api/reasons.ts'
import { resources, type RoleBinding } from '../api/resources.ts'
import { Failure } from './failures.ts'
import type { Answer } from './output.ts'
import { listAll, seen, show, type CommonOptions, type Session } from './session.ts'

export type Person = {
  readonly person: string
  readonly as: string
  readonly may: 'Enter' | 'Later' | 'Not'
  readonly from?: string
  readonly until?: string
  readonly reason?: string
  readonly message?: string
}

export async function who(
  session: Session,
  options: CommonOptions,
  customer: string,
): Promise<void> {
  await show(session, options, async () => answerOf(await peopleOf(session, customer)), customer)
}

export type People = { readonly people: readonly Person[]; readonly notes: readonly string[] }

/** @throws Failure when nothing of it is readable: whether the customer exists stays unsaid */
export async function peopleOf(session: Session, customer: string): Promise<People> {
  const { signal, client } = session
  const namespace = customerNamespace(customer)
  const [object, self, grants, members, ancestors] = await Promise.all([
    seen(client.get(signal, resources.customers, { name: customer })),
    seen(client.get(signal, resources.links, { namespace, name: selfLinkName })),
    // A list tells "there is none" from "you may not see it".
    seen(listAll(session, resources.grants, { namespace })),
    seen(listAll(session, resources.members, { namespace })),
    seen(
      listAll(session, resources.roleBindings, {
        namespace,
        labelSelector: `${labels.managedBy}=${managedBy},${labels.audience}=ancestors`,
      }),
    ),
  ])
  if (!grants && !members && !object) {
    throw new Failure(
      'NOT_ALLOWED',
      `${await session.person()} may not see who enters ${customer}${self ? '' : ', or there is no such customer'}.`,
    )
  }
  const portalOff = (object?.status?.portal ?? self?.status?.portal) === 'Off'
  const grant = grants?.find(({ metadata }) => metadata.name === grantName)
  return {
    people: [
      ...ownersOf(object, portalOff),
      ...(members ?? []).map((member) => ofMember(member, portalOff)),
      ...(ancestors ?? []).flatMap(ofAncestors),
      ...(grant ? techniciansOf(grant) : []),
    ],
    notes: notesOf({ object, self, grants, members, ancestors, grant }),
  }
}

function ownersOf(object: CustomerOrganization | undefined, portalOff: boolean): readonly Person[] {
  return (object?.status?.owners ?? []).map(({ user, home, reason }) => {
    const named = { person: user, as: 'SuperAdmin (owner)' }
    if (home !== true) return { ...named, may: 'Not', ...explained(reason ?? 'PersonHasOtherHome') }
    return portalOff
      ? { ...named, may: 'Not', ...explained('PortalOff') }
      : { ...named, may: 'Enter' }
  })
}

function ofMember({ spec, status }: OrganizationMember, portalOff: boolean): Person {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  const named = { person: spec.user, as: status?.role ?? spec.role ?? '' }
  if (!ready) return { ...named, may: 'Not', ...explained('Proving') }
  if (ready.status !== 'True') {
    return { ...named, may: 'Not', reason: ready.reason, message: ready.message }
  }
  return portalOff
    ? { ...named, may: 'Not', ...explained('PortalOff') }
    : { ...named, may: 'Enter' }
}

function explained(reason: string): { readonly reason: string; readonly message: string } {
  const entry = Object.entries(reasonCatalogue).find(([name]) => name === reason)?.[1]
  return { reason, message: entry?.means ?? '' }
}

function ofAncestors({ subjects = [] }: RoleBinding): readonly Person[] {
  return subjects.map(({ name }) => ({ person: name, as: 'Admin of a parent', may: 'Enter' }))
}

function techniciansOf({ status }: PartnerAccessGrant): readonly Person[] {
  return (status?.people ?? []).map(({ name, scope, ...rest }) => ({
    person: name,
    as: `technician ${scope}`,
    ...rest,
  }))
}

function notesOf({
  object,
  self,
  grants,
  members,
  ancestors,
  grant,
}: {
  readonly object: CustomerOrganization | undefined
  readonly self: CustomerLink | undefined
  readonly grants: readonly unknown[] | undefined
  readonly members: readonly unknown[] | undefined
  readonly ancestors: readonly unknown[] | undefined
  readonly grant: PartnerAccessGrant | undefined
}): readonly string[] {
  const hidden = [
    ...(grants ? [] : ['the partner and its technicians']),
    ...(members ? [] : ["the customer's members"]),
    ...(object ? [] : ['its owners']),
    ...(ancestors ? [] : ['Admins of the customers above']),
  ]
  const unproven = (grant?.status?.conditions ?? []).filter(
    ({ type, status }) => (type === 'Revoked' || type === 'Backstop') && status !== 'True',
  )
  const behind =
    grant !== undefined && grant.status?.observedGeneration !== grant.metadata.generation
  return [
    ...unproven.map(({ reason, message }) => `${reason}: ${message}`),
    ...(behind ? ['The grant was changed and the operator has not looked at it yet.'] : []),
    ...(hidden.length > 0 ? [`Not shown, because you may not read it: ${hidden.join(', ')}.`] : []),
    ...(self || object ? [] : ['Whether the portal is on is not shown either.']),
  ]
}

export function answerOf({ people, notes }: People): Answer {
  return {
    columns: ['PERSON', 'AS', 'MAY', 'UNTIL', 'WHY'],
    rows: people.map((each) => ({
      name: each.person,
      cells: [
        each.person,
        each.as,
        each.may,
        each.may === 'Later' ? `from ${each.from ?? ''}` : (each.until ?? ''),
        [each.reason, each.message].filter((part) => part !== undefined && part !== '').join(': '),
      ],
      value: each,
    })),
    none: 'Nobody enters, and nobody is named.',
    notes,
  }
}
