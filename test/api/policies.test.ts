// What the policies of the chart let through, asked as the people themselves, who sign in with
// certificates of their own: each row is a request to a real API server. They are dry runs, which
// pass through admission like any other, so that no row disturbs another.
// Who may what as a whole table is in policies-who-may.test.ts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type ApiServer } from '../support/api-server.ts'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const sara = 'sara@acme.example'
const adam = 'adam@acme.example'
const vera = 'vera@acme.example'
/** SuperAdmin of gamma, whose grant is Managed. */
const sven = 'sven@gamma.example'
/** SuperAdmin of delta, whose partner the platform has decided, but Invited. */
const dora = 'dora@delta.example'
/** Without a written role the first of plain: its SuperAdmin; and its Admin. */
const pat = 'pat@plain.example'
const ada = 'ada@plain.example'
const paul = 'nordic:paul'
const anna = 'nordic:anna'
const tina = 'nordic:tina'
/** Platform: writes organizations, namespaces and bindings, but holds no verb of Tenantry's. */
const fred = 'fred'
const crm = 'crm'
/** May create links: nobody else can yet. */
const lina = 'nordic:lina'

const technicians = [
  { name: tina, scope: 'Full' },
  { name: 'nordic:rolf', scope: 'ReadOnly', notAfter: inMs(3_600_000) },
]

let world: World
const people = new Map<string, ApiServer>()

beforeAll(async () => {
  world = await startWorld({ postgres: false })
  const spec = { database: { enabled: false } }
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: [paul] }),
    partner('iberia', { usernames: { prefix: 'iberia:' } }),
    customer('acme', { ...spec, owners: [sara] }),
    customer('gamma', {
      ...spec,
      owners: [sven],
      partner: { partnerRef: { name: 'nordic' }, relationship: 'Managed', technicians },
    }),
    customer('delta', {
      ...spec,
      owners: [dora],
      partner: { partnerRef: { name: 'nordic' }, technicians },
    }),
    customer('plain', spec),
    customer('cared', { ...spec, origin: 'CRM', contact: { name: 'Ann' }, protected: true }),
    role('test:platform', [
      rule('tenantry.dev', ['customerorganizations', 'partnerorganizations']),
      rule('', ['namespaces', 'namespaces/status', 'namespaces/finalize']),
      rule('rbac.authorization.k8s.io', ['rolebindings']),
      rule('rbac.authorization.k8s.io', ['clusterroles'], ['bind']),
    ]),
    role('test:crm', [
      rule('tenantry.dev', ['customerorganizations'], ['create', 'patch', 'sync-crm']),
    ]),
    role('test:links', [rule('tenantry.dev', ['customerlinks'])]),
    binding('test:platform', fred),
    binding('test:crm', crm),
    binding('test:links', lina),
  )
  await world.until(
    'the namespaces are there',
    async () => {
      const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
      const names = ['partner-nordic', 'partner-iberia', 'customer-acme', 'customer-cared']
      return [...names, 'customer-gamma', 'customer-delta', 'customer-plain'].every((name) =>
        stdout.includes(`/${name}\n`),
      )
    },
    30_000,
  )
  await world.apply(
    member('partner-nordic', anna, 'Admin'),
    member('partner-nordic', tina, 'User'),
    member('partner-nordic', 'nordic:rolf', 'User'),
    member('customer-acme', adam, 'Admin'),
    member('customer-acme', vera, 'Viewer'),
    member('customer-plain', pat),
    grant('acme', 'nordic', { technicians, access: { mode: 'Continuous' } }),
  )
  await world.until('pat is the SuperAdmin', async () => {
    const found = await world.get('member', 'pat-plain-example', 'customer-plain')
    return text(field(found, 'status', 'role')) === 'SuperAdmin'
  })
  await world.apply(member('customer-plain', ada, 'Admin'))
  await world.until('all are in', async () => {
    const answers = [
      world.can(adam, 'get', 'pods', 'customer-acme'),
      world.can(tina, 'get', 'pods', 'customer-acme'),
      world.can(tina, 'get', 'pods', 'customer-gamma'),
      world.can(tina, 'get', 'pods', 'customer-delta'),
      world.can('nordic:rolf', 'get', 'pods', 'customer-acme'),
      world.can(ada, 'get', 'pods', 'customer-plain'),
      world.can(anna, 'authorize-users', 'partneraccessgrants.tenantry.dev', 'customer-gamma'),
      world.can(anna, 'appoint-user', 'organizationmembers.tenantry.dev', 'partner-nordic'),
    ]
    return (await Promise.all(answers)).every(Boolean)
  })
  for (const person of [sara, adam, vera, sven, dora, pat, ada, paul, anna, tina, fred, crm, lina])
    people.set(person, connect(await world.platform.plane.kubeconfigFor(person)))
  people.set('the platform', world.api)
})
afterAll(async () => {
  for (const person of people.values()) person[Symbol.dispose]()
  await world[Symbol.asyncDispose]()
})

