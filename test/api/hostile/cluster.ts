// What anybody tries at what belongs to the whole cluster.
import { operatorUser } from '../../../tools/local/platform.ts'
import {
  people,
  forbidden,
  group,
  rbac,
  acme,
  beta,
  core,
  patches,
  role,
  binding,
  type Attempt,
} from './attempt.ts'

const admission = '/apis/admissionregistration.k8s.io/v1'
const asAnother = (user: string, more: Readonly<Record<string, string>> = {}) => ({
  'Impersonate-User': user,
  ...more,
})
export const ofTheCluster: readonly Attempt[] = [
  ['sara', 'make a ClusterRole', ['POST', `${rbac}/clusterroles`, role('ClusterRole')], forbidden],
  [
    'sara',
    'make a ClusterRole that would count as a permission',
    [
      'POST',
      `${rbac}/clusterroles`,
      role('ClusterRole', { labels: { 'tenantry.dev/permission': 'customer' } }),
    ],
    forbidden,
  ],
  [
    'sara',
    'make a ClusterRole that the operator would hold',
    [
      'POST',
      `${rbac}/clusterroles`,
      role('ClusterRole', { labels: { 'tenantry.dev/aggregate-to-operator': 'true' } }),
    ],
    forbidden,
  ],
  [
    'paul',
    'widen what technicians may',
    patches(`${rbac}/clusterroles/tenantry:technician-full`, { rules: role('Role').rules }),
    forbidden,
  ],
  [
    'paul',
    'make a ClusterRoleBinding',
    ['POST', `${rbac}/clusterrolebindings`, binding('paul', 'cluster-admin', 'ClusterRoleBinding')],
    forbidden,
  ],
  [
    'sara',
    'delete a policy',
    ['DELETE', `${admission}/validatingadmissionpolicies/tenantry-members`],
    forbidden,
  ],
  [
    'sara',
    'soften a policy to a warning',
    patches(`${admission}/validatingadmissionpolicybindings/tenantry-members`, {
      spec: { validationActions: ['Warn'] },
    }),
    forbidden,
  ],
  [
    'paul',
    'stamp another creator by a policy of his own',
    [
      'POST',
      `${admission}/mutatingadmissionpolicies`,
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingAdmissionPolicy',
        metadata: { name: 'mine' },
      },
    ],
    forbidden,
  ],
  [
    'adam',
    'ask for a certificate of another name',
    [
      'POST',
      '/apis/certificates.k8s.io/v1/certificatesigningrequests',
      {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name: 'mine' },
        spec: { request: 'eA==', signerName: 'kubernetes.io/kube-apiserver-client', usages: [] },
      },
    ],
    forbidden,
  ],
  [
    'adam',
    'make a priority class, to drive out everybody’s pods',
    [
      'POST',
      '/apis/scheduling.k8s.io/v1/priorityclasses',
      {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name: 'mine' },
        value: 1_000_000_000,
      },
    ],
    forbidden,
  ],
  [
    'adam',
    'adopt a namespace that he brings',
    [
      'POST',
      '/api/v1/namespaces',
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'customer-mine', labels: { 'tenantry.dev/customer': 'acme' } },
      },
    ],
    forbidden,
  ],
  [
    'adam',
    'make a customer without a link',
    [
      'POST',
      `${group}/customerorganizations`,
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'CustomerOrganization',
        metadata: { name: 'mine' },
        spec: {},
      },
    ],
    forbidden,
  ],
  ['adam', 'list who is a customer', ['GET', `${group}/customerorganizations`], forbidden],
  ['adam', 'list who is a partner', ['GET', `${group}/partnerorganizations`], forbidden],
  [
    'adam',
    'watch all members of all customers',
    ['GET', `${group}/organizationmembers?watch=true`],
    forbidden,
  ],
  ['adam', 'list all namespaces', ['GET', '/api/v1/namespaces'], forbidden],
  [
    'sara',
    'write herself down as an owner',
    patches(`${group}/customerorganizations/acme`, {
      spec: { owners: [people.sara, people.adam] },
    }),
    forbidden,
  ],
  [
    'sara',
    'write that no partner is linked',
    patches(`${group}/customerorganizations/acme/status`, {
      status: { partner: { state: 'Vacant' } },
    }),
    forbidden,
  ],
  [
    'sara',
    'accept what a policy has not seen',
    patches(`${group}/customerorganizations/acme`, {
      metadata: { annotations: { 'tenantry.dev/confirm-grant': '1' } },
    }),
    forbidden,
  ],
  [
    'paul',
    'accredit his own partner',
    patches(`${group}/partnerorganizations/nordic`, { spec: { accredited: true } }),
    forbidden,
  ],
  [
    'adam',
    'act as the SuperAdmin',
    ['GET', core(acme, 'secrets'), undefined, asAnother(people.sara)],
    forbidden,
  ],
  [
    'tina',
    'act as the operator',
    ['GET', core(acme, 'secrets'), undefined, asAnother(operatorUser)],
    forbidden,
  ],
  [
    'tina',
    'act as the group of all-powerful people',
    [
      'GET',
      core(acme, 'secrets'),
      undefined,
      asAnother(people.tina, { 'Impersonate-Group': 'system:masters' }),
    ],
    forbidden,
  ],
  [
    'tina',
    'act by a user id',
    ['GET', core(acme, 'secrets'), undefined, asAnother(people.sara, { 'Impersonate-Uid': '1' })],
    forbidden,
  ],
  [
    'adam',
    'pass as somebody by the headers of a proxy',
    [
      'GET',
      core(beta, 'secrets'),
      undefined,
      { 'X-Remote-User': people.bea, 'X-Remote-Group': 'system:masters' },
    ],
    forbidden,
  ],
]
