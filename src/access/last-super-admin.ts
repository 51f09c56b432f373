// The SuperAdmin whom status keeps: who was removed or lowered as the last one stays effective until
// there is another, so that two who remove each other leave one (TH-22), also over a restart.

import { formatTime, type EpochMs } from '../api/time.ts'
import { standingsOf, type Standing } from './members.ts'
import type { Organization } from './organization.ts'

export type SuperAdminRecord = { readonly user: string; readonly since: string }

/** Whoever is on record stays there while in effect; else the oldest SuperAdmin. */
export function superAdminStatus(
  organization: Organization,
  before: SuperAdminRecord | undefined,
  now: EpochMs,
): SuperAdminRecord | undefined {
  const names = superAdmins(standingsOf(organization)).map(({ member }) => member.person.name)
  if (before && names.includes(before.user)) return before
  const [first] = names
  return first === undefined ? before : { user: first, since: formatTime(now) }
}

/** Nobody else of the organization is a SuperAdmin: this member can be neither removed nor lowered. */
export function isLastSuperAdmin(standing: Standing, all: readonly Standing[]): boolean {
  return standing.holds === 'SuperAdmin' && superAdmins(all).length === 1
}

function superAdmins(standings: readonly Standing[]): readonly Standing[] {
  return standings.filter(({ holds }) => holds === 'SuperAdmin')
}
