// Which parts of its grant a customer's own SuperAdmins decide. What the platform has decided, by a
// Managed relationship or in spec.partner, they only see; their bindings follow from this, so that
// `kubectl auth can-i` answers truly.

import type { CustomerOrganization } from '../api/kinds.generated.ts'
import type { Grant } from './grant.ts'

export type GrantPart = 'partner' | 'access'

export function partsOfTheCustomer(
  { spec: { partner } }: CustomerOrganization,
  grant: Grant | undefined,
): readonly GrantPart[] {
  if (partner?.relationship === 'Managed' || grant?.relationship === 'Managed') return []
  const parts: GrantPart[] = []
  if (!partner) parts.push('partner')
  if (!partner?.access) parts.push('access')
  return parts
}
