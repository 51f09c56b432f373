// Every reason why an entry in a grant gives nothing, in the order in which we tell it.
// Holds ONE-PARTNER (the first checks) and NO-LATE (the last). What a check cannot read, it
// objects to: nobody enters by a window that nobody understands.

import type { Verdict } from '../api/reasons.ts'
import { formatTime, type EpochMs } from '../api/time.ts'
import {
  grantWindow,
  isDisabled,
  unguardedGrant,
  type Grant,
  type TechnicianEntry,
} from './grant.ts'
import {
  clusterCannotImpersonate,
  impersonationIsIncomplete,
  impersonationIsNotAllowed,
  someoneMayNotBeActedAs,
  untilForgotten,
  type OwnRoles,
} from './impersonation.ts'
import type { Role } from './members.ts'
import type { Partner } from './organization.ts'
import { partnerNotLinked } from './partner-objection.ts'
import { both, byBothClocks, phaseOf, windowOf, type Window } from './window.ts'

export type TechnicianClaim = {
  readonly customer: string
  readonly grant: Grant
  readonly entry: TechnicianEntry
  /** The partner that the grant names; `undefined` when it does not exist. */
  readonly partner: Partner | undefined
  /** The role that this person holds in the partner; `undefined` for who holds none there. */
  readonly partnerRole: Role | undefined
  /** The partner that is linked now, if any. */
  readonly linkedPartner: string | undefined
  readonly skewMs: number
  readonly ownRoles: OwnRoles
  /** The cluster does not know constrained impersonation. */
  readonly lacksImpersonation: boolean
}

type Check = (claim: TechnicianClaim, now: EpochMs) => Verdict | undefined

const checks: readonly Check[] = [
  policyWasMissing,
  partnerIsMissing,
  partnerIsNotLinked, // the next partner is written down, but the last one is not proven out
  partnerIsSuspended,
  partnerIsNotAccredited,
  partnerHasNoSignIn,
  grantIsDisabled,
  personIsNoMember,
  ...[
    clusterCannotImpersonate,
    impersonationIsNotAllowed,
    impersonationIsIncomplete,
    someoneMayNotBeActedAs,
  ].map(ofImpersonation),
  scopeIsAboveMax, // never narrowed in silence: it gives nothing and says so
  windowIsUnreadable,
  windowHasEnded, // last: the one answer that time alone can bring
]

/** A check of entries of scope Impersonate alone, under its own name. */
function ofImpersonation(check: Check): Check {
  const limited: Check = (claim, now) =>
    claim.entry.scope === 'Impersonate' ? check(claim, now) : undefined
  return Object.defineProperty(limited, 'name', { value: check.name })
}

export function technicianObjection(claim: TechnicianClaim, now: EpochMs): Verdict | undefined {
  for (const check of checks) {
    const objection = check(claim, now)
    if (objection) return objection
  }
  return undefined
}

export type TechnicianStep = { readonly fault: string; readonly found: Verdict | undefined }

/** The same checks one by one, to the first that objects: how the decision is explained. */
export function technicianSteps(claim: TechnicianClaim, now: EpochMs): readonly TechnicianStep[] {
  const steps = checks.map((check) => ({ fault: check.name, found: check(claim, now) }))
  const last = steps.findIndex(({ found }) => found !== undefined)
  return last < 0 ? steps : steps.slice(0, last + 1)
}

/** The tighter of the grant's window and the entry's own, by the stricter of the clocks. */
export function technicianWindow({ grant, entry, skewMs }: TechnicianClaim): Window | undefined {
  const ofGrant = grantWindow(grant)
  const ofEntry = windowOf(entry)
  const window = ofGrant && ofEntry && byBothClocks(both(ofGrant, ofEntry), skewMs)
  return window && entry.scope === 'Impersonate' ? untilForgotten(window) : window
}

function policyWasMissing({ grant, customer }: TechnicianClaim): Verdict | undefined {
  return grant.unguarded ? unguardedGrant(customer) : undefined
}

function partnerIsMissing({ partner, grant }: TechnicianClaim): Verdict | undefined {
  if (partner && !partner.deleting) return undefined
  return {
    reason: 'PartnerNotFound',
    message: `There is no partner ${grant.partner}. Create it, or correct spec.partnerRef.name.`,
  }
}

function partnerIsNotLinked(claim: TechnicianClaim): Verdict | undefined {
  const { grant, linkedPartner, customer } = claim
  if (!grant.deleting && grant.partner === linkedPartner) return undefined
  return partnerNotLinked(grant.partner, customer)
}

function partnerIsSuspended({ partner, grant }: TechnicianClaim): Verdict | undefined {
  if (!partner?.suspended) return undefined
  return {
    reason: 'Suspended',
    message: `Partner ${grant.partner} is suspended by the platform. Access returns when spec.suspended is false.`,
  }
}

function partnerIsNotAccredited({ partner, grant }: TechnicianClaim): Verdict | undefined {
  if (partner?.accredited) return undefined
  return {
    reason: 'NotAccredited',
    message: `Partner ${grant.partner} is not accredited. The platform sets spec.accredited.`,
  }
}

function partnerHasNoSignIn({ partner, grant }: TechnicianClaim): Verdict | undefined {
  if (partner?.signInReady) return undefined
  return {
    reason: 'SignInMissing',
    message: `Partner ${grant.partner} has no identity provider. Write an IdentityProvider named sso in its namespace.`,
  }
}

function grantIsDisabled({ grant, customer }: TechnicianClaim): Verdict | undefined {
  if (!isDisabled(grant)) return undefined
  return {
    reason: 'AccessDisabled',
    message: `Access to ${customer} is disabled. It returns when spec.access.mode is Continuous or Period.`,
  }
}

function personIsNoMember({ partnerRole, entry, grant }: TechnicianClaim): Verdict | undefined {
  if (partnerRole) return undefined
  // Why a member holds nothing is the partner's own business; its member object says it.
  return {
    reason: 'NotAMember',
    message: `${entry.name} is no member of ${grant.partner} who holds a role there. Add or correct the OrganizationMember in the partner's namespace.`,
  }
}

function scopeIsAboveMax({ entry, grant }: TechnicianClaim): Verdict | undefined {
  if (entry.scope !== 'Full' || grant.relationship === 'Managed' || grant.maxScope === 'Full')
    return undefined
  return {
    reason: 'ScopeAboveMax',
    message: `Scope Full of ${entry.name} is above spec.access.maxScope ReadOnly, so the entry gives nothing. Lower the one or raise the other.`,
  }
}

function windowIsUnreadable(claim: TechnicianClaim): Verdict | undefined {
  if (technicianWindow(claim)) return undefined
  return {
    reason: 'WindowUnreadable',
    message: `The window of ${claim.entry.name} cannot be read, or ends before it starts. Write RFC 3339 times with an offset, such as 2026-12-01T08:00:00+01:00.`,
  }
}

function windowHasEnded(claim: TechnicianClaim, now: EpochMs): Verdict | undefined {
  const window = technicianWindow(claim)
  if (!window || phaseOf(window, now) !== 'After') return undefined
  const end = window.notAfter === 'open' ? '' : ` at ${formatTime(window.notAfter)}`
  return {
    reason: 'WindowEnded',
    message: `The window of ${claim.entry.name} ended${end}. A new window opens access again.`,
  }
}
