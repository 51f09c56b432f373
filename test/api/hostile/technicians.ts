// What people of the partner try in a customer and at home: to leave somebody or something behind, and to be more.
import { expect } from 'vitest'
import {
  people,
  forbidden,
  denied,
  invalid,
  rbac,
  acme,
  nordic,
  ours,
  core,
  jobs,
  memberPath,
  adds,
  patches,
  applies,
  owner,
  binding,
  job,
  pod,
  memberIs,
  maynot,
  type Attempt,
} from './attempt.ts'

export const ofTechnicians: readonly Attempt[] = [
  ['tina', 'add an Admin', adds('friend@acme.example', 'Admin'), denied('needs appoint-admin')],
  [
    'tina',
    'add a SuperAdmin',
    adds('friend@acme.example', 'SuperAdmin'),
    denied('needs appoint-admin'),
  ],
  [
    'tina',
    'add a friend without a role, who might become the SuperAdmin',
    adds('unranked@acme.example'),
    maynot('unranked@acme.example', 'appoint-user', 'organizationmembers.tenantry.dev', acme),
  ],
  ['tina', 'write herself down', adds(people.tina), denied('Nobody raises himself')],
  [
    'tina',
    'write down another name of the partner’s',
    adds('nordic:tina2', 'Editor'),
    memberIs('nordic:tina2', 'False/UsernameOfAnother'),
  ],
  [
    'tina',
    'leave somebody behind and hide that it was her',
    adds(
      'hidden@acme.example',
      'Editor',
      {},
      {
        annotations: { 'tenantry.dev/created-by': people.adam },
      },
    ),
    denied('may only be nordic:tina'),
  ],
  ['tina', 'remove the Admin', ['DELETE', memberPath('adam')], denied('needs appoint-admin')],
  [
    'tina',
    'lower the Admin',
    patches(memberPath('adam'), { spec: { role: 'Viewer' } }),
    denied('needs appoint-admin'),
  ],
  [
    'tina',
    'tie a Viewer to an owner under a name of the operator',
    applies(memberPath('adam'), 'tenantry', {
      kind: 'OrganizationMember',
      metadata: owner,
      spec: { user: people.adam },
    }),
    denied('needs appoint-admin'),
  ],
  [
    'tina',
    'change where the customer signs in',
    ['POST', ours(acme, 'identityproviders'), idp('sso')],
    forbidden,
  ],
  [
    'anna',
    'change where the customer signs in',
    ['POST', ours(acme, 'identityproviders'), idp('sso')],
    forbidden,
  ],
  [
    'tina',
    'make a RoleBinding',
    ['POST', `${rbac}/namespaces/${acme}/rolebindings`, binding('tina', 'view')],
    forbidden,
  ],
  ['tina', 'make a pod', ['POST', core(acme, 'pods'), pod('door')], forbidden],
  ['tina', 'make a Job', ['POST', jobs(), job({ name: 'door' })], forbidden],
  [
    'tina',
    'make a CronJob',
    [
      'POST',
      `/apis/batch/v1/namespaces/${acme}/cronjobs`,
      {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata: { name: 'door' },
        spec: { schedule: '* * * * *', jobTemplate: { spec: job({ name: 'x' }).spec } },
      },
    ],
    forbidden,
  ],
  [
    'tina',
    'make a service account',
    [
      'POST',
      core(acme, 'serviceaccounts'),
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'door' } },
    ],
    forbidden,
  ],
  ['tina', 'read the Secrets', ['GET', core(acme, 'secrets')], forbidden],
  ['tina', 'read a Secret by its name', ['GET', core(acme, 'secrets', 'database-rw')], forbidden],
  ['tina', 'enter a pod', ['POST', `${core(acme, 'pods', 'any')}/exec?command=sh`], forbidden],
  ['tina', 'read a log', ['GET', `${core(acme, 'pods', 'any')}/log`], forbidden],
  [
    'tina',
    'open a stream that outlives her window',
    ['GET', `${core(acme, 'pods')}?watch=true`],
    forbidden,
  ],
  [
    'rolf',
    'register devices',
    [
      'POST',
      ours(acme, 'deviceassignments'),
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'DeviceAssignment',
        metadata: { name: 'mine' },
        spec: { devices: [{ id: 'd1' }] },
      },
    ],
    forbidden,
  ],
  [
    'tina',
    'take devices of a customer that she does not enter',
    [
      'POST',
      ours(acme, 'deviceassignments'),
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'DeviceAssignment',
        metadata: { name: 'stolen' },
        spec: { from: { customer: 'beta' }, devices: [{ id: 'd1' }] },
      },
    ],
    denied('needs release-devices in customer-beta'),
  ],
  [
    'tina',
    'register more devices than a batch holds',
    [
      'POST',
      ours(acme, 'deviceassignments'),
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'DeviceAssignment',
        metadata: { name: 'flood' },
        spec: { devices: Array.from({ length: 1_001 }, (_, index) => ({ id: `f${index}` })) },
      },
    ],
    invalid('at most 1,?000'),
  ],
  [
    'anna',
    'raise herself at the partner',
    patches(memberPath('anna', nordic), { spec: { role: 'SuperAdmin' } }),
    denied('needs appoint-admin'),
  ],
  [
    'anna',
    'remove the SuperAdmin’s home by a second member',
    [
      'POST',
      ours(nordic, 'organizationmembers'),
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'OrganizationMember',
        metadata: { name: 'paul-again', namespace: nordic },
        spec: { user: people.paul, role: 'User' },
      },
    ],
    async (world) => {
      expect(
        await world.can(people.paul, 'appoint-admin', 'organizationmembers.tenantry.dev', nordic),
      ).toBe(true)
    },
  ],
  [
    'tina',
    'add somebody to the partner',
    [
      'POST',
      ours(nordic, 'organizationmembers'),
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'OrganizationMember',
        metadata: { name: 'x' },
        spec: { user: 'nordic:x', role: 'User' },
      },
    ],
    forbidden,
  ],
  ['tina', 'read another person’s login', ['GET', core(nordic, 'secrets')], forbidden],
]

function idp(name: string) {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'IdentityProvider',
    metadata: { name },
    spec: { issuerURL: 'https://evil.example' },
  }
}
