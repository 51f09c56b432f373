// When a technician may act as somebody of the customer, for support. Holds TH-08 and TH-09: one namespace, named people
// below SuperAdmin, an hour at most, a reason that is written down.
// The API server remembers a yes for ten seconds, whatever becomes of the right: so the window ends that much early.

import type { Verdict } from '../api/reasons.ts'
import type { Role } from './members.ts'
import type { TechnicianClaim } from './technician-checks.ts'
import type { Window } from './window.ts'

/** What is asked about whoever may act as others: no other right has this verb. */
export const impersonationVerb = 'impersonate-on:user-info:get'

/** How long the API server may go by a right that is gone. */
export const rememberedMs = 10_000
const longestMs = 3_600_000

/** What of a window lasts until every answer in it is forgotten at its end. */
export function untilForgotten({ notBefore, notAfter }: Window): Window {
  return { notBefore, notAfter: notAfter === 'open' ? notAfter : notAfter - rememberedMs }
}

export function clusterCannotImpersonate(claim: TechnicianClaim): Verdict | undefined {
  if (!claim.lacksImpersonation) return undefined
  return {
    reason: 'ImpersonationUnavailable',
    message: `This cluster does not offer constrained impersonation (Kubernetes 1.36 or newer). Give ${claim.entry.name} scope Full or ReadOnly.`,
  }
}

export function impersonationIsNotAllowed({ grant, entry }: TechnicianClaim): Verdict | undefined {
  if (grant.allowImpersonation) return undefined
  return {
    reason: 'ImpersonationNotAllowed',
    message: `Nobody may act as people of the customer: spec.access.allowImpersonation is not set. Whoever decides about access sets it, or give ${entry.name} scope Full or ReadOnly.`,
  }
}

/** The API refuses it too; what came in another way gives nothing either. */
export function impersonationIsIncomplete({ entry }: TechnicianClaim): Verdict | undefined {
  const { notBefore, notAfter, reason, actsAs = [] } = entry
  const lasts = Date.parse(notAfter ?? '') - Date.parse(notBefore ?? '')
  if (reason && actsAs.length > 0 && lasts <= longestMs) return undefined
  return {
    reason: 'ImpersonationIncomplete',
    message: `Scope Impersonate of ${entry.name} needs impersonate.users, a reason, and a window of at most 60 minutes with notBefore and notAfter.`,
  }
}

/** One who may not be acted as is enough: an entry is never narrowed in silence. */
export function someoneMayNotBeActedAs(claim: TechnicianClaim): Verdict | undefined {
  const { entry, customer, ownRoles } = claim
  const roles = (entry.actsAs ?? []).map((user) => ({ user, role: ownRoles.get(user) }))
  const refused = roles.find(({ role }) => !role || role === 'SuperAdmin')
  if (!refused) return undefined
  const { user, role } = refused
  return {
    reason: 'TargetNotAllowed',
    message: role
      ? `${user} is a SuperAdmin of ${customer}, and nobody acts as one. Name somebody of a lower role.`
      : `${user} is not somebody of ${customer} who may enter it now. Name its members, and see that its portal is on.`,
  }
}

/** Who may be acted as at all, by user name: the customer's own people while its portal is on. */
export type OwnRoles = ReadonlyMap<string, Role>
