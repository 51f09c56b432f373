// What the platform decides in `spec.partner`, as it goes into the customer's grant under a field
// manager of its own. What is left out there the parties decide, and this never touches it.

import { partnerWhoLeft } from '../access/leave.ts'
import { apiVersion, grantName } from '../api/names.ts'
import type { PartnerAccessGrant } from '../api/kinds.generated.ts'
import type { Seen } from './gather.ts'

export type GrantSpec = Pick<PartnerAccessGrant, 'apiVersion' | 'kind' | 'metadata' | 'spec'>

export function planGrant(seen: Seen): GrantSpec | undefined {
  const { object, namespace, namespaceObject, grant } = seen
  const { partner } = object.spec
  if (!partner) return undefined
  // A grant that is being deleted ends first; the next one is written when it is gone.
  if (grant?.metadata.deletionTimestamp) return undefined
  if (partnerWhoLeft(object, grant, namespaceObject) !== undefined) return undefined
  return {
    apiVersion,
    kind: 'PartnerAccessGrant',
    metadata: { name: grantName, namespace },
    spec: partner,
  }
}
