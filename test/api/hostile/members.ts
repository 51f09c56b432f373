// What people of a customer try to be that they are not: by their own member object, by others, by names that look alike.
import { expect } from 'vitest'
import {
  people,
  forbidden,
  denied,
  invalid,
  acme,
  ours,
  memberPath,
  adds,
  patches,
  applies,
  jsonPatches,
  metadata,
  owner,
  memberIs,
  maynot,
  type Attempt,
} from './attempt.ts'

const members = 'organizationmembers.tenantry.dev'
const appoint = denied('needs appoint-admin')
export const ofMembers: readonly Attempt[] = [
  ['adam', 'raise himself', patches(memberPath('adam'), { spec: { role: 'SuperAdmin' } }), appoint],
  [
    'adam',
    'raise himself by a JSON patch',
    jsonPatches(memberPath('adam'), { op: 'replace', path: '/spec/role', value: 'SuperAdmin' }),
    appoint,
  ],
  [
    'adam',
    'raise himself by server-side apply under the name of the operator',
    applies(memberPath('adam'), 'tenantry', {
      kind: 'OrganizationMember',
      spec: { user: people.adam, role: 'SuperAdmin' },
    }),
    appoint,
  ],
  [
    'adam',
    'raise himself by a dry run, to see whether it would go',
    patches(`${memberPath('adam')}?dryRun=All`, { spec: { role: 'SuperAdmin' } }),
    appoint,
  ],
  [
    'adam',
    'leave his role out, so that it counts as undecided',
    patches(memberPath('adam'), { spec: { role: null } }),
    appoint,
  ],
  [
    'adam',
    'write the role that status keeps',
    patches(`${memberPath('adam')}/status`, { status: { role: 'SuperAdmin' } }),
    forbidden,
  ],
  [
    'adam',
    'bring a status along with a new member',
    [
      'POST',
      ours(acme, 'organizationmembers'),
      {
        ...adds('planted@acme.example')[2],
        status: { role: 'SuperAdmin', observedGeneration: 1 },
      },
    ],
    maynot('planted@acme.example', 'appoint-admin', members, acme),
  ],
  ['adam', 'add an Admin who is himself again', adds(people.adam, 'SuperAdmin'), appoint],
  [
    'adam',
    'write himself down a second time, a little lower',
    ['POST', ours(acme, 'organizationmembers'), { ...twin('adam-again', people.adam, 'Editor') }],
    denied('Nobody raises himself'),
  ],
  [
    'adam',
    'write the SuperAdmin down as a Viewer',
    ['POST', ours(acme, 'organizationmembers'), twin('sara-again', people.sara, 'Viewer')],
    async (world) => {
      expect(await world.can(people.sara, 'appoint-admin', members, acme)).toBe(true)
    },
  ],
  [
    'adam',
    'add a name that looks like the SuperAdmin’s, with a Cyrillic s',
    ['POST', ours(acme, 'organizationmembers'), twin('alike', 'ѕara@acme.example', 'SuperAdmin')],
    appoint,
  ],
  [
    'adam',
    'add the SuperAdmin’s name in capitals',
    ['POST', ours(acme, 'organizationmembers'), twin('capitals', 'SARA@acme.example', 'Viewer')],
    maynot('SARA@acme.example', 'appoint-admin', members, acme),
  ],
  [
    'adam',
    'add a member with a trailing dot',
    ['POST', ours(acme, 'organizationmembers'), twin('dotted', `${people.sara}.`, 'Viewer')],
    maynot(`${people.sara}.`, 'appoint-admin', members, acme),
  ],
  [
    'adam',
    'add the operator as a member',
    adds('system:serviceaccount:tenantry-system:tenantry', 'Viewer'),
    invalid('must not begin with system:'),
  ],
  [
    'adam',
    'add the group of all-powerful people',
    adds('system:masters', 'Viewer'),
    invalid('must not begin with system:'),
  ],
  [
    'adam',
    'claim a person of another customer',
    adds(people.bea, 'Viewer'),
    memberIs(people.bea, 'False/PersonHasOtherHome'),
  ],
  [
    'adam',
    'claim a technician of the partner',
    adds(people.tina, 'Editor'),
    memberIs(people.tina, 'False/UsernameOfAnother'),
  ],
  [
    'adam',
    'claim somebody whom the partner has not written down yet',
    adds('nordic:newcomer', 'Editor'),
    memberIs('nordic:newcomer', 'False/UsernameOfAnother'),
  ],
  [
    'adam',
    'add somebody under a generated name who is Admin',
    [
      'POST',
      ours(acme, 'organizationmembers'),
      {
        ...twin('', 'generated@acme.example', 'Admin'),
        metadata: { generateName: 'generated-', namespace: acme },
      },
    ],
    appoint,
  ],
  [
    'adam',
    'give a Viewer permissions',
    patches(memberPath('vera'), { spec: { permissions: ['cluster-admin'] } }),
    appoint,
  ],
  [
    'sara',
    'give a Viewer a ClusterRole that the platform has not offered',
    patches(memberPath('vera'), {
      spec: { permissions: ['cluster-admin', 'tenantry:customer-superadmin', '*'] },
    }),
    async (world) => {
      expect(await world.can(people.vera, 'get', 'secrets', acme)).toBe(false)
      expect(await world.can(people.vera, 'get', 'secrets', 'kube-system')).toBe(false)
    },
  ],
  [
    'sara',
    'give more permissions than there can be',
    patches(memberPath('vera'), {
      spec: { permissions: Array.from({ length: 51 }, (_, index) => `p${index}`) },
    }),
    invalid('must have at most 50 items'),
  ],
  ['adam', 'tie an Admin to an owner', patches(memberPath('adam'), metadata(owner)), appoint],
  [
    'adam',
    'take another member’s person over',
    patches(memberPath('vera'), { spec: { user: people.adam } }),
    invalid('user cannot change'),
  ],
  ['adam', 'remove all members at once', ['DELETE', ours(acme, 'organizationmembers')], forbidden],
  [
    'adam',
    'say that somebody else has added a member',
    adds(
      'framed@acme.example',
      'Viewer',
      {},
      {
        annotations: { 'tenantry.dev/created-by': people.tina },
      },
    ),
    denied('may only be adam@acme.example'),
  ],
  ['edda', 'add a Viewer', adds('friend@acme.example', 'Viewer'), forbidden],
  [
    'vera',
    'become an Editor',
    patches(memberPath('vera'), { spec: { role: 'Editor' } }),
    forbidden,
  ],
]

function twin(name: string, user: string, as: string) {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'OrganizationMember',
    metadata: { name, namespace: acme },
    spec: { user, role: as },
  }
}
