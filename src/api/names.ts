// The words that clusters see: group, labels, annotations, namespaces, finalizers, field managers.
// A name is made from an organization's name only where the API server has bounded it (54
// characters, a DNS label); PostgreSQL's names come from the UID and live in databases/names.ts.

import type { ObjectMeta } from './object.ts'

export const apiGroup = 'tenantry.dev'
export const apiVersion = 'tenantry.dev/v1alpha1'

export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  customer: 'tenantry.dev/customer',
  partner: 'tenantry.dev/partner',
  /** On ClusterRoles: which template of the chart a technicians' role was made from. */
  scope: 'tenantry.dev/scope',
  /** On ClusterRoles: `technician` and `organization` in the chart, `copy` on those made from it. */
  template: 'tenantry.dev/template',
  /** On ClusterRoles of the platform: `partner` or `customer`, whose members' permissions may name it. */
  permission: 'tenantry.dev/permission',
  /** On what an end closes: that end, in seconds since the epoch. */
  end: 'tenantry.dev/end',
  /** On RoleBindings: what kind of people it lets in. */
  audience: 'tenantry.dev/audience',
  /** On what belongs to one person's logins: a digest of organization and user name. */
  person: 'tenantry.dev/person',
} as const

export const managedBy = 'tenantry'

/** Carries the mark of what the operator has made. */
export function isOurs({ metadata }: { readonly metadata: ObjectMeta }): boolean {
  return metadata.labels?.[labels.managedBy] === managedBy
}

export const annotations = {
  appliedHash: 'tenantry.dev/applied-hash',
  confirmDelete: 'tenantry.dev/confirm-delete',
  createdBy: 'tenantry.dev/created-by',
  /** On a customer: people, by commas, whose access from elsewhere the platform knows and accepts. */
  confirmForeignAccess: 'tenantry.dev/confirm-foreign-access',
  /** On a customer: the generation of its grant that the platform has looked at and accepts. */
  confirmGrant: 'tenantry.dev/confirm-grant',
  /** What a restore has brought back is meant. */
  confirmRestored: 'tenantry.dev/confirm-restored',
  /** On a customer: in which organization's namespace it was created by a CustomerLink. */
  createdFrom: 'tenantry.dev/created-from',
  /** On what lets a technician act as somebody: why; and since when it does no longer. */
  reason: 'tenantry.dev/reason',
  closedAt: 'tenantry.dev/closed-at',
  /** On a customer, whatever somebody writes: a new value asks for new passwords. On an application's Secret: the last it followed. */
  rotate: 'tenantry.dev/rotate',
  /** On an application's Secret: digests of those who can read it. */
  readers: 'tenantry.dev/readers',
  /** On an application's Secret: since when its password is this one, if another was before. */
  rotatedAt: 'tenantry.dev/rotated-at',
  /** On the operator's leases: which replica asks for it; and into how many shards the organizations are cut. */
  askedBy: 'tenantry.dev/asked-by',
  shards: 'tenantry.dev/shards',
  /** The user name that something is for; a label could not hold it. */
  user: 'tenantry.dev/user',
} as const

/** The lease of a shard: the first has the name that a single one has. */
export function leaseOf(lease: string, shard: number): string {
  return shard === 0 ? lease : `${lease}-${shard}`
}

/** Holds an organization until everybody is out and the policies of its deletion are carried out. */
export const finalizer = 'tenantry.dev/access'

export const fieldManagers = {
  children: 'tenantry',
  status: 'tenantry-status',
  /** What `corg.spec.partner` and `spec.identityProvider` put into objects that others may write. */
  platform: 'tenantry-platform',
} as const

export const grantName = 'partner'
export const identityProviderName = 'sso'
export const selfLinkName = 'self'

export function customerNamespace(customer: string): string {
  return `customer-${customer}`
}

export function partnerNamespace(partner: string): string {
  return `partner-${partner}`
}

/** What lets one person read the Secrets of that person's own logins, in the organization's namespace. */
export function personRole(person: string): string {
  return `login-${person}`
}

/** The Secret of one person's login in one customer's database. */
export function personSecret(customer: string, person: string): string {
  return `login-${customer}-${person}`
}

/** @param secret a name from `personSecret` */
export function customerOfSecret(secret: string): string | undefined {
  return /^login-(.+)-[a-z2-7]{26}$/.exec(secret)?.[1]
}

/** The Secret of one person's login in the registry, which shows the devices of all customers that the person may enter. */
export function registrySecret(person: string): string {
  return `registry-${person}`
}

export function isRegistrySecret(secret: string): boolean {
  return /^registry-[a-z2-7]{26}$/.test(secret)
}

/** By which the operator holds, in an organization's namespace, what people's Secrets take. */
export const operatorBinding = 'tenantry-operator'
export const operatorLoginsRole = 'tenantry:operator-logins'

/** The organization whose namespace this is by name; the objects decide whether it exists. */
export function organizationOf(
  namespace: string,
): { readonly kind: 'customer' | 'partner'; readonly name: string } | undefined {
  if (namespace.startsWith('customer-')) return { kind: 'customer', name: namespace.slice(9) }
  if (namespace.startsWith('partner-')) return { kind: 'partner', name: namespace.slice(8) }
  return undefined
}

/** What lets one technician act as people of one customer. */
export function impersonationRole(customer: string, person: string): string {
  return `tenantry:impersonate:${customer}:${person}`
}

export type TechnicianScope = 'Full' | 'ReadOnly' | 'Impersonate'

/** The template of the chart that technicians' ClusterRoles are copied from. */
export function technicianTemplate(scope: TechnicianScope): string {
  return `tenantry:technician-${scope.toLowerCase()}`
}

/** One ClusterRole per partner, scope and end: deleting it voids every binding that names it. */
export function technicianRole(
  partner: string,
  scope: TechnicianScope,
  endSeconds: number | 'open',
): string {
  const role = `tenantry:${partner}:${scope.toLowerCase()}`
  return endSeconds === 'open' ? role : `${role}:${endSeconds}`
}
