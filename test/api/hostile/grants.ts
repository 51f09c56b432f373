// What each side tries at the grant: to decide what is the other’s, to bring others, to hold what is to end.
import { expect } from 'vitest'
import { inMs } from '../../support/manifests.ts'
import {
  people,
  forbidden,
  denied,
  invalid,
  acme,
  beta,
  ours,
  theGrant,
  patches,
  applies,
  jsonPatches,
  metadata,
  owner,
  entryGivesNothing,
  type Attempt,
} from './attempt.ts'

const technicians = [
  { name: people.tina, scope: 'Full' },
  { name: people.rolf, scope: 'ReadOnly' },
]
const also = (entry: object) =>
  patches(theGrant, { spec: { technicians: [...technicians, entry] } })
const access = denied('needs set-access')
const theirs = denied('What Tenantry writes on a grant')
const untouched = denied("Finalizers and ownerReferences of a grant are Tenantry's")
export const ofTheGrantByTheCustomer: readonly Attempt[] = [
  ['adam', 'remove the partner', ['DELETE', theGrant], forbidden],
  [
    'adam',
    'limit the partner',
    patches(theGrant, { spec: { access: { mode: 'Disabled' } } }),
    forbidden,
  ],
  [
    'sara',
    'name a technician',
    patches(theGrant, { spec: { technicians: [{ name: 'nordic:ghost' }] } }),
    denied('needs authorize-users'),
  ],
  [
    'sara',
    'take the proof’s finalizer off',
    jsonPatches(theGrant, { op: 'remove', path: '/metadata/finalizers' }),
    denied("Finalizers and ownerReferences of a grant are Tenantry's"),
  ],
  [
    'sara',
    'write who may enter',
    patches(`${theGrant}/status`, { status: { people: [] } }),
    forbidden,
  ],
  [
    'sara',
    'write a second grant',
    [
      'POST',
      ours(acme, 'partneraccessgrants'),
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'PartnerAccessGrant',
        metadata: { name: 'partner2' },
        spec: { partnerRef: { name: 'iberia' } },
      },
    ],
    invalid('named partner'),
  ],
  [
    'sara',
    'write a second grant under a generated name',
    [
      'POST',
      ours(acme, 'partneraccessgrants'),
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'PartnerAccessGrant',
        metadata: { generateName: 'partner' },
        spec: { partnerRef: { name: 'iberia' } },
      },
    ],
    invalid('named partner'),
  ],
  [
    'sara',
    'write as the platform decides',
    applies(theGrant, 'tenantry-platform', {
      kind: 'PartnerAccessGrant',
      spec: { partnerRef: { name: 'nordic' }, access: { mode: 'Period' } },
    }),
    denied('What Tenantry writes on a grant'),
  ],
]

