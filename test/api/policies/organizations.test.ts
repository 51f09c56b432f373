// What not even everybody with the right may do: to customers, to the namespaces of organizations, to the bindings and the Jobs in them.
import { describe, expect, test } from 'vitest'
import {
  sara,
  adam,
  tina,
  fred,
  crm,
  rbacGroup,
  group,
  accepted,
  forbidden,
  denied,
  needs,
  binding,
  rows,
  answer,
  world,
  type Request,
} from './world.ts'

describe('of customers:', () => {
  const corg = (name: string) => `${group}/customerorganizations/${name}`
  const contact = { spec: { contact: { name: 'Bea' } } }
  rows([
    [
      'the platform',
      'deletes a protected one',
      ['DELETE', corg('cared')],
      denied('cared is protected .* Set spec.protected to false first'),
    ],
    ['the platform', 'deletes another', ['DELETE', corg('plain')], accepted],
    [
      fred,
      'writes the contact of a CRM customer (S4-11)',
      ['PATCH', corg('cared'), contact],
      needs('sync-crm'),
    ],
    [
      fred,
      'writes the domain of a CRM customer',
      ['PATCH', corg('cared'), { spec: { domain: 'cared.example' } }],
      needs('sync-crm'),
    ],
    [
      fred,
      'takes off the contact of a CRM customer',
      ['PATCH', corg('cared'), { spec: { contact: null } }],
      needs('sync-crm'),
    ],
    [
      fred,
      'turns on the portal of a CRM customer',
      ['PATCH', corg('cared'), { spec: { portal: { active: true } } }],
      accepted,
    ],
    [fred, 'writes the contact of another', ['PATCH', corg('plain'), contact], accepted],
    [crm, 'writes the contact of a CRM customer', ['PATCH', corg('cared'), contact], accepted],
    [sara, 'writes a contact (S4-11)', ['PATCH', corg('acme'), contact], forbidden],
  ])
})

describe('of the namespaces of organizations:', () => {
  const ns = (name: string) => `/api/v1/namespaces/${name}`
  const label = (labels: object) => ({ metadata: { labels } })
  const made = { apiVersion: 'v1', kind: 'Namespace' }
  rows([
    [
      fred,
      'labels one for another customer',
      ['PATCH', ns('customer-acme'), label({ 'tenantry.dev/customer': 'gamma' })],
      needs('adopt-namespace'),
    ],
    [
      fred,
      'takes the label off',
      ['PATCH', ns('customer-acme'), label({ 'tenantry.dev/customer': null })],
      needs('adopt-namespace'),
    ],
    [
      fred,
      'takes the label off by the status',
      ['PATCH', `${ns('customer-acme')}/status`, label({ 'tenantry.dev/customer': null })],
      needs('adopt-namespace'),
    ],
    [
      fred,
      'makes a customer a partner',
      ['PATCH', ns('customer-acme'), label({ 'tenantry.dev/partner': 'nordic' })],
      needs('adopt-namespace'),
    ],
    [
      fred,
      'brings a labelled one',
      [
        'POST',
        '/api/v1/namespaces',
        { ...made, metadata: { name: 'brought', labels: { 'tenantry.dev/customer': 'brought' } } },
      ],
      needs('adopt-namespace'),
    ],
    [fred, 'deletes one', ['DELETE', ns('customer-acme')], needs('delete-namespace')],
    [fred, 'deletes one of a partner', ['DELETE', ns('partner-iberia')], needs('delete-namespace')],
    [
      fred,
      'writes another label',
      ['PATCH', ns('customer-acme'), label({ team: 'blue' })],
      accepted,
    ],
    [fred, 'deletes one of nobody', ['DELETE', ns('default')], /403 .*default.* is forbidden/],
    [
      fred,
      'brings one without label',
      ['POST', '/api/v1/namespaces', { ...made, metadata: { name: 'brought' } }],
      accepted,
    ],
    [
      sara,
      'labels her own (TH-24)',
      ['PATCH', ns('customer-acme'), label({ 'tenantry.dev/customer': 'gamma' })],
      forbidden,
    ],
    [
      'the platform',
      'brings a labelled one',
      [
        'POST',
        '/api/v1/namespaces',
        { ...made, metadata: { name: 'brought', labels: { 'tenantry.dev/customer': 'brought' } } },
      ],
      accepted,
    ],
    ['the platform', 'deletes one', ['DELETE', ns('customer-acme')], accepted],
  ])
})

