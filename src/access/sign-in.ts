// What an organization's `spec.identityProvider` puts into the `sso` of its namespace. Left out
// there, the organization's admins write `sso` themselves, and nobody touches it.

import type {
  CustomerOrganization,
  IdentityProvider,
  PartnerOrganization,
} from '../api/kinds.generated.ts'
import { apiVersion, identityProviderName } from '../api/names.ts'

export type SignIn = Pick<IdentityProvider, 'apiVersion' | 'kind' | 'metadata' | 'spec'>

export function signInOf(
  { spec }: CustomerOrganization | PartnerOrganization,
  namespace: string,
): SignIn | undefined {
  if (!spec.identityProvider) return undefined
  return {
    apiVersion,
    kind: 'IdentityProvider',
    metadata: { name: identityProviderName, namespace },
    spec: spec.identityProvider,
  }
}
