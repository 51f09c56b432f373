// Who is asked about in a customer's namespace. Holds PROVEN, ISOLATED: each person who gets in or
// goes out, and a name that nobody has, since what that one may do everybody may.

import type { Access } from '../access/access.ts'
import { impersonationVerb } from '../access/impersonation.ts'
import { annotations, labels } from '../api/names.ts'
import type { Seen } from './gather.ts'
import { actingIn } from './plan-bindings.ts'

export type Question = {
  readonly person: string
  readonly groups?: readonly string[]
  readonly verb?: string
  readonly expected: boolean
  /** `partner`: Vacant and Linked wait for this answer. */
  readonly about: 'anybody' | 'entering' | 'partner' | 'outside'
}

const anybody = 'tenantry:anybody'

export function planQuestions(seen: Seen, decided: Access): readonly Question[] {
  const entering = decided.technicians.filter(({ may }) => may === 'Enter')
  const inside = new Set([
    ...decided.own.filter(({ may }) => may === 'Enter').map(({ person }) => person),
    ...decided.ancestors,
    ...entering.filter(({ scope }) => scope !== 'Impersonate').map(({ person }) => person),
  ])
  const ofPartners = new Set([
    ...seen.leavingPeople,
    ...(seen.known.grant?.technicians ?? []).map(({ name }) => name),
    ...seen.bindings
      .filter(({ metadata }) => metadata.labels?.[labels.audience] === 'technicians')
      .flatMap(({ subjects }) => (subjects ?? []).map(({ name }) => name)),
  ])
  const mentioned = new Set([
    ...ofPartners,
    ...seen.known.customer.members.map(({ person }) => person.name),
    ...seen.bindings
      .filter(({ metadata }) => metadata.labels?.[labels.audience] !== 'partner-admins')
      .flatMap(({ subjects }) => (subjects ?? []).map(({ name }) => name)),
  ])
  const accepted = new Set(
    seen.object.metadata.annotations?.[annotations.confirmForeignAccess]?.split(/\s*,\s*/),
  )
  return [
    { person: anybody, groups: ['system:authenticated'], expected: false, about: 'anybody' },
    ...[...inside].sort().map(entersNow),
    ...[...mentioned]
      // What Kubernetes itself may do here is not a person's access.
      .filter((person) => !inside.has(person) && !person.startsWith('system:'))
      .filter((person) => !accepted.has(person))
      .sort()
      .map((person) => staysOut(person, ofPartners.has(person) ? 'partner' : 'outside')),
    ...actingPeople(seen, decided),
  ]
}

/** Whoever acts, or did, or would: each is asked about by a verb of its own. */
function actingPeople({ known, bindings }: Seen, { technicians }: Access): readonly Question[] {
  const acting = new Set(
    technicians
      .filter(({ may, scope }) => may === 'Enter' && scope === 'Impersonate')
      .map(({ person }) => person),
  )
  const mentioned = [
    ...(known.grant?.technicians ?? [])
      .filter(({ scope }) => scope === 'Impersonate')
      .map(({ name }) => name),
    ...actingIn(bindings),
  ]
  return [...new Set([...acting, ...mentioned])].sort().map((person) => ({
    person,
    verb: impersonationVerb,
    expected: acting.has(person),
    about: acting.has(person) ? 'entering' : 'partner',
  }))
}

function entersNow(person: string): Question {
  return { person, expected: true, about: 'entering' }
}

function staysOut(person: string, about: Question['about']): Question {
  return { person, expected: false, about }
}
