// What a platform adds to the roles: a ClusterRole labelled `tenantry.dev/permission: partner` or `customer` may be named, by its
// own name, in the permissions of members of such organizations. One binding per permission that somebody holds, as for the roles.
// Pure. Holds ISOLATED: nothing else that a cluster has can be named.

import type { Group } from './bindings.ts'
import { standingsOf } from './members.ts'
import type { Organization } from './organization.ts'

/** @param entering whoever may enter now: without that a permission gives nothing */
export function permissionGroups(
  organization: Organization,
  entering: (person: string) => boolean,
): readonly Group[] {
  const holders = new Map<string, string[]>()
  for (const { member, holds } of standingsOf(organization)) {
    if (holds === 'Nothing' || !entering(member.person.name)) continue
    for (const permission of member.permissions ?? []) {
      holders.set(permission, [...(holders.get(permission) ?? []), member.person.name])
    }
  }
  return [...holders].map(([permission, people]) => ({
    audience: 'own',
    name: `permission-${permission}`,
    role: permission,
    people,
  }))
}
