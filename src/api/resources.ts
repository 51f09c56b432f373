// Every kind that Tenantry reads or writes, as the API server addresses it. Static: no discovery.
import type {
  CustomerLink,
  CustomerOrganization,
  DeviceAssignment,
  IdentityProvider,
  OrganizationMember,
  PartnerAccessGrant,
  PartnerOrganization,
} from './kinds.generated.ts'
import type { ObjectMeta } from './object.ts'

/** `_type` exists for the compiler alone: it carries the object's type to `get` and `list`. */
export type ResourceOf<T> = {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
  readonly _type?: T
}

type Plain = { readonly apiVersion: string; readonly kind: string; readonly metadata: ObjectMeta }

export type Namespace = Plain
/** Metadata only: the operator never watches what is inside a Secret. */
export type SecretMetadata = Plain
export type Secret = Plain & { readonly type?: string; readonly data?: Record<string, string> }
export type ResourceQuota = Plain & {
  readonly spec?: { readonly hard?: Record<string, string> }
  readonly status?: unknown
}
export type LimitRange = Plain & { readonly spec?: unknown }
export type NetworkPolicy = Plain & { readonly spec?: unknown }
export type Subject = {
  readonly kind: string
  readonly name: string
  readonly apiGroup?: string
  readonly namespace?: string
}
export type RoleRef = { readonly apiGroup: string; readonly kind: string; readonly name: string }
export type RoleBinding = Plain & {
  readonly roleRef: RoleRef
  readonly subjects?: readonly Subject[]
}
export type ClusterRoleBinding = RoleBinding
export type PolicyRule = {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}
export type ClusterRole = Plain & { readonly rules?: readonly PolicyRule[] | null }
export type RbacRole = Plain & { readonly rules?: readonly PolicyRule[] | null }
/** A Job without pods: its time to live is the dead man's switch of a window. */
export type Job = Plain & {
  readonly spec?: {
    readonly completions?: number
    readonly parallelism?: number
    readonly ttlSecondsAfterFinished?: number
    readonly template?: unknown
  }
  readonly status?: { readonly completionTime?: string }
}
/** An admission policy's own rules are never read: that it is there, and bound to deny. */
export type Policy = Plain
export type PolicyBinding = Plain & {
  readonly spec?: { readonly policyName?: string; readonly validationActions?: readonly string[] }
}
export type SelfReview = {
  readonly status?: { readonly userInfo?: { readonly username?: string } }
}

function tenantry<T>(kind: string, plural: string, namespaced: boolean): ResourceOf<T> {
  return { group: 'tenantry.dev', version: 'v1alpha1', kind, plural, namespaced }
}

function rbac<T>(kind: string, plural: string, namespaced: boolean): ResourceOf<T> {
  return { group: 'rbac.authorization.k8s.io', version: 'v1', kind, plural, namespaced }
}

function core<T>(kind: string, plural: string, namespaced: boolean): ResourceOf<T> {
  return { group: '', version: 'v1', kind, plural, namespaced }
}

function admission<T>(kind: string, plural: string): ResourceOf<T> {
  return {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind,
    plural,
    namespaced: false,
  }
}

export const resources = {
  partners: tenantry<PartnerOrganization>('PartnerOrganization', 'partnerorganizations', false),
  customers: tenantry<CustomerOrganization>('CustomerOrganization', 'customerorganizations', false),
  members: tenantry<OrganizationMember>('OrganizationMember', 'organizationmembers', true),
  identityProviders: tenantry<IdentityProvider>('IdentityProvider', 'identityproviders', true),
  grants: tenantry<PartnerAccessGrant>('PartnerAccessGrant', 'partneraccessgrants', true),
  devices: tenantry<DeviceAssignment>('DeviceAssignment', 'deviceassignments', true),
  links: tenantry<CustomerLink>('CustomerLink', 'customerlinks', true),
  namespaces: core<Namespace>('Namespace', 'namespaces', false),
  definitions: {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    namespaced: false,
  } as ResourceOf<Plain>,
  secrets: core<SecretMetadata>('Secret', 'secrets', true),
  quotas: core<ResourceQuota>('ResourceQuota', 'resourcequotas', true),
  limitRanges: core<LimitRange>('LimitRange', 'limitranges', true),
  networkPolicies: {
    group: 'networking.k8s.io',
    version: 'v1',
    kind: 'NetworkPolicy',
    plural: 'networkpolicies',
    namespaced: true,
  } satisfies ResourceOf<NetworkPolicy> as ResourceOf<NetworkPolicy>,
  jobs: {
    group: 'batch',
    version: 'v1',
    kind: 'Job',
    plural: 'jobs',
    namespaced: true,
  } satisfies ResourceOf<Job> as ResourceOf<Job>,
  roleBindings: rbac<RoleBinding>('RoleBinding', 'rolebindings', true),
  roles: rbac<RbacRole>('Role', 'roles', true),
  selfReviews: {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectReview',
    plural: 'selfsubjectreviews',
    namespaced: false,
  } satisfies ResourceOf<SelfReview> as ResourceOf<SelfReview>,
  clusterRoles: rbac<ClusterRole>('ClusterRole', 'clusterroles', false),
  clusterRoleBindings: rbac<ClusterRoleBinding>('ClusterRoleBinding', 'clusterrolebindings', false),
  policies: admission<Policy>('ValidatingAdmissionPolicy', 'validatingadmissionpolicies'),
  policyBindings: admission<PolicyBinding>(
    'ValidatingAdmissionPolicyBinding',
    'validatingadmissionpolicybindings',
  ),
} as const

export function apiVersionOf(resource: ResourceOf<unknown>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}
