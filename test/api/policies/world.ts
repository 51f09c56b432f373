// The platform of the tests beside this file, and its people, who sign in with certificates of their own: what the policies of the
// chart let through is asked as the people themselves. Most rows are dry runs, which pass through admission like any other write, so
// that no row disturbs another. Importing this starts a platform for the file.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type ApiServer } from '../../support/api-server.ts'
import { customer, grant, inMs, member, partner } from '../../support/manifests.ts'
import { field, startWorld, text, type World } from '../../support/world.ts'

export const sara = 'sara@acme.example'
export const adam = 'adam@acme.example'
export const vera = 'vera@acme.example'
/** SuperAdmin of gamma, whose grant is Managed. */
export const sven = 'sven@gamma.example'
/** SuperAdmin of delta, whose partner the platform has decided, but Invited. */
export const dora = 'dora@delta.example'
/** Without a written role the first of plain: its SuperAdmin; and its Admin. */
export const pat = 'pat@plain.example'
export const ada = 'ada@plain.example'
export const paul = 'nordic:paul'
export const anna = 'nordic:anna'
export const tina = 'nordic:tina'
/** Platform: writes organizations, namespaces and bindings, but holds no verb of Tenantry's. */
export const fred = 'fred'
export const crm = 'crm'
/** May create links: nobody else can yet. */
export const lina = 'nordic:lina'

export const technicians = [
  { name: tina, scope: 'Full' },
  { name: 'nordic:rolf', scope: 'ReadOnly', notAfter: inMs(3_600_000) },
]

let started: World

/** Of this test file. */
export function world(): World {
  return started
}

export const people = new Map<string, ApiServer>()

beforeAll(async () => {
  started = await startWorld({ postgres: false })
  const spec = { database: { enabled: false } }
  await started.apply(
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
  await started.until(
    'the namespaces are there',
    async () => {
      const { stdout } = await started.kubectl('get', 'ns', '-o', 'name')
      const names = ['partner-nordic', 'partner-iberia', 'customer-acme', 'customer-cared']
      return [...names, 'customer-gamma', 'customer-delta', 'customer-plain'].every((name) =>
        stdout.includes(`/${name}\n`),
      )
    },
    30_000,
  )
  await started.apply(
    member('partner-nordic', anna, 'Admin'),
    member('partner-nordic', tina, 'User'),
    member('partner-nordic', 'nordic:rolf', 'User'),
    member('customer-acme', adam, 'Admin'),
    member('customer-acme', vera, 'Viewer'),
    member('customer-plain', pat),
    grant('acme', 'nordic', { technicians, access: { mode: 'Continuous' } }),
  )
  await started.until('pat is the SuperAdmin', async () => {
    const found = await started.get('member', 'pat-plain-example', 'customer-plain')
    return text(field(found, 'status', 'role')) === 'SuperAdmin'
  })
  await started.apply(member('customer-plain', ada, 'Admin'))
  await started.until('all are in', async () => {
    const answers = [
      started.can(adam, 'get', 'pods', 'customer-acme'),
      started.can(tina, 'get', 'pods', 'customer-acme'),
      started.can(tina, 'get', 'pods', 'customer-gamma'),
      started.can(tina, 'get', 'pods', 'customer-delta'),
      started.can('nordic:rolf', 'get', 'pods', 'customer-acme'),
      started.can(ada, 'get', 'pods', 'customer-plain'),
      started.can(anna, 'authorize-users', 'partneraccessgrants.tenantry.dev', 'customer-gamma'),
      started.can(anna, 'appoint-user', 'organizationmembers.tenantry.dev', 'partner-nordic'),
    ]
    return (await Promise.all(answers)).every(Boolean)
  })
  for (const person of [sara, adam, vera, sven, dora, pat, ada, paul, anna, tina, fred, crm, lina])
    people.set(person, connect(await started.platform.plane.kubeconfigFor(person)))
  people.set('the platform', started.api)
})
afterAll(async () => {
  for (const person of people.values()) person[Symbol.dispose]()
  await started[Symbol.asyncDispose]()
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

export const rbacGroup = 'rbac.authorization.k8s.io'

export function binding(name: string, user: string, namespace?: string) {
  return {
    apiVersion: `${rbacGroup}/v1`,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name },
    subjects: [{ apiGroup: rbacGroup, kind: 'User', name: user }],
  }
}

export type Request = readonly [method: string, path: string, body?: unknown]

export const group = '/apis/tenantry.dev/v1alpha1'
export const inside = (namespace: string, resource: string, name?: string) =>
  `${group}/namespaces/${namespace}/${resource}${name === undefined ? '' : `/${name}`}`
export const memberOf = (namespace: string, user: string) =>
  inside(namespace, 'organizationmembers', user.replaceAll(/[^a-z0-9]/g, '-'))

export const adds = (namespace: string, user: string, as?: string, more: object = {}): Request => {
  const made = member(namespace, user, as)
  const body = { ...made, spec: { ...made.spec, ...more } }
  return ['POST', inside(namespace, 'organizationmembers'), body]
}
export const changes = (namespace: string, user: string, spec: object): Request => [
  'PATCH',
  memberOf(namespace, user),
  { spec },
]
export const removes = (namespace: string, user: string): Request => [
  'DELETE',
  memberOf(namespace, user),
]

export const grantOf = (name: string) =>
  inside(`customer-${name}`, 'partneraccessgrants', 'partner')
export const patchesGrant = (name: string, spec: object): Request => [
  'PATCH',
  grantOf(name),
  { spec },
]
export const marksGrant = (name: string, metadata: object): Request => [
  'PATCH',
  grantOf(name),
  { metadata },
]

/** The server's word on a request that it does not carry out: `accepted`, or the refusal. */
export async function answer(person: string, [method, path, body]: Request): Promise<string> {
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
export const accepted = /^accepted$/
/** Of RBAC, before any policy. */
export const forbidden = /^403 .* is forbidden: User "/
export const denied = (idea: string) => new RegExp(`^(403|422) .*denied request: .*${idea}`)
export const needs = (verb: string) => denied(`needs ${verb}`)

export function rows(table: readonly Row[]): void {
  test.each(table)('%s %s', async (person, _, request, expected) => {
    expect(await answer(person, request)).toMatch(expected)
  })
}
