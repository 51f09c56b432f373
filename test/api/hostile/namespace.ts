// What people of a customer try in its namespace: at what isolates it, at its workloads, at the Jobs that end windows.
import { expect } from 'vitest'
import {
  people,
  forbidden,
  denied,
  rbac,
  acme,
  core,
  jobs,
  patches,
  metadata,
  role,
  binding,
  job,
  pod,
  type Attempt,
} from './attempt.ts'

const members = 'organizationmembers.tenantry.dev'
const switches = denied('Tenantry alone makes or changes it')
export const ofTheNamespace: readonly Attempt[] = [
  [
    'adam',
    'make a RoleBinding',
    ['POST', `${rbac}/namespaces/${acme}/rolebindings`, binding('adam', 'cluster-admin')],
    forbidden,
  ],
  [
    'sara',
    'make a RoleBinding',
    ['POST', `${rbac}/namespaces/${acme}/rolebindings`, binding('sara', 'admin')],
    forbidden,
  ],
  [
    'sara',
    'join the technicians’ RoleBinding',
    patches(`${rbac}/namespaces/${acme}/rolebindings/partner-admins`, {
      subjects: binding('sara', 'x').subjects,
    }),
    forbidden,
  ],
  [
    'sara',
    'remove all RoleBindings at once',
    ['DELETE', `${rbac}/namespaces/${acme}/rolebindings`],
    forbidden,
  ],
  ['sara', 'make a Role', ['POST', `${rbac}/namespaces/${acme}/roles`, role('Role')], forbidden],
  [
    'sara',
    'label the namespace as another customer’s',
    patches(
      `/api/v1/namespaces/${acme}`,
      metadata({ labels: { 'tenantry.dev/customer': 'beta' } }),
    ),
    forbidden,
  ],
  [
    'sara',
    'loosen pod security by a label of the namespace',
    patches(
      `/api/v1/namespaces/${acme}`,
      metadata({ labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } }),
    ),
    forbidden,
  ],
  [
    'sara',
    'annotate the namespace',
    patches(`/api/v1/namespaces/${acme}`, metadata({ annotations: { 'tenantry.dev/x': 'y' } })),
    forbidden,
  ],
  [
    'sara',
    'empty the namespace’s finalizers',
    ['PUT', `/api/v1/namespaces/${acme}/finalize`, { spec: { finalizers: [] } }],
    forbidden,
  ],
  ['sara', 'delete the namespace', ['DELETE', `/api/v1/namespaces/${acme}`], forbidden],
  ['sara', 'lift the quota', ['DELETE', core(acme, 'resourcequotas', 'tenantry')], forbidden],
  [
    'sara',
    'open the network',
    ['DELETE', `/apis/networking.k8s.io/v1/namespaces/${acme}/networkpolicies/default-deny`],
    forbidden,
  ],
  [
    'adam',
    'run a pod with the node’s own network and files',
    ['POST', core(acme, 'pods'), pod('host', { hostNetwork: true, hostPID: true })],
    /^403 .*violates PodSecurity/s,
  ],
  [
    'adam',
    'run a pod before which everybody else’s must go',
    ['POST', core(acme, 'pods'), pod('first', { priorityClassName: 'system-node-critical' })],
    denied('may not have the priority system-node-critical'),
  ],
  [
    'adam',
    'take the traffic of another address',
    [
      'POST',
      core(acme, 'services'),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'taker' },
        spec: { externalIPs: ['192.0.2.1'], ports: [{ port: 443 }] },
      },
    ],
    denied('may not have externalIPs'),
  ],
  [
    'adam',
    'add an ephemeral container',
    patches(`${core(acme, 'pods', 'any')}/ephemeralcontainers`, { spec: {} }),
    forbidden,
  ],
  [
    'adam',
    'evict a pod',
    [
      'POST',
      `${core(acme, 'pods', 'any')}/eviction`,
      { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'any', namespace: acme } },
    ],
    forbidden,
  ],
  ['adam', 'reach a pod by proxy', ['GET', `${core(acme, 'pods', 'any')}/proxy/`], forbidden],
  [
    'adam',
    'reach a service by proxy',
    ['GET', `${core(acme, 'services', 'any')}/proxy/`],
    forbidden,
  ],
  [
    'adam',
    'ask for a token of a service account',
    [
      'POST',
      `${core(acme, 'serviceaccounts', 'default')}/token`,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    ],
    forbidden,
  ],
  [
    'adam',
    'make a token of a service account as a Secret',
    [
      'POST',
      core(acme, 'secrets'),
      {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/service-account-token',
        metadata: {
          name: 'token',
          annotations: { 'kubernetes.io/service-account.name': 'default' },
        },
      },
    ],
    async (world) => {
      const user = `system:serviceaccount:${acme}:default`
      for (const verb of ['get', 'create', 'delete']) {
        expect(await world.can(user, verb, 'secrets', acme)).toBe(false)
        expect(await world.can(user, verb, members, acme)).toBe(false)
      }
    },
  ],
  [
    'adam',
    'record an Event in the name of the operator',
    [
      'POST',
      `/apis/events.k8s.io/v1/namespaces/${acme}/events`,
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: 'forged' },
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'tenantry.dev/operator',
        reportingInstance: 'tenantry',
        action: 'Grant',
        reason: 'Ready',
        type: 'Normal',
        note: 'All is well.',
      },
    ],
    forbidden,
  ],
  [
    'adam',
    'ask who may what on behalf of others',
    [
      'POST',
      `/apis/authorization.k8s.io/v1/namespaces/${acme}/localsubjectaccessreviews`,
      {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'LocalSubjectAccessReview',
        metadata: { namespace: acme },
        spec: { user: people.sara, resourceAttributes: { namespace: acme, verb: 'get' } },
      },
    ],
    forbidden,
  ],
  [
    'vera',
    'read the database’s password',
    ['GET', core(acme, 'secrets', 'database-adm')],
    forbidden,
  ],
  ['edda', 'read all Secrets', ['GET', core(acme, 'secrets')], forbidden],
]

export const ofSwitches: readonly Attempt[] = [
  [
    'adam',
    'make the Job that ends a window',
    ['POST', jobs(), job({ name: 'window-end-1' })],
    switches,
  ],
  [
    'adam',
    'make such a Job under a generated name',
    ['POST', jobs(), job({ generateName: 'window-end-' })],
    switches,
  ],
  [
    'adam',
    'make such a Job by server-side apply under the name of the operator',
    [
      'PATCH',
      `${jobs('/window-end-2')}?fieldManager=tenantry&force=true`,
      job({ name: 'window-end-2' }),
      { 'content-type': 'application/apply-patch+yaml' },
    ],
    switches,
  ],
  [
    'adam',
    'delete all Jobs so that their bindings stay',
    ['DELETE', `${jobs()}?propagationPolicy=Orphan`],
    denied('what it owns goes with it'),
  ],
  [
    'adam',
    'delete all Jobs as a program does that says nothing of it',
    ['DELETE', jobs()],
    denied('what it owns goes with it'),
  ],
  ['tina', 'delete the Job that ends her window', ['DELETE', jobs('/window-end-1')], forbidden],
  [
    'tina',
    'lengthen a Job',
    patches(jobs('/window-end-1'), { spec: { suspend: true } }),
    forbidden,
  ],
]