describe('of the bindings in them:', () => {
  const bindings = (namespace: string, name = '') =>
    `/apis/${rbacGroup}/v1/namespaces/${namespace}/rolebindings${name}`
  const view = (namespace: string) => binding('view', fred, namespace)
  rows([
    [
      fred,
      "makes one in a customer's",
      ['POST', bindings('customer-acme'), view('customer-acme')],
      denied('needs bind-people on customerorganizations.* OrganizationMember'),
    ],
    [
      fred,
      "makes one in a partner's",
      ['POST', bindings('partner-nordic'), view('partner-nordic')],
      needs('bind-people'),
    ],
    [
      fred,
      'adds himself to one',
      [
        'PATCH',
        bindings('customer-acme', '/partner-admins'),
        { subjects: view('customer-acme').subjects },
      ],
      needs('bind-people'),
    ],
    [
      fred,
      'removes one',
      ['DELETE', bindings('customer-acme', '/partner-admins')],
      needs('bind-people'),
    ],
    [fred, 'makes one elsewhere', ['POST', bindings('default'), view('default')], accepted],
    [
      sara,
      'makes one (S1-15)',
      ['POST', bindings('customer-acme'), view('customer-acme')],
      forbidden,
    ],
    [
      tina,
      'makes one (S1-15)',
      ['POST', bindings('customer-acme'), view('customer-acme')],
      forbidden,
    ],
    [
      'the platform',
      'makes one',
      ['POST', bindings('customer-acme'), view('customer-acme')],
      accepted,
    ],
  ])
})

describe('of the Jobs that end windows', () => {
  const jobs = '/apis/batch/v1/namespaces/customer-acme/jobs'
  async function job(): Promise<string> {
    let name = ''
    await world().until('the switch is there', async () => {
      const { stdout } = await world().kubectl('get', 'jobs', '-n', 'customer-acme', '-o', 'name')
      name = /window-end-\d+/.exec(stdout)?.[0] ?? ''
      return name !== ''
    })
    return name
  }
  const made = (name: string) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      completions: 0,
      parallelism: 0,
      template: {
        spec: { restartPolicy: 'Never', containers: [{ name: 'none', image: 'none' }] },
      },
    },
  })

  test("a customer's Admin and the platform lengthen none", async () => {
    const lengthen = { spec: { ttlSecondsAfterFinished: 999_999 } }
    for (const person of [adam, 'the platform']) {
      const asked = await answer(person, ['PATCH', `${jobs}/${await job()}`, lengthen])
      expect(asked).toMatch(denied('Tenantry alone makes or changes it'))
    }
  })

  test('nobody writes one by its status', async () => {
    const request: Request = [
      'PATCH',
      `${jobs}/${await job()}/status`,
      { metadata: { finalizers: ['orphan'] } },
    ]
    expect(await answer('the platform', request)).toMatch(
      denied('Tenantry alone makes or changes it'),
    )
  })

  test('nobody ties one to an owner, or makes the name his own', async () => {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' }
    const tie = { metadata: { ownerReferences: [owner] } }
    expect(await answer(adam, ['PATCH', `${jobs}/${await job()}`, tie])).toMatch(
      denied('Tenantry alone'),
    )
    expect(await answer(adam, ['POST', jobs, made('window-end-1')])).toMatch(
      denied('Tenantry alone'),
    )
    expect(await answer(adam, ['POST', jobs, made('nightly')])).toMatch(accepted)
  })

  test('one may be deleted, which ends the window early, but not so that its bindings stay', async () => {
    const path = `${jobs}/${await job()}`
    const by = (policy: string): Request => ['DELETE', `${path}?propagationPolicy=${policy}`]
    expect(await answer(adam, by('Background'))).toMatch(accepted)
    expect(await answer(adam, by('Orphan'))).toMatch(denied('what it owns goes with it'))
    expect(await answer(adam, ['DELETE', path])).toMatch(denied('what it owns goes with it'))
  })
})
