// ONE-HOME: a person belongs to at most one organization. Every replica, asked at any time, gives
// the same answer: the recorded home stays, else the older claim wins, then the smaller UID.

import { sameOrganization, type Claim, type OrganizationRef, type Person } from './organization.ts'

/** The organization this person belongs to, if any organization claims the person. */
export function homeOf(person: Person): OrganizationRef | undefined {
  const [first, ...others] = person.claims
  if (!first) return undefined
  return others.reduce(stronger, first).organization
}

export function isHome(person: Person, organization: OrganizationRef): boolean {
  const home = homeOf(person)
  return home !== undefined && sameOrganization(home, organization)
}

function stronger(a: Claim, b: Claim): Claim {
  if (a.recorded !== b.recorded) return a.recorded ? a : b
  if (a.since !== b.since) return a.since < b.since ? a : b
  return a.uid <= b.uid ? a : b
}