function rule(group: string, resources: readonly string[], verbs?: readonly string[]) {
  const all = ['get', 'list', 'create', 'update', 'patch', 'delete']
  return { apiGroups: [group], resources, verbs: verbs ?? all }
}

function role(name: string, rules: readonly object[]) {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    rules,
  }
}

const rbacGroup = 'rbac.authorization.k8s.io'

function binding(name: string, user: string, namespace?: string) {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name },
    subjects: [{ apiGroup: rbacGroup, kind: 'User', name: user }],
  }
}

type Request = readonly [method: string, path: string, body?: unknown]

const group = '/apis/tenantry.dev/v1alpha1'
const inside = (namespace: string, resource: string, name?: string) =>
  `${group}/namespaces/${namespace}/${resource}${name === undefined ? '' : `/${name}`}`
const memberOf = (namespace: string, user: string) =>
  inside(namespace, 'organizationmembers', user.replaceAll(/[^a-z0-9]/g, '-'))

const adds = (namespace: string, user: string, as?: string, more: object = {}): Request => {
  const made = member(namespace, user, as)
  const body = { ...made, spec: { ...made.spec, ...more } }
  return ['POST', inside(namespace, 'organizationmembers'), body]
}
const changes = (namespace: string, user: string, spec: object): Request => [
  'PATCH',
  memberOf(namespace, user),
  { spec },
]
const removes = (namespace: string, user: string): Request => ['DELETE', memberOf(namespace, user)]

const grantOf = (name: string) => inside(`customer-${name}`, 'partneraccessgrants', 'partner')
const patchesGrant = (name: string, spec: object): Request => ['PATCH', grantOf(name), { spec }]
const marksGrant = (name: string, metadata: object): Request => [
  'PATCH',
  grantOf(name),
  { metadata },
]

/** The server's word on a request that it does not carry out: `accepted`, or the refusal. */
async function answer(person: string, [method, path, body]: Request): Promise<string> {
  const asked = people.get(person)
  if (!asked) throw new Error(`${person} has not signed in.`)
  const answered = await asked.ask(
    method,
    `${path}${path.includes('?') ? '&' : '?'}dryRun=All`,
    body,
  )
  // What is there already has passed the policies: they are asked first.
  if (answered.status < 300 || answered.status === 409) return 'accepted'
  return `${answered.status} ${text(field(answered.body, 'message'))}`
}

type Row = readonly [person: string, what: string, request: Request, answer: RegExp]
const accepted = /^accepted$/
/** Of RBAC, before any policy. */
const forbidden = /^403 .* is forbidden: User "/
const denied = (idea: string) => new RegExp(`^(403|422) .*denied request: .*${idea}`)
const needs = (verb: string) => denied(`needs ${verb}`)

function rows(table: readonly Row[]): void {
  test.each(table)('%s %s', async (person, _, request, expected) => {
    expect(await answer(person, request)).toMatch(expected)
  })
}

