// Which part of a grant is whose to decide: invited, Managed, and decided by the platform in the customer.
import { describe, expect, test } from 'vitest'
import { grant, inMs } from '../../support/manifests.ts'
import {
  sara,
  adam,
  sven,
  dora,
  pat,
  ada,
  paul,
  anna,
  tina,
  technicians,
  people,
  inside,
  grantOf,
  patchesGrant,
  marksGrant,
  accepted,
  forbidden,
  denied,
  needs,
  rows,
  answer,
  type Request,
} from './world.ts'

describe('of an invited grant:', () => {
  const more = [...technicians, { name: 'nordic:more', scope: 'Full' }]
  const elsewhere = { partnerRef: { name: 'iberia' } }
  rows([
    [
      sara,
      'limits the access to a period (S3-15)',
      patchesGrant('acme', {
        access: { mode: 'Period', notBefore: inMs(60_000), notAfter: inMs(120_000) },
      }),
      accepted,
    ],
    [
      sara,
      'disables the access (S3-21)',
      patchesGrant('acme', { access: { mode: 'Disabled' } }),
      accepted,
    ],
    [sara, 'says when it is reviewed', patchesGrant('acme', { reviewBy: inMs(60_000) }), accepted],
    [
      sara,
      'hands over to another partner, whose people the partner names',
      patchesGrant('acme', { ...elsewhere, technicians: null }),
      accepted,
    ],
    [
      sara,
      'hands over and names people as well (S3-06)',
      patchesGrant('acme', { ...elsewhere, technicians: [{ name: 'iberia:x', scope: 'Full' }] }),
      denied('needs authorize-users .* of partner iberia'),
    ],
    [
      sara,
      'names a technician (S3-06)',
      patchesGrant('acme', { technicians: more }),
      needs('authorize-users'),
    ],
    [
      sara,
      'removes the technicians',
      patchesGrant('acme', { technicians: [] }),
      needs('authorize-users'),
    ],
    [sara, 'removes the partner (S1-17)', ['DELETE', grantOf('acme')], accepted],
    [
      sara,
      'makes it Managed (S1-16)',
      patchesGrant('acme', { relationship: 'Managed' }),
      needs('set-relationship'),
    ],
    [
      sara,
      'forges its status (TH-24)',
      ['PATCH', `${grantOf('acme')}/status`, { status: { epoch: 9 } }],
      forbidden,
    ],
    [adam, 'removes the partner (S1-16)', ['DELETE', grantOf('acme')], forbidden],
    [
      adam,
      'disables the access',
      patchesGrant('acme', { access: { mode: 'Disabled' } }),
      forbidden,
    ],
    [anna, 'names a technician (S3-06)', patchesGrant('acme', { technicians: more }), accepted],
    [paul, 'names a technician (S1-07)', patchesGrant('acme', { technicians: more }), accepted],
    [
      anna,
      'stretches the window (TH-03)',
      patchesGrant('acme', {
        access: { mode: 'Period', notBefore: inMs(60_000), notAfter: inMs(120_000) },
      }),
      denied('needs set-access in customer-acme. Its SuperAdmins have it'),
    ],
    [
      anna,
      'puts off the review',
      patchesGrant('acme', { reviewBy: inMs(60_000) }),
      needs('set-access'),
    ],
    [
      anna,
      'names another partner',
      patchesGrant('acme', { ...elsewhere, technicians: null }),
      needs('set-partner'),
    ],
    [anna, 'removes the grant (S1-36)', ['DELETE', grantOf('acme')], forbidden],
    [
      anna,
      'makes it Managed',
      patchesGrant('acme', { relationship: 'Managed' }),
      needs('set-relationship'),
    ],
    [
      anna,
      'holds it by a finalizer',
      marksGrant('acme', { finalizers: ['tenantry.dev/access', 'nordic.example/mine'] }),
      denied("Finalizers and ownerReferences of a grant are Tenantry's"),
    ],
    [
      sara,
      'takes off the finalizer that waits for the proof',
      marksGrant('acme', { finalizers: [] }),
      denied("Finalizers and ownerReferences of a grant are Tenantry's"),
    ],
    [
      anna,
      'ties it to an owner',
      marksGrant('acme', {
        ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' }],
      }),
      denied("Finalizers and ownerReferences of a grant are Tenantry's"),
    ],
    [
      anna,
      'writes an annotation of Tenantry',
      marksGrant('acme', { annotations: { 'tenantry.dev/applied-hash': 'x' } }),
      denied('What Tenantry writes on a grant'),
    ],
    [anna, 'writes a label of her own', marksGrant('acme', { labels: { tier: 'gold' } }), accepted],
    [tina, 'names a technician', patchesGrant('acme', { technicians: more }), forbidden],
    [
      'the platform',
      'makes it Managed',
      patchesGrant('acme', { relationship: 'Managed' }),
      accepted,
    ],
  ])

  const creates = (spec: object): Request => [
    'POST',
    inside('customer-plain', 'partneraccessgrants'),
    grant('plain', 'nordic', spec),
  ]
  rows([
    [pat, 'invites a partner (S1-16)', creates({}), accepted],
    [pat, 'invites a partner for a while', creates({ access: { mode: 'Disabled' } }), accepted],
    [
      pat,
      'invites a partner and names its people',
      creates({ technicians }),
      needs('authorize-users'),
    ],
    [
      pat,
      'invites a partner as Managed (S1-16)',
      creates({ relationship: 'Managed' }),
      needs('set-relationship'),
    ],
    [ada, 'invites a partner (S1-16)', creates({}), forbidden],
    [anna, 'writes a grant for itself (TH-05)', creates({}), forbidden],
    ['the platform', 'writes a whole grant', creates({ technicians }), accepted],
  ])
})

