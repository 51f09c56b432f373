// Objects that are older than the access ledger has seen them: the cluster was restored from a backup. By what they say alone
// nobody is let in whom the ledger has out. Holds ONE-PARTNER, NO-LATE, PROVEN. Pure.
// The rule nobody would guess: an object's generation only grows, whatever writes it, so one that has become smaller was put back.
// Whoever the ledger lets in by the same right goes on entering, since a restore must not lock out everybody.

import { annotations } from '../api/names.ts'
import type { Verdict } from '../api/reasons.ts'
import type { End } from '../api/time.ts'
import type { Access, Known, Technician } from './access.ts'
import { holdersOf } from './members.ts'
import type { MemberFact, Organization, Partner } from './organization.ts'

/** An object as it is now: its UID, and how often its spec has been written. */
export type Dated = { readonly uid: string; readonly generation?: number }

/** What the ledger knows of one customer. */
export type LedgerView = {
  /** The generation in which an object was last seen; Infinity: it was seen to be gone. */
  readonly newest: (uid: string) => number | undefined
  /** As what and until when it lets this person of that organization in. */
  readonly lets: (
    organizationUid: string,
    person: string,
  ) => { readonly scope: string; readonly until: End } | undefined
}

/** Everything by which access to this customer is decided. */
export function decidedBy({ customer, ancestors, grant, partner }: Known): readonly Dated[] {
  const technicians = new Set(grant?.technicians.map(({ name }) => name))
  const admins = ancestors.flatMap((each) => {
    const names = new Set(holdersOf(each, ['SuperAdmin', 'Admin']))
    return each.members.filter(({ person }) => names.has(person.name))
  })
  return [
    customer,
    ...customer.members,
    ...ancestors,
    ...admins,
    ...(grant?.object ? [grant.object] : []),
    ...(partner ? [partner, ...namedIn(partner, technicians)] : []),
  ]
}

/** Also the partner's Admins, who name technicians. */
function namedIn(partner: Partner, technicians: ReadonlySet<string>): readonly MemberFact[] {
  const admins = new Set(holdersOf(partner, ['SuperAdmin', 'Admin']))
  return partner.members.filter(({ person: { name } }) => technicians.has(name) || admins.has(name))
}

/** Takes out of what was decided whoever enters by an older object alone. */
export function withoutBackdated(known: Known, ledger: LedgerView, decided: Access): Access {
  const { customer, ancestors, grant, partner } = known
  const isOlder = ({ uid, generation }: Dated) =>
    generation !== undefined && generation < (ledger.newest(uid) ?? 0)
  if (!decidedBy(known).some(isOlder)) return decided
  const isFreshIn = (organization: Organization, person: string) =>
    ![organization, ...membersOf(organization, person)].some(isOlder)
  const lets = ({ uid }: Organization, person: string, scope: string, until: End) => {
    const row = ledger.lets(uid, person)
    return row?.scope === scope && reaches(row.until, until)
  }
  const grantIsOlder = isOlder(customer) || (grant?.object !== undefined && isOlder(grant.object))
  const isFreshPartner = (person: string) =>
    !grantIsOlder && partner !== undefined && isFreshIn(partner, person)
  const why = olderThanLedger(customer.ref.name)
  const technicians = decided.technicians.map((each): Technician => {
    if (each.may === 'Not' || isFreshPartner(each.person)) return each
    if (partner && lets(partner, each.person, each.scope, each.until)) return each
    const { person, scope, actsAs, reason } = each
    return { person, scope, actsAs, ...(reason !== undefined && { reason }), may: 'Not', why }
  })
  const own = decided.own.map((each) => {
    if (each.may === 'Not' || isFreshIn(customer, each.person)) return each
    if (lets(customer, each.person, each.role, 'open')) return each
    return { person: each.person, object: each.object, may: 'Not', why } as const
  })
  const mayLookDown = (person: string) =>
    ancestors.some(
      (each) =>
        isHolder(each, person) && (isFreshIn(each, person) || lets(each, person, 'Admin', 'open')),
    )
  const remaining = {
    ...decided,
    technicians,
    own,
    ancestors: decided.ancestors.filter(mayLookDown),
    partnerAdmins: decided.partnerAdmins.filter(isFreshPartner),
    partnerSuperAdmins: decided.partnerSuperAdmins.filter(isFreshPartner),
  }
  return { ...remaining, heldBack: heldBack(decided, remaining) }
}

/** Who would enter but for the ledger. */
function heldBack(before: Access, after: Access): readonly string[] {
  const entering = ({ own, ancestors, technicians, partnerAdmins }: Access) => [
    ...[...own, ...technicians].filter(({ may }) => may !== 'Not').map(({ person }) => person),
    ...ancestors,
    ...partnerAdmins,
  ]
  const still = new Set(entering(after))
  return [...new Set(entering(before))].filter((person) => !still.has(person)).toSorted()
}

function membersOf({ members }: Organization, person: string): readonly MemberFact[] {
  return members.filter((member) => member.person.name === person)
}

function isHolder(organization: Organization, person: string): boolean {
  return membersOf(organization, person).length > 0
}

function reaches(ledger: End, wanted: End): boolean {
  return ledger === 'open' || (wanted !== 'open' && wanted <= ledger)
}

function olderThanLedger(customer: string): Verdict {
  return {
    reason: 'OlderThanLedger',
    message: `What lets this person in is older than what the access ledger has seen of it, as after a restore of the cluster from a backup. Apply the current manifests; or, having looked at ${customer}, the platform annotates it with ${annotations.confirmRestored}=${customer}.`,
  }
}