describe('of members:', () => {
  const acme = 'customer-acme'
  const nordic = 'partner-nordic'
  rows([
    [sara, 'adds a SuperAdmin', adds(acme, 'x@acme.example', 'SuperAdmin'), accepted],
    [sara, 'adds an Admin (S1-22)', adds(acme, 'x@acme.example', 'Admin'), accepted],
    [sara, 'removes an Admin', removes(acme, adam), accepted],
    [sara, 'lowers an Admin', changes(acme, adam, { role: 'Viewer' }), accepted],
    [sara, 'gives permissions', changes(acme, vera, { permissions: ['reports'] }), accepted],
    [adam, 'adds a Viewer (S1-21)', adds(acme, 'x@acme.example', 'Viewer'), accepted],
    [adam, 'adds an Editor', adds(acme, 'x@acme.example', 'Editor'), accepted],
    [adam, 'adds somebody without role', adds(acme, 'x@acme.example'), accepted],
    [adam, 'makes a Viewer an Editor', changes(acme, vera, { role: 'Editor' }), accepted],
    [adam, 'removes a Viewer', removes(acme, vera), accepted],
    [
      adam,
      'adds an Admin (S1-22)',
      adds(acme, 'x@acme.example', 'Admin'),
      denied('needs appoint-admin in customer-acme .* Its SuperAdmins have it'),
    ],
    [adam, 'adds a SuperAdmin', adds(acme, 'x@acme.example', 'SuperAdmin'), needs('appoint-admin')],
    [
      adam,
      'raises a Viewer (S1-23)',
      changes(acme, vera, { role: 'Admin' }),
      needs('appoint-admin'),
    ],
    [
      adam,
      'raises himself (S1-23)',
      changes(acme, adam, { role: 'SuperAdmin' }),
      needs('appoint-admin'),
    ],
    [adam, 'lowers himself', changes(acme, adam, { role: 'Viewer' }), needs('appoint-admin')],
    [
      adam,
      'takes the role off himself',
      changes(acme, adam, { role: null }),
      needs('appoint-admin'),
    ],
    [
      adam,
      'gives permissions',
      changes(acme, vera, { permissions: ['x'] }),
      needs('appoint-admin'),
    ],
    [
      adam,
      'ties an Admin to an owner that he deletes next',
      [
        'PATCH',
        memberOf(acme, adam),
        {
          metadata: {
            ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' }],
          },
        },
      ],
      needs('appoint-admin'),
    ],
    [
      ada,
      'removes the SuperAdmin whose role only status keeps',
      removes('customer-plain', pat),
      needs('appoint-admin'),
    ],
    [
      ada,
      'makes that SuperAdmin a Viewer',
      changes('customer-plain', pat, { role: 'Viewer' }),
      needs('appoint-admin'),
    ],
    [pat, 'removes the Admin', removes('customer-plain', ada), accepted],
    [vera, 'adds a Viewer (S1-24)', adds(acme, 'x@acme.example', 'Viewer'), forbidden],
    [tina, 'adds the first user (S1-28)', adds(acme, 'x@acme.example'), accepted],
    [tina, 'adds a Viewer (S1-04)', adds(acme, 'x@acme.example', 'Viewer'), accepted],
    [tina, 'removes a Viewer', removes(acme, vera), accepted],
    [tina, 'adds an Admin (S1-12)', adds(acme, 'x@acme.example', 'Admin'), needs('appoint-admin')],
    [tina, 'removes an Admin', removes(acme, adam), needs('appoint-admin')],
    [tina, 'writes herself down', adds(acme, tina), denied('Nobody raises himself: nordic:tina')],
    [paul, 'adds a Viewer to a customer', adds(acme, 'x@acme.example', 'Viewer'), forbidden],
    [paul, 'adds an Admin to the partner (S1-07)', adds(nordic, 'nordic:x', 'Admin'), accepted],
    [anna, 'adds a User to the partner (S3-28)', adds(nordic, 'nordic:x', 'User'), accepted],
    [
      anna,
      'adds an Admin to the partner (S1-08)',
      adds(nordic, 'nordic:x', 'Admin'),
      denied('needs appoint-admin in partner-nordic'),
    ],
    [
      anna,
      'gives permissions to a User',
      changes(nordic, tina, { permissions: ['x'] }),
      needs('appoint-admin'),
    ],
    [anna, 'adds a User to another partner', adds('partner-iberia', 'x', 'User'), forbidden],
    [tina, 'adds a User to the partner', adds(nordic, 'nordic:x', 'User'), forbidden],
    [
      'the platform',
      'adds an Editor to a partner (S1-06)',
      adds(nordic, 'nordic:x', 'Editor'),
      denied('no role Editor. Write SuperAdmin, Admin or User'),
    ],
    [
      'the platform',
      'adds a User to a customer (S1-20)',
      adds(acme, 'x@acme.example', 'User'),
      denied('no role User. Write SuperAdmin, Admin, Editor or Viewer'),
    ],
  ])
})

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
    await world.until('the switch is there', async () => {
      const { stdout } = await world.kubectl('get', 'jobs', '-n', 'customer-acme', '-o', 'name')
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

describe('who created a link', () => {
  const links = inside('partner-nordic', 'customerlinks')
  const link = (name: string, createdBy?: string) => ({
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'CustomerLink',
    metadata: {
      name,
      ...(createdBy !== undefined && { annotations: { 'tenantry.dev/created-by': createdBy } }),
    },
    spec: { displayName: 'New' },
  })
  const ask = async (...request: Request) => {
    const asked = await people.get(lina)?.ask(...request)
    return field(asked?.body, 'metadata', 'annotations', 'tenantry.dev/created-by')
  }

  test('is written down by the cluster, and refused when forged (S1-11, TH-24)', async () => {
    expect(await ask('POST', `${links}?dryRun=All`, link('stamped'))).toBe(lina)
    expect(await ask('POST', `${links}?dryRun=All`, link('own', lina))).toBe(lina)
    expect(await answer(lina, ['POST', links, link('forged', paul)])).toMatch(
      denied(`may only be ${lina}`),
    )
  })

  test('can only be kept or dropped later', async () => {
    await ask('POST', links, link('kept'))
    const path = `${links}/kept`
    const mark = (createdBy: string | null): Request => [
      'PATCH',
      path,
      { metadata: { annotations: { 'tenantry.dev/created-by': createdBy } } },
    ]
    expect(await answer(lina, mark(paul))).toMatch(denied('cannot be changed or added later'))
    expect(await answer(lina, mark(lina))).toMatch(accepted)
    expect(await answer(lina, mark(null))).toMatch(accepted)
    await ask(...mark(null))
    expect(await answer(lina, mark(lina))).toMatch(denied('cannot be changed or added later'))
    await ask('DELETE', path)
  })
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

describe('an invitation', () => {
  const path = grantOf('plain')
  const enters = (person: string) => world.can(person, 'get', 'pods', 'customer-plain')
  async function carriesOut(person: string, ...request: Request): Promise<void> {
    const answered = await people.get(person)?.ask(...request)
    expect(answered?.status, text(field(answered?.body, 'message'))).toBeLessThan(300)
  }

  test("is the customer's to make and to end, and the partner's to accept (S1-16, S1-17, S1-34)", async () => {
    const made = grant('plain', 'nordic')
    await carriesOut(pat, 'POST', inside('customer-plain', 'partneraccessgrants'), made)
    await world.until('the partner may name its people', () =>
      world.can(anna, 'authorize-users', 'partneraccessgrants.tenantry.dev', 'customer-plain'),
    )
    expect(await enters(tina)).toBe(false)

    const named = { spec: { technicians: [{ name: tina, scope: 'Full' }] } }
    await carriesOut(anna, 'PATCH', path, named)
    await world.until('tina is in', () => enters(tina))
    const first = member('customer-plain', 'new@plain.example', 'Viewer')
    await carriesOut(tina, 'POST', inside('customer-plain', 'organizationmembers'), first)
    await world.until('whom she has added is in', () => enters('new@plain.example'))

    await carriesOut(pat, 'DELETE', path)
    await world.until('tina is out', async () => !(await enters(tina)))
    await world.until('the grant is gone', async () => {
      return (await world.get('pag', 'partner', 'customer-plain')) === undefined
    })
    expect(await enters('new@plain.example')).toBe(true)
  })
})

describe('a namespace that is being deleted', () => {
  test('takes its members, bindings, Jobs and grant along, whoever they are', async () => {
    const uid = async () => text(field(await world.get('ns', 'customer-delta'), 'metadata', 'uid'))
    const before = await uid()
    await world.kubectl('delete', 'namespace', 'customer-delta', '--wait=false')
    await world.until(
      'it is gone, and made anew',
      async () => {
        const now = await uid()
        return now !== '' && now !== before
      },
      60_000,
    )
  })
})

describe('the policies', () => {
  test('are all found free of mistakes by the API server', async () => {
    const { stdout } = await world.kubectl('get', 'validatingadmissionpolicies', '-o', 'json')
    const items: unknown = field(JSON.parse(stdout), 'items')
    const found = Array.isArray(items) ? items : []
    const names = found.map((item) => text(field(item, 'metadata', 'name'))).sort()
    expect(names).toEqual([
      'tenantry-created-by',
      'tenantry-customers',
      'tenantry-devices',
      'tenantry-grants',
      'tenantry-members',
      'tenantry-namespaces',
      'tenantry-rolebindings',
      'tenantry-window-ends',
    ])
    for (const item of found) {
      expect(field(item, 'status', 'typeChecking', 'expressionWarnings')).toBeUndefined()
    }
  })

  test('leave the operator its own writes', async () => {
    const log = await world.operators[0]?.log()
    expect(log).not.toContain('denied request')
  })
})
