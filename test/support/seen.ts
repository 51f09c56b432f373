// What is known of one customer with a partner and an open window, for tests of its plans. Every part can be changed.
import type { Customer, MemberFact, Partner } from '../../src/access/organization.ts'
import { finalizer, labels } from '../../src/api/names.ts'
import type { ClusterRole } from '../../src/api/resources.ts'
import type { Seen } from '../../src/customers/gather.ts'

export const now = Date.parse('2026-12-01T12:00:00Z')
export const hour = 3_600_000

export function member(name: string, role: string): MemberFact {
  const organization = { kind: 'customer', name: 'northwind' } as const
  const claims = [{ organization, since: 0, uid: name, recorded: true }]
  return {
    source: 'member',
    object: name,
    uid: name,
    since: 0,
    person: { name, claims, fits: [] },
    role,
    recordedRole: undefined,
    deleting: false,
  }
}

export function partnerMember(name: string): MemberFact {
  const organization = { kind: 'partner', name: 'fabrikam' } as const
  const claims = [{ organization, since: 0, uid: name, recorded: true }]
  return { ...member(name, 'User'), person: { name, claims, fits: [] } }
}

export const northwind: Customer = {
  ref: { kind: 'customer', name: 'northwind' },
  uid: '00000000-0000-4000-8000-000000000001',
  deleting: false,
  usernames: 'none',
  members: [member('olga', 'Admin'), member('vera', 'Viewer')],
  portalActive: true,
}

export const fabrikam: Partner = {
  ref: { kind: 'partner', name: 'fabrikam' },
  uid: '00000000-0000-4000-8000-000000000002',
  deleting: false,
  usernames: 'none',
  members: [partnerMember('tina')],
  accredited: true,
  suspended: false,
  signInReady: true,
}

export const template: ClusterRole = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'tenantry:technician-full' },
  rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }],
}

export function seen(change: Partial<Seen> = {}, known: Partial<Seen['known']> = {}): Seen {
  return {
    object: {
      apiVersion: 'tenantry.dev/v1alpha1',
      kind: 'CustomerOrganization',
      metadata: {
        name: 'northwind',
        uid: '00000000-0000-4000-8000-000000000001',
        finalizers: [finalizer],
      },
      spec: {},
    },
    known: {
      customer: northwind,
      ancestors: [],
      link: { state: 'Linked', epoch: 1, partner: 'fabrikam' },
      grant: {
        partner: 'fabrikam',
        relationship: 'Invited',
        mode: 'Period',
        window: { notBefore: '2026-12-01T08:00:00Z', notAfter: '2026-12-01T13:00:00Z' },
        maxScope: 'Full',
        technicians: [{ name: 'tina', scope: 'Full' }],
        deleting: false,
      },
      partner: fabrikam,
      skewMs: 0,
      ...known,
    },
    ancestry: { outcome: 'found', ancestors: [] },
    namespace: 'customer-northwind',
    namespaceObject: {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'customer-northwind', labels: { [labels.customer]: 'northwind' } },
    },
    grant: undefined,
    bindings: [],
    jobs: [],
    templates: { Full: template, ReadOnly: template, Impersonate: template },
    impersonations: { roles: [], bindings: [] },
    leavingPeople: [],
    databaseLogins: new Set(),
    partnerIsHome: true,
    loginRoles: [],
    partnerContact: () => undefined,
    nestedCustomers: [],
    basis: {
      customer: northwind.uid,
      customerName: 'northwind',
      objects: [],
      isGone: () => false,
      accepts: false,
    },
    creators: new Map(),
    identityProvider: undefined,
    devices: 0,
    deletions: undefined,
    ...change,
  }
}
