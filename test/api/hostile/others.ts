// What anybody tries at other organizations, and at the operator.
import { systemNamespace } from '../../../tools/helm/render.ts'
import {
  people,
  forbidden,
  invalid,
  acme,
  beta,
  nordic,
  ours,
  core,
  patches,
  pod,
  type Attempt,
} from './attempt.ts'

export const ofOthers: readonly Attempt[] = [
  ['sara', 'read another customer’s Secrets', ['GET', core(beta, 'secrets')], forbidden],
  [
    'sara',
    'list another customer’s members',
    ['GET', ours(beta, 'organizationmembers')],
    forbidden,
  ],
  [
    'sara',
    'add herself to another customer',
    [
      'POST',
      ours(beta, 'organizationmembers'),
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'OrganizationMember',
        metadata: { name: 'sara' },
        spec: { user: people.sara, role: 'SuperAdmin' },
      },
    ],
    forbidden,
  ],
  [
    'sara',
    'write into the partner’s namespace',
    [
      'POST',
      core(nordic, 'configmaps'),
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } },
    ],
    forbidden,
  ],
  ['tina', 'enter a customer that has not invited her', ['GET', core(beta, 'pods')], forbidden],
  ['bea', 'read the customer beside her', ['GET', core(acme, 'configmaps')], forbidden],
  ['mallory', 'read anything at all', ['GET', core(acme, 'configmaps')], forbidden],
  [
    'adam',
    'climb out of his namespace by the path',
    ['GET', '/api/v1/namespaces/customer-acme%2F..%2Fcustomer-beta/secrets'],
    /^(403|404|400) /,
  ],
  [
    'adam',
    'spell the namespace in capitals',
    ['GET', '/api/v1/namespaces/CUSTOMER-BETA/secrets'],
    forbidden,
  ],
  [
    'adam',
    'read with a namespace in the body that is not that of the path',
    [
      'POST',
      core(acme, 'configmaps'),
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: beta } },
    ],
    invalid('does not match the namespace'),
  ],
]

export const ofTheOperator: readonly Attempt[] = [
  ['sara', 'read the operator’s Secrets', ['GET', core(systemNamespace, 'secrets')], forbidden],
  [
    'sara',
    'stop the operator',
    ['DELETE', `/apis/apps/v1/namespaces/${systemNamespace}/deployments/tenantry`],
    forbidden,
  ],
  [
    'paul',
    'change the operator’s configuration',
    patches(core(systemNamespace, 'configmaps', 'tenantry'), { data: {} }),
    forbidden,
  ],
  [
    'adam',
    'take the operator’s lease, so that nobody grants or sweeps',
    patches(`/apis/coordination.k8s.io/v1/namespaces/${systemNamespace}/leases/tenantry`, {
      spec: { holderIdentity: 'mine' },
    }),
    forbidden,
  ],
  [
    'adam',
    'run a pod as the operator',
    ['POST', core(systemNamespace, 'pods'), pod('mine', { serviceAccountName: 'tenantry' })],
    forbidden,
  ],
  [
    'adam',
    'ask for the operator’s token',
    [
      'POST',
      `${core(systemNamespace, 'serviceaccounts', 'tenantry')}/token`,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    ],
    forbidden,
  ],
  [
    'adam',
    'make a lease',
    [
      'POST',
      `/apis/coordination.k8s.io/v1/namespaces/${acme}/leases`,
      { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'mine' } },
    ],
    forbidden,
  ],
  ['adam', 'reach a node', ['GET', '/api/v1/nodes/any/proxy/pods'], forbidden],
  ['adam', 'read the server’s metrics', ['GET', '/metrics'], /^403 .*forbidden/],
  ['adam', 'profile the server', ['GET', '/debug/pprof/heap'], /^403 .*forbidden/],
]
