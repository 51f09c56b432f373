// What an organization's own people may be in it: the effective role of each, or why there is none.
// Holds ONE-HOME. Bindings, member status, HasAdmin and the technicians' check all ask here.
// A role that was left out is decided once (the first becomes SuperAdmin) and then kept by status.
// An organization that had a SuperAdmin keeps one: the last on record, until there is another.

import type { Verdict } from '../api/reasons.ts'
import { isHome } from './home.ts'
import { sameOrganization, type MemberFact, type Organization } from './organization.ts'

export const partnerRoles = ['SuperAdmin', 'Admin', 'User'] as const
export const customerRoles = ['SuperAdmin', 'Admin', 'Editor', 'Viewer'] as const
export type Role = (typeof partnerRoles)[number] | (typeof customerRoles)[number]

export type Standing = { readonly member: MemberFact } & (
  { readonly holds: Role } | { readonly holds: 'Nothing'; readonly why: Verdict }
)

/** Every member and owner of the organization, the oldest first; owners before members. */
export function standingsOf(organization: Organization): readonly Standing[] {
  const members = [...organization.members].sort(byAge)
  const seen = new Set<string>()
  const judged = members.map((member): { member: MemberFact; why: Verdict | undefined } => {
    const why = firstObjection(member, organization, seen)
    if (!why) seen.add(member.person.name)
    return { member, why }
  })
  let hasSuperAdmin = judged.some(
    ({ member, why }) => !why && writtenRole(member, organization) === 'SuperAdmin',
  )
  const last = hasSuperAdmin ? undefined : lastOnRecord(organization)
  if (last) hasSuperAdmin = true
  const isLast = ({ person }: MemberFact) => person.name === last?.person.name
  const standings = judged.map(({ member, why }): Standing => {
    if (why) return { member, holds: 'Nothing', why }
    if (isLast(member)) return { member, holds: 'SuperAdmin' }
    const written = writtenRole(member, organization)
    if (written) return { member, holds: written }
    const role = hasSuperAdmin ? lowestRole(organization) : 'SuperAdmin'
    if (role === 'SuperAdmin') hasSuperAdmin = true
    return { member, holds: role }
  })
  if (!last || standings.some(({ member, holds }) => holds !== 'Nothing' && isLast(member)))
    return standings
  return [...standings, { member: last, holds: 'SuperAdmin' }]
}

/** Whoever was removed or lowered although nobody else is left; still somebody of this home. */
function lastOnRecord(organization: Organization): MemberFact | undefined {
  const { lastSuperAdmin: last } = organization
  return last && !firstObjection(last, organization, new Set()) ? last : undefined
}

/** Who holds one of the roles, by name. */
export function holdersOf(organization: Organization, roles: readonly Role[]): readonly string[] {
  return standingsOf(organization)
    .filter(({ holds }) => holds !== 'Nothing' && roles.includes(holds))
    .map(({ member }) => member.person.name)
}

/** The role that somebody wrote, or that status has kept; `undefined` while it is still open. */
function writtenRole(member: MemberFact, organization: Organization): Role | undefined {
  if (member.source !== 'member') return 'SuperAdmin'
  return rolesOf(organization).find((role) => role === (member.role ?? member.recordedRole))
}

function rolesOf({ ref }: Organization): readonly Role[] {
  return ref.kind === 'partner' ? partnerRoles : customerRoles
}

function lowestRole({ ref }: Organization): Role {
  return ref.kind === 'partner' ? 'User' : 'Viewer'
}

type Check = (
  member: MemberFact,
  organization: Organization,
  seen: ReadonlySet<string>,
) => Verdict | undefined

/** In the order in which we tell it. */
const checks: readonly Check[] = [
  policyWasMissing, // first: status has to remember it
  memberIsLeaving,
  nameIsReserved,
  patternBelongsToOlder,
  nameIsOutsidePattern,
  nameFitsAnother,
  homeIsElsewhere,
  roleIsUnknown,
  personIsWrittenTwice,
]

function firstObjection(
  member: MemberFact,
  organization: Organization,
  seen: ReadonlySet<string>,
): Verdict | undefined {
  for (const check of checks) {
    const objection = check(member, organization, seen)
    if (objection) return objection
  }
  return undefined
}

function policyWasMissing({ unguarded, person }: MemberFact): Verdict | undefined {
  if (!unguarded) return undefined
  return {
    reason: 'PolicyMissing',
    message: `The entry of ${person.name} was written while the policy tenantry-members was missing, so nobody can tell by what right. The platform applies the chart again; then remove the entry and add it anew.`,
  }
}

function memberIsLeaving({ deleting, person }: MemberFact): Verdict | undefined {
  if (!deleting) return undefined
  return { reason: 'Deleting', message: `The entry of ${person.name} is being deleted.` }
}

function nameIsReserved({ person }: MemberFact): Verdict | undefined {
  if (!person.name.startsWith('system:')) return undefined
  return {
    reason: 'NameReserved',
    message: `${person.name} is a name that Kubernetes keeps for itself. Write the name by which the person signs in.`,
  }
}

function patternBelongsToOlder(
  _member: MemberFact,
  { ref, usernames }: Organization,
): Verdict | undefined {
  if (usernames !== 'later') return undefined
  return {
    reason: 'UsernamesConflict',
    // ISOLATED: whose the older pattern is stays unsaid, since the organization reads this.
    message: `spec.usernames of ${ref.name} overlaps an older organization's. Its people get nothing until it has a pattern of its own.`,
  }
}

function nameIsOutsidePattern({ person }: MemberFact, organization: Organization) {
  const { usernames, ref } = organization
  if (usernames === 'none' || person.fits.some((fit) => sameOrganization(fit, ref)))
    return undefined
  return {
    reason: 'UsernameOutsidePattern',
    message: `${person.name} does not match spec.usernames of ${ref.name}. Correct the name or the pattern.`,
  } satisfies Verdict
}

function nameFitsAnother({ person }: MemberFact, { ref }: Organization): Verdict | undefined {
  if (person.fits.every((fit) => sameOrganization(fit, ref))) return undefined
  return {
    reason: 'UsernameOfAnother',
    message: `${person.name} matches the user names of another organization. A person belongs to one organization: correct the name.`,
  }
}

function homeIsElsewhere({ person }: MemberFact, { ref }: Organization): Verdict | undefined {
  if (isHome(person, ref)) return undefined
  return {
    reason: 'PersonHasOtherHome',
    message: `${person.name} belongs to another organization already. Have the person removed there first, or use another user name.`,
  }
}

function roleIsUnknown({ role }: MemberFact, organization: Organization): Verdict | undefined {
  const roles = rolesOf(organization)
  if (role === undefined || roles.some((known) => known === role)) return undefined
  return {
    reason: 'RoleUnknown',
    message: `A ${organization.ref.kind} has no role ${role}. Write one of ${roles.join(', ')}.`,
  }
}

function personIsWrittenTwice(
  { person }: MemberFact,
  { ref }: Organization,
  seen: ReadonlySet<string>,
): Verdict | undefined {
  if (!seen.has(person.name)) return undefined
  return {
    reason: 'DuplicateMember',
    message: `${person.name} is written down twice in ${ref.name}; the older entry counts. Remove this one.`,
  }
}

function byAge(a: MemberFact, b: MemberFact): number {
  if (a.source !== b.source) return a.source === 'owner' ? -1 : 1
  if (a.since !== b.since) return a.since - b.since
  return a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0
}