describe('of a Managed grant:', () => {
  const more = [...technicians, { name: 'nordic:more', scope: 'Full' }]
  rows([
    [
      sven,
      'limits the scope (S3-18)',
      patchesGrant('gamma', { access: { mode: 'Continuous', maxScope: 'ReadOnly' } }),
      forbidden,
    ],
    [
      sven,
      'names another partner (S3-17)',
      patchesGrant('gamma', { partnerRef: { name: 'iberia' }, technicians: null }),
      forbidden,
    ],
    [sven, 'removes the partner (S3-14)', ['DELETE', grantOf('gamma')], forbidden],
    [sven, 'makes it Invited', patchesGrant('gamma', { relationship: 'Invited' }), forbidden],
    [sven, 'sees access and people (S3-13)', ['GET', grantOf('gamma')], accepted],
    [anna, 'names a technician', patchesGrant('gamma', { technicians: more }), accepted],
    [
      'the platform',
      'disables it (S3-12)',
      patchesGrant('gamma', { access: { mode: 'Disabled' } }),
      /Managed access is continuous/,
    ],
    ['the platform', 'removes the partner', ['DELETE', grantOf('gamma')], accepted],
  ])
})

describe('of a grant that the platform has decided in the customer:', () => {
  const decided = (verb: string) => denied(`needs ${verb} and set-relationship.* Ask the platform`)
  rows([
    [
      dora,
      'names another partner',
      patchesGrant('delta', { partnerRef: { name: 'iberia' }, technicians: null }),
      decided('set-partner'),
    ],
    [dora, 'removes the partner', ['DELETE', grantOf('delta')], forbidden],
    [
      dora,
      'disables the access, which was left to the parties',
      patchesGrant('delta', { access: { mode: 'Disabled' } }),
      accepted,
    ],
    [
      dora,
      'makes it forget who decided',
      marksGrant('delta', { managedFields: [{}] }),
      denied('What Tenantry writes on a grant'),
    ],
  ])
})

describe('a grant with 500 technicians', () => {
  test('can be changed as a whole, and the refusal of a change costs no more', async () => {
    const many = (reason: string) =>
      Array.from({ length: 500 }, (_, index) => {
        return { name: `nordic:${index}`, scope: 'Full', reason }
      })
    await people.get(anna)?.ask('PATCH', grantOf('acme'), {
      spec: { technicians: [...technicians, ...many('a')].slice(0, 500) },
    })
    const change = patchesGrant('acme', { technicians: many('b') })
    expect(await answer(anna, change)).toMatch(accepted)
    expect(await answer(sara, change)).toMatch(needs('authorize-users'))
    expect(await answer(sara, patchesGrant('acme', { access: { mode: 'Disabled' } }))).toMatch(
      accepted,
    )
  })
})
