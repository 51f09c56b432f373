// Who wrote a member down, and for which partner. The cluster stamps it at creation (the policies tenantry-created-by), a later
// apply may drop it: status keeps what was found at first sight, also when that was nothing.

import type { OrganizationMember } from '../api/kinds.generated.ts'
import { annotations } from '../api/names.ts'
import type { Directory } from './facts.ts'
import { homeOf } from './home.ts'

export type Creator = {
  readonly user: string
  /** The partner to which this person belonged. */
  readonly partner?: string
}

export function creatorOf(
  directory: Directory,
  { metadata, status }: OrganizationMember,
): Creator | undefined {
  if (status) return status.createdBy
  const user = metadata.annotations?.[annotations.createdBy]
  // Without the policy anybody may have written any name.
  if (user === undefined || directory.policyIsMissing('tenantry-created-by')) return undefined
  const home = homeOf({ name: user, claims: directory.claimsOn(user), fits: [] })
  return { user, ...(home?.kind === 'partner' && { partner: home.name }) }
}