export const ofTheGrantByThePartner: readonly Attempt[] = [
  [
    'anna',
    'open the access for ever',
    patches(theGrant, {
      spec: { access: { mode: 'Continuous', notBefore: null, notAfter: null } },
    }),
    access,
  ],
  [
    'anna',
    'move the end by a JSON patch',
    jsonPatches(theGrant, {
      op: 'replace',
      path: '/spec/access/notAfter',
      value: '2099-01-01T00:00:00Z',
    }),
    access,
  ],
  [
    'anna',
    'move the end by server-side apply under the name of the operator',
    applies(theGrant, 'tenantry', {
      kind: 'PartnerAccessGrant',
      spec: {
        access: { mode: 'Period', notBefore: inMs(-60_000), notAfter: '2099-01-01T00:00:00Z' },
      },
    }),
    access,
  ],
  [
    'anna',
    'take the end off by a JSON patch',
    jsonPatches(theGrant, { op: 'remove', path: '/spec/access' }),
    access,
  ],
  [
    'anna',
    'allow herself to act as others',
    patches(theGrant, { spec: { access: { allowImpersonation: true } } }),
    access,
  ],
  [
    'anna',
    'put off the review',
    patches(theGrant, { spec: { reviewBy: inMs(3_600_000) } }),
    access,
  ],
  [
    'anna',
    'make it Managed',
    patches(theGrant, {
      spec: {
        relationship: 'Managed',
        access: { mode: 'Continuous', notBefore: null, notAfter: null },
      },
    }),
    denied('needs (set-access|set-relationship)'),
  ],
  [
    'anna',
    'hand the customer to another partner',
    patches(theGrant, { spec: { partnerRef: { name: 'iberia' }, technicians: null } }),
    denied('needs set-partner'),
  ],
  [
    'anna',
    'make the partner a decision of the platform, so that the customer cannot remove it',
    applies(theGrant, 'tenantry-platform', {
      kind: 'PartnerAccessGrant',
      spec: { partnerRef: { name: 'nordic' } },
    }),
    theirs,
  ],
  [
    'anna',
    'make it so by an update under that name',
    patches(`${theGrant}?fieldManager=tenantry-platform`, {
      spec: { partnerRef: { name: 'nordic' } },
    }),
    async (world) => {
      const at = '/apis/tenantry.dev/v1alpha1/namespaces/customer-acme/partneraccessgrants/partner'
      const { body } = await world.api.ask('GET', at)
      expect(JSON.stringify(body)).not.toContain('"manager":"tenantry-platform"')
    },
  ],
  [
    'anna',
    'write the managed fields herself',
    patches(
      theGrant,
      metadata({
        managedFields: [
          {
            manager: 'tenantry-platform',
            operation: 'Apply',
            apiVersion: 'tenantry.dev/v1alpha1',
            time: '2026-01-01T00:00:00Z',
            fieldsType: 'FieldsV1',
            fieldsV1: { 'f:spec': { 'f:partnerRef': {} } },
          },
        ],
      }),
    ),
    theirs,
  ],
  [
    'anna',
    'hold the grant by a finalizer',
    patches(theGrant, metadata({ finalizers: ['tenantry.dev/access', 'nordic.example/mine'] })),
    untouched,
  ],
  ['anna', 'tie the grant to an owner', patches(theGrant, metadata(owner)), untouched],
  [
    'anna',
    'mark the grant as looked at',
    patches(theGrant, metadata({ annotations: { 'tenantry.dev/confirm-grant': '1' } })),
    theirs,
  ],
  [
    'anna',
    'pass the grant off as made by Tenantry',
    patches(theGrant, metadata({ labels: { 'app.kubernetes.io/managed-by': 'tenantry' } })),
    theirs,
  ],
  [
    'anna',
    'write that nobody has to leave',
    patches(`${theGrant}/status`, { status: { conditions: [] } }),
    forbidden,
  ],
  ['anna', 'remove the grant', ['DELETE', theGrant], forbidden],
  ['anna', 'remove all grants at once', ['DELETE', ours(acme, 'partneraccessgrants')], forbidden],
  [
    'paul',
    'write a grant for a customer that has not invited him',
    [
      'POST',
      ours(beta, 'partneraccessgrants'),
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'PartnerAccessGrant',
        metadata: { name: 'partner' },
        spec: { partnerRef: { name: 'nordic' } },
      },
    ],
    forbidden,
  ],
  [
    'anna',
    'name somebody who is nobody of the partner',
    also({ name: 'nordic:ghost', scope: 'Full' }),
    entryGivesNothing('nordic:ghost', 'NotAMember'),
  ],
  [
    'anna',
    'name a person of another customer',
    also({ name: people.bea, scope: 'Full' }),
    entryGivesNothing(people.bea, 'NotAMember'),
  ],
  [
    'anna',
    'name a technician whose name looks like Tina’s',
    also({ name: 'nordic:tіna', scope: 'Full' }),
    entryGivesNothing('nordic:tіna', 'NotAMember'),
  ],
  [
    'anna',
    'name the operator',
    also({ name: 'system:serviceaccount:tenantry-system:tenantry' }),
    invalid('must not begin with system:'),
  ],
  [
    'anna',
    'name herself to act as the SuperAdmin, who has not allowed it',
    also({
      name: people.anna,
      scope: 'Impersonate',
      impersonate: { users: [people.sara] },
      reason: 'curious',
      notBefore: inMs(-1_000),
      notAfter: inMs(1_800_000),
    }),
    entryGivesNothing(people.anna, 'ImpersonationNotAllowed'),
  ],
  [
    'anna',
    'act as somebody for a day',
    also({
      name: people.anna,
      scope: 'Impersonate',
      impersonate: { users: [people.vera] },
      reason: 'curious',
      notBefore: inMs(-1_000),
      notAfter: inMs(86_400_000),
    }),
    invalid('at most 60 minutes'),
  ],
  [
    'anna',
    'name more technicians than a grant holds',
    patches(theGrant, {
      spec: {
        technicians: Array.from({ length: 501 }, (_, index) => {
          return { name: `nordic:${index}`, scope: 'Full' }
        }),
      },
    }),
    invalid('must have at most 500 items'),
  ],
  [
    'anna',
    'bring the server down with a list that is far too long',
    patches(theGrant, {
      spec: {
        technicians: Array.from({ length: 50_000 }, (_, index) => {
          return { name: `nordic:${index}`, scope: 'Full', reason: 'x'.repeat(64) }
        }),
      },
    }),
    invalid('(too large|limit|at most)'),
  ],
  [
    'rolf',
    'widen his own scope',
    patches(theGrant, { spec: { technicians: [{ name: people.rolf, scope: 'Full' }] } }),
    forbidden,
  ],
]
