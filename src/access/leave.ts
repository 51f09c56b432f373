// A partner that leaves for good: its SuperAdmin deletes the grant, also one that the platform's
// spec.partner has written. Status records it, and spec.partner is not followed again until it names
// somebody else. While that field stands, only the partner and the platform may delete the grant.

import type { CustomerOrganization, PartnerAccessGrant } from '../api/kinds.generated.ts'
import type { Namespace } from '../api/resources.ts'

/** The partner that spec.partner names and that has left; `undefined`: none. */
export function partnerWhoLeft(
  { metadata, spec, status }: CustomerOrganization,
  grant: PartnerAccessGrant | undefined,
  namespace: Namespace | undefined,
): string | undefined {
  const named = spec.partner?.partnerRef.name
  if (named === undefined) return undefined
  const isBeingDeleted = grant?.metadata.deletionTimestamp !== undefined
  // It goes with its surroundings: nobody has left.
  const goesAlong = metadata.deletionTimestamp ?? namespace?.metadata.deletionTimestamp
  if (isBeingDeleted && goesAlong !== undefined) return undefined
  if (status?.partner?.left === named) return named
  return isBeingDeleted && grant.spec.partnerRef.name === named ? named : undefined
}
