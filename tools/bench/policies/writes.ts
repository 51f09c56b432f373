// The writes that policies are measured by: of the kinds that they guard, each as the person who has the right, and of others.
// Every one changes the object, so that the API server has all of its work to do.

export type Write = {
  readonly what: string
  /** Ours: guarded, and may cost a fifth more; others: nothing. */
  readonly of: 'ours' | 'others'
  readonly by: 'person' | 'partner' | 'platform'
  /** One request; the number makes it another one each time. */
  readonly request: (count: number) => readonly [method: string, path: string, body: object]
}

const group = '/apis/tenantry.dev/v1alpha1'
export const inside = 'customer-bench'
const within = `${group}/namespaces/${inside}`
const rbac = '/apis/rbac.authorization.k8s.io/v1'

const label = (count: number) => ({ metadata: { labels: { count: String(count) } } })
const marks = (path: string) => (count: number) => ['PATCH', path, label(count)] as const
export const technicians = (count: number) =>
  Array.from({ length: 20 }, (_, index) => ({
    name: `bench:tech-${index}`,
    scope: 'ReadOnly',
    reason: `reason ${count}`,
  }))

export const writes: readonly Write[] = [
  {
    what: 'OrganizationMember: another role',
    of: 'ours',
    by: 'person',
    request: (count) => [
      'PATCH',
      `${within}/organizationmembers/vera`,
      { spec: { role: count % 2 === 0 ? 'Viewer' : 'Editor' } },
    ],
  },
  {
    what: 'OrganizationMember: created',
    of: 'ours',
    by: 'person',
    request: (count) => [
      'POST',
      `${within}/organizationmembers`,
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'OrganizationMember',
        metadata: { name: `new-${count}` },
        spec: { user: `new-${count}@bench.example`, role: 'Viewer' },
      },
    ],
  },
  {
    what: 'PartnerAccessGrant: 20 technicians',
    of: 'ours',
    by: 'partner',
    request: (count) => [
      'PATCH',
      `${within}/partneraccessgrants/partner`,
      { spec: { technicians: technicians(count) } },
    ],
  },
  {
    what: 'PartnerAccessGrant: the window',
    of: 'ours',
    by: 'person',
    request: (count) => [
      'PATCH',
      `${within}/partneraccessgrants/partner`,
      { spec: { access: { maxScope: count % 2 === 0 ? 'Full' : 'ReadOnly' } } },
    ],
  },
  {
    what: 'CustomerLink: a label',
    of: 'ours',
    by: 'person',
    request: marks(`${within}/customerlinks/nested`),
  },
  {
    what: 'DeviceAssignment: 100 devices',
    of: 'ours',
    by: 'person',
    request: (count) => [
      'PATCH',
      `${within}/deviceassignments/batch`,
      {
        spec: {
          devices: Array.from({ length: 100 }, (_, index) => ({
            id: `device-${index}`,
            name: `name ${count}`,
          })),
        },
      },
    ],
  },
  {
    what: 'CustomerOrganization: display name',
    of: 'ours',
    by: 'platform',
    request: (count) => [
      'PATCH',
      `${group}/customerorganizations/bench`,
      { spec: { displayName: `Bench ${count}` } },
    ],
  },
  {
    what: 'RoleBinding in a customer',
    of: 'ours',
    by: 'platform',
    request: marks(`${rbac}/namespaces/${inside}/rolebindings/person`),
  },
  {
    what: 'Service in a customer: a label',
    of: 'ours',
    by: 'person',
    request: marks(`/api/v1/namespaces/${inside}/services/any`),
  },
  {
    what: 'ConfigMap in a customer',
    of: 'others',
    by: 'person',
    request: marks(`/api/v1/namespaces/${inside}/configmaps/any`),
  },
  {
    what: 'Job in a customer',
    of: 'others',
    by: 'person',
    request: marks(`/apis/batch/v1/namespaces/${inside}/jobs/any`),
  },
  {
    what: 'ConfigMap elsewhere',
    of: 'others',
    by: 'platform',
    request: marks('/api/v1/namespaces/default/configmaps/any'),
  },
  {
    what: 'RoleBinding elsewhere',
    of: 'others',
    by: 'platform',
    request: marks(`${rbac}/namespaces/default/rolebindings/any`),
  },
  {
    what: 'Job elsewhere',
    of: 'others',
    by: 'platform',
    request: marks('/apis/batch/v1/namespaces/default/jobs/any'),
  },
  {
    what: 'Namespace of nobody',
    of: 'others',
    by: 'platform',
    request: marks('/api/v1/namespaces/default'),
  },
]
