// The heart: given everything known about one customer and the time, who may enter it until when,
// and why everybody else may not. RBAC, PostgreSQL roles, CustomerLinks and status project this.
// Holds ONE-PARTNER, ONE-HOME, NO-EARLY, NO-LATE, ISOLATED. Pure.

import type { Verdict } from '../api/reasons.ts'
import { earliestOf, type End, type EpochMs } from '../api/time.ts'
import { grantAccess, type Grant, type GrantAccess, type Scope } from './grant.ts'
import { withoutBackdated, type LedgerView } from './backdated.ts'
import { linkedPartner, type Link } from './link.ts'
import { holdersOf, standingsOf, type Role, type Standing } from './members.ts'
import type { Customer, Partner } from './organization.ts'
import { technicianObjection, technicianWindow, type TechnicianClaim } from './technician-checks.ts'
import { nextBoundary, phaseOf } from './window.ts'

export type Known = {
  readonly customer: Customer
  /** The parents, nearest first. */
  readonly ancestors: readonly Customer[]
  readonly link: Link
  readonly grant: Grant | undefined
  /** The partner that the grant names; `undefined` when it does not exist. */
  readonly partner: Partner | undefined
  /** The cluster's clock minus ours, in ms; 0 while the difference is tolerable. */
  readonly skewMs: number
  /** The cluster does not know constrained impersonation. */
  readonly lacksImpersonation?: boolean
  /** Undefined: there is none, it was not read yet, or the platform has confirmed what a restore brought back. */
  readonly ledger?: LedgerView | undefined
}

export type Answer =
  | { readonly may: 'Enter'; readonly until: End }
  | { readonly may: 'Later'; readonly from: EpochMs; readonly until: End }
  | { readonly may: 'Not'; readonly why: Verdict }

export type OwnPerson = { readonly person: string; readonly object: string } & (
  { readonly may: 'Enter'; readonly role: Role } | { readonly may: 'Not'; readonly why: Verdict }
)

export type Technician = {
  readonly person: string
  readonly scope: Scope
  /** Of scope Impersonate: whom, and why. */
  readonly actsAs: readonly string[]
  readonly reason?: string
} & Answer

export type Access = {
  readonly own: readonly OwnPerson[]
  /** Admins and SuperAdmins of the customers above; they look down, nobody looks up. */
  readonly ancestors: readonly string[]
  readonly technicians: readonly Technician[]
  /** Partner Admins who may name technicians here, and nothing else. */
  readonly partnerAdmins: readonly string[]
  /** Those among them who may end the relationship. */
  readonly partnerSuperAdmins: readonly string[]
  /** Who would enter, if what lets them in were not older than the ledger. */
  readonly heldBack: readonly string[]
  /** The next moment at which any answer changes by time alone. */
  readonly nextChange: EpochMs | undefined
}

export function access(known: Known, now: EpochMs): Access {
  const claims = technicianClaims(known)
  const asWritten: Access = {
    own: standingsOf(known.customer).map((standing) => ownPerson(standing, known.customer)),
    ancestors: ancestorsWhoMayEnter(known),
    technicians: claims.map((claim) => technician(claim, now)),
    partnerAdmins: partnerPeople(known, ['SuperAdmin', 'Admin']),
    partnerSuperAdmins: partnerPeople(known, ['SuperAdmin']),
    heldBack: [],
    nextChange: nextChangeOf(claims, now),
  }
  const { ledger } = known
  return ledger ? withoutBackdated(known, ledger, asWritten) : asWritten
}

function ownPerson(standing: Standing, customer: Customer): OwnPerson {
  const { member } = standing
  const named = { person: member.person.name, object: member.object }
  if (standing.holds === 'Nothing') return { ...named, may: 'Not', why: standing.why }
  if (!customer.portalActive) return { ...named, may: 'Not', why: portalIsOff(customer) }
  return { ...named, may: 'Enter', role: standing.holds }
}

function portalIsOff({ ref }: Customer): Verdict {
  return {
    reason: 'PortalOff',
    message: `The portal of ${ref.name} is off. Its own people enter once the platform sets spec.portal.active to true.`,
  }
}

function ancestorsWhoMayEnter({ ancestors }: Known): readonly string[] {
  // A parent's portal that is off keeps its Admins out of what is nested in it, too.
  const open = ancestors.filter(({ portalActive, deleting }) => portalActive && !deleting)
  return [...new Set(open.flatMap((parent) => holdersOf(parent, ['SuperAdmin', 'Admin'])))]
}

/** One per entry of the grant. */
export function technicianClaims({
  customer,
  link,
  grant,
  partner,
  skewMs,
  lacksImpersonation = false,
}: Known): readonly TechnicianClaim[] {
  if (!grant) return []
  const ownRoles = ownRolesOf(customer)
  const roles = new Map<string, Role>()
  for (const standing of partner ? standingsOf(partner) : []) {
    if (standing.holds !== 'Nothing') roles.set(standing.member.person.name, standing.holds)
  }
  return grant.technicians.map((entry) => ({
    customer: customer.ref.name,
    grant,
    entry,
    partner,
    partnerRole: roles.get(entry.name),
    linkedPartner: linkedPartner(link),
    skewMs,
    ownRoles,
    lacksImpersonation,
  }))
}

/** Of those who may enter, by user name. */
function ownRolesOf(customer: Customer): ReadonlyMap<string, Role> {
  const entering = standingsOf(customer).map((standing) => ownPerson(standing, customer))
  return new Map(
    entering.flatMap((each) => (each.may === 'Enter' ? [[each.person, each.role] as const] : [])),
  )
}

function technician(claim: TechnicianClaim, now: EpochMs): Technician {
  const { name, scope, actsAs = [], reason } = claim.entry
  const named = { person: name, scope, actsAs, ...(reason !== undefined && { reason }) }
  const why = technicianObjection(claim, now)
  const window = technicianWindow(claim)
  if (why || !window) return { ...named, may: 'Not', why: why ?? nothingKnown(claim) }
  return phaseOf(window, now) === 'Before'
    ? { ...named, may: 'Later', from: window.notBefore, until: window.notAfter }
    : { ...named, may: 'Enter', until: window.notAfter }
}

function nothingKnown({ entry }: TechnicianClaim): Verdict {
  return { reason: 'WindowUnreadable', message: `The window of ${entry.name} cannot be read.` }
}

/** Needs the link alone: an invitation is accepted by naming the first technician. */
function partnerPeople({ link, grant, partner }: Known, roles: readonly Role[]): readonly string[] {
  if (!grant || grant.deleting || grant.unguarded || !partner || partner.deleting) return []
  if (partner.ref.name !== linkedPartner(link)) return []
  if (partner.suspended || !partner.accredited || !partner.signInReady) return []
  return holdersOf(partner, roles)
}

/** What the grant says now, if its partner is linked: what `kubectl` shows as ACCESS. */
export function accessNow({ grant, link }: Known, now: EpochMs): GrantAccess {
  return grant && linkedPartner(link) === grant.partner ? grantAccess(grant, now) : 'None'
}

function nextChangeOf(claims: readonly TechnicianClaim[], now: EpochMs): EpochMs | undefined {
  return earliestOf(
    claims.map(technicianWindow).map((window) => window && nextBoundary(window, now)),
  )
}
