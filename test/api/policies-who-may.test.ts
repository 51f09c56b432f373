// Who may create or change whom (requirements, section 2): every actor, every column, a request of
// that person to a real API server, and `auth can-i` beside it. Dry runs: no cell changes another.
// Impersonation has a test of its own. Of a Managed customer's SuperAdmin the last test says what is left.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type ApiServer } from '../support/api-server.ts'
import { customer, grant, member, partner } from '../support/manifests.ts'
import { startWorld, type World } from '../support/world.ts'

const technicians = [
  { name: 'nordic:tina', scope: 'Full' },
  { name: 'nordic:rolf', scope: 'ReadOnly' },
]

/** The row's person, and the customer that it is asked about. */
const actors = {
  'Platform, GitOps': ['gitops', 'acme'],
  'CRM account': ['crm', 'acme'],
  'Partner SuperAdmin': ['nordic:paul', 'acme'],
  'Partner Admin': ['nordic:anna', 'acme'],
  'Technician, Full': ['nordic:tina', 'acme'],
  'Customer SuperAdmin': ['sara@acme.example', 'acme'],
  'Customer Admin': ['adam@acme.example', 'acme'],
  "Ancestor's SuperAdmin": ['sara@acme.example', 'acme-a'],
  "Ancestor's Admin": ['adam@acme.example', 'acme-a'],
  'Partner User': ['nordic:pia', 'acme'],
  'Technician, ReadOnly': ['nordic:rolf', 'acme'],
  Editor: ['edda@acme.example', 'acme'],
  Viewer: ['vera@acme.example', 'acme'],
  "Another customer's SuperAdmin": ['sven@gamma.example', 'acme'],
  "Another partner's SuperAdmin": ['iberia:ines', 'acme'],
} as const
type Actor = keyof typeof actors
const rows = Object.keys(actors).filter((name): name is Actor => name in actors)

const group = '/apis/tenantry.dev/v1alpha1'
const nordic = `${group}/namespaces/partner-nordic`
const within = (name: string) => `${group}/namespaces/customer-${name}`
const label = { metadata: { labels: { tier: 'gold' } } }

type Request = readonly [method: string, path: string, body?: unknown]
type Column = {
  readonly request: (name: string) => Request
  /** What `auth can-i` is asked: verb and resource, all of them needed. */
  readonly rights: readonly (readonly [verb: string, resource: string])[]
  /** Where. Default: the customer's namespace. */
  readonly where?: 'cluster' | 'partner'
  /** Besides the platform. */
  readonly may: readonly Actor[]
}

const people = [
  'Customer SuperAdmin',
  'Customer Admin',
  "Ancestor's SuperAdmin",
  "Ancestor's Admin",
] as const satisfies readonly Actor[]

const columns: Readonly<Record<string, Column>> = {
  porg: {
    request: () => ['POST', `${group}/partnerorganizations`, partner('new')],
    rights: [['create', 'partnerorganizations.tenantry.dev']],
    where: 'cluster',
    may: [],
  },
  'P: Admin': {
    request: () => [
      'POST',
      `${nordic}/organizationmembers`,
      member('partner-nordic', 'nordic:x', 'Admin'),
    ],
    rights: members('appoint-admin'),
    where: 'partner',
    may: ['Partner SuperAdmin'],
  },
  'P: SuperAdmin': {
    request: () => [
      'POST',
      `${nordic}/organizationmembers`,
      member('partner-nordic', 'nordic:x', 'SuperAdmin'),
    ],
    rights: members('appoint-admin'),
    where: 'partner',
    may: ['Partner SuperAdmin'],
  },
  'P: User': {
    request: () => [
      'POST',
      `${nordic}/organizationmembers`,
      member('partner-nordic', 'nordic:x', 'User'),
    ],
    rights: members('appoint-user'),
    where: 'partner',
    may: ['Partner SuperAdmin', 'Partner Admin'],
  },
  'P: idp': {
    request: () => ['PATCH', `${nordic}/identityproviders/sso`, label],
    rights: [['patch', 'identityproviders.tenantry.dev']],
    where: 'partner',
    may: ['Partner SuperAdmin', 'Partner Admin'],
  },
  'P: create clink': {
    request: () => ['POST', `${nordic}/customerlinks`, link('partner-nordic')],
    rights: [['create', 'customerlinks.tenantry.dev']],
    where: 'partner',
    may: ['Partner SuperAdmin', 'Partner Admin'],
  },
  corg: {
    request: () => ['POST', `${group}/customerorganizations`, customer('new')],
    rights: [['create', 'customerorganizations.tenantry.dev']],
    where: 'cluster',
    may: [],
  },
  'C: create clink': {
    request: (name) => ['POST', `${within(name)}/customerlinks`, link(`customer-${name}`)],
    rights: [['create', 'customerlinks.tenantry.dev']],
    may: ['Customer SuperAdmin', 'Customer Admin'],
  },
  'C: Admin': {
    request: (name) => memberOf(name, 'Admin'),
    rights: members('appoint-admin'),
    may: ['Customer SuperAdmin', "Ancestor's SuperAdmin", "Ancestor's Admin"],
  },
  'C: SuperAdmin': {
    request: (name) => memberOf(name, 'SuperAdmin'),
    rights: members('appoint-admin'),
    may: ['Customer SuperAdmin', "Ancestor's SuperAdmin", "Ancestor's Admin"],
  },
  'C: without role': {
    request: (name) => memberOf(name),
    rights: members('appoint-user'),
    may: [...people, 'Technician, Full'],
  },
  'C: Editor': {
    request: (name) => memberOf(name, 'Editor'),
    rights: members('appoint-user'),
    may: [...people, 'Technician, Full'],
  },
  'C: Viewer': {
    request: (name) => memberOf(name, 'Viewer'),
    rights: members('appoint-user'),
    may: [...people, 'Technician, Full'],
  },
  'C: idp': {
    request: (name) => ['PATCH', `${within(name)}/identityproviders/sso`, label],
    rights: [['patch', 'identityproviders.tenantry.dev']],
    may: ['Customer SuperAdmin', 'Customer Admin'],
  },
  'C: create pag': {
    request: (name) => ['POST', `${within(name)}/partneraccessgrants`, grant(name, 'iberia')],
    rights: grants('create', 'set-partner'),
    may: ['Customer SuperAdmin'],
  },
  'C: delete pag': {
    request: (name) => ['DELETE', `${within(name)}/partneraccessgrants/partner`],
    rights: grants('delete'),
    // By set-partner the one, by leave the other.
    may: ['Customer SuperAdmin', 'Partner SuperAdmin'],
  },
  'C: set-partner': {
    request: (name) => patch(name, { partnerRef: { name: 'iberia' }, technicians: null }),
    rights: grants('patch', 'set-partner'),
    may: ['Customer SuperAdmin'],
  },
  'C: set-access': {
    request: (name) => patch(name, { access: { mode: 'Disabled' } }),
    rights: grants('patch', 'set-access'),
    may: ['Customer SuperAdmin'],
  },
  'C: technicians': {
    request: (name) => patch(name, { technicians: technicians.slice(0, 1) }),
    rights: grants('patch', 'authorize-users'),
    may: ['Partner SuperAdmin', 'Partner Admin'],
  },
  'C: set-relationship': {
    request: (name) => patch(name, { relationship: 'Managed' }),
    rights: grants('patch', 'set-relationship'),
    may: [],
  },
  'C: devas': {
    request: (name) => [
      'POST',
      `${within(name)}/deviceassignments`,
      {
        apiVersion: 'tenantry.dev/v1alpha1',
        kind: 'DeviceAssignment',
        metadata: { name: 'batch', namespace: `customer-${name}` },
        spec: { idType: 'DeviceID', devices: [{ id: 'a1' }] },
      },
    ],
    rights: [
      ['create', 'deviceassignments.tenantry.dev'],
      ['release-devices', 'deviceassignments.tenantry.dev'],
    ],
    may: [...people, 'Technician, Full'],
  },
  'C: status of pag': {
    request: (name) => [
      'PATCH',
      `${within(name)}/partneraccessgrants/partner/status`,
      { status: { epoch: 9 } },
    ],
    rights: [['patch', 'partneraccessgrants/status.tenantry.dev']],
    may: [],
  },
}

function members(verb: string): Column['rights'] {
  return ['create', verb].map((each) => [each, 'organizationmembers.tenantry.dev'] as const)
}

function grants(...verbs: readonly string[]): Column['rights'] {
  return verbs.map((verb) => [verb, 'partneraccessgrants.tenantry.dev'] as const)
}

function memberOf(name: string, role?: string): Request {
  const body = member(`customer-${name}`, `x@${name}.example`, role)
  return ['POST', `${within(name)}/organizationmembers`, body]
}

function patch(name: string, spec: object): Request {
  return ['PATCH', `${within(name)}/partneraccessgrants/partner`, { spec }]
}

let world: World
const signedIn = new Map<string, ApiServer>()

beforeAll(async () => {
  world = await startWorld({ postgres: false })
  const spec = { database: { enabled: false } }
  const signIn = { identityProvider: { issuerURL: 'https://login.acme.example' } }
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: ['nordic:paul'] }),
    partner('iberia', { usernames: { prefix: 'iberia:' }, owners: ['iberia:ines'] }),
    customer('acme', { ...spec, ...signIn, owners: ['sara@acme.example'] }),
    customer('acme-a', { ...spec, ...signIn, parentRef: { name: 'acme' } }),
    customer('gamma', {
      ...spec,
      owners: ['sven@gamma.example'],
      partner: { partnerRef: { name: 'nordic' }, relationship: 'Managed', technicians },
    }),
  )
  await world.kubectl(
    'create',
    'clusterrolebinding',
    'gitops',
    '--clusterrole=cluster-admin',
    '--user=gitops',
  )
  await world.kubectl(
    'create',
    'clusterrole',
    'crm',
    '--verb=get,list,sync-crm',
    '--resource=customerorganizations.tenantry.dev',
  )
  await world.kubectl('create', 'clusterrolebinding', 'crm', '--clusterrole=crm', '--user=crm')
  await world.until(
    'the namespaces are there',
    async () => {
      const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
      const names = ['partner-nordic', 'customer-acme', 'customer-acme-a', 'customer-gamma']
      return names.every((name) => stdout.includes(`/${name}\n`))
    },
    30_000,
  )
  await world.apply(
    member('partner-nordic', 'nordic:anna', 'Admin'),
    ...['tina', 'rolf', 'pia'].map((name) => member('partner-nordic', `nordic:${name}`, 'User')),
    member('customer-acme', 'adam@acme.example', 'Admin'),
    member('customer-acme', 'edda@acme.example', 'Editor'),
    member('customer-acme', 'vera@acme.example', 'Viewer'),
    ...['acme', 'acme-a'].map((name) => grant(name, 'nordic', { technicians })),
  )
  await world.until(
    'all are in',
    async () => {
      const grantsOf = 'partneraccessgrants.tenantry.dev'
      const answers = [
        ...['tina', 'rolf'].map((name) =>
          world.can(`nordic:${name}`, 'get', 'pods', 'customer-acme'),
        ),
        ...['adam', 'edda', 'vera', 'sara'].map((name) =>
          world.can(`${name}@acme.example`, 'get', 'pods', 'customer-acme'),
        ),
        world.can('adam@acme.example', 'get', 'pods', 'customer-acme-a'),
        world.can('nordic:anna', 'authorize-users', grantsOf, 'customer-acme'),
        world.can('nordic:pia', 'get', 'customerlinks.tenantry.dev', 'partner-nordic'),
        world.can('gitops', 'set-relationship', grantsOf, 'customer-acme'),
        world.can('sven@gamma.example', 'get', grantsOf, 'customer-gamma'),
      ]
      const there = ['acme', 'acme-a'].map((name) => world.get('idp', 'sso', `customer-${name}`))
      return (
        (await Promise.all(answers)).every(Boolean) &&
        (await Promise.all(there)).every((found) => found !== undefined)
      )
    },
    30_000,
  )
  for (const [person] of Object.values(actors)) {
    if (signedIn.has(person)) continue
    signedIn.set(person, connect(await world.platform.plane.kubeconfigFor(person)))
  }
})
afterAll(async () => {
  for (const person of signedIn.values()) person[Symbol.dispose]()
  await world[Symbol.asyncDispose]()
})

function link(namespace: string) {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'CustomerLink',
    metadata: { name: 'new', namespace },
  }
}

/** `yes`: the server would carry it out. `no`: it refuses, by RBAC or by a policy. */
async function tries(person: string, [method, path, body]: Request): Promise<string> {
  const answered = await signedIn.get(person)?.ask(method, `${path}?dryRun=All`, body)
  const status = answered?.status ?? 0
  // 409: there already; admission comes first, and has let it through.
  if (status === 200 || status === 201 || status === 409) return 'yes'
  return status === 403 ? 'no' : JSON.stringify(answered)
}

async function mayBoth(actor: Actor, { request, rights, where }: Column): Promise<string> {
  const [person, name] = actors[actor]
  const namespace =
    where === 'cluster' ? '' : where === 'partner' ? 'partner-nordic' : `customer-${name}`
  const [really, ...can] = await Promise.all([
    tries(person, request(name)),
    ...rights.map(([verb, resource]) => world.can(person, verb, resource, namespace)),
  ])
  const says = can.every(Boolean) ? 'yes' : 'no'
  return says === really ? really : `${really}, but auth can-i says ${says}`
}

describe('who may create or change whom:', () => {
  test.each(rows)('%s', async (actor) => {
    const platform = actor === 'Platform, GitOps'
    const expected: Record<string, string> = {}
    const found: Record<string, string> = {}
    for (const [name, column] of Object.entries(columns)) {
      expected[name] = platform || column.may.includes(actor) ? 'yes' : 'no'
      found[name] = await mayBoth(actor, column)
    }
    expect(found).toEqual(expected)
  })

  test('the SuperAdmin of a Managed customer changes neither partner nor access, and has no verb for it', async () => {
    const person = 'sven@gamma.example'
    const removal: Request = ['DELETE', `${within('gamma')}/partneraccessgrants/partner`]
    const handOver = patch('gamma', { partnerRef: { name: 'iberia' }, technicians: null })
    const narrower = patch('gamma', { access: { mode: 'Continuous', maxScope: 'ReadOnly' } })
    for (const request of [removal, handOver, narrower]) {
      expect(await tries(person, request)).toBe('no')
      expect(await tries('gitops', request)).toBe('yes')
    }
    for (const verb of ['set-partner', 'set-access', 'delete', 'update']) {
      const grants = 'partneraccessgrants.tenantry.dev'
      expect(await world.can(person, verb, grants, 'customer-gamma'), verb).toBe(false)
    }
  })

  test('only the partner may leave, and only the customer removes it', async () => {
    const grantsOf = 'partneraccessgrants.tenantry.dev'
    for (const [actor, [person, name]] of Object.entries(actors)) {
      if (actor === 'Platform, GitOps') continue
      const may = (verb: string) => world.can(person, verb, grantsOf, `customer-${name}`)
      expect(await may('leave'), actor).toBe(actor === 'Partner SuperAdmin')
      expect(await may('set-partner'), actor).toBe(actor === 'Customer SuperAdmin')
    }
  })

  test('kubectl answers about members by their short name', async () => {
    const asks = async (person: string) => {
      const question = ['appoint-admin', 'members', '-n', 'customer-acme', '--as', person]
      return (await world.kubectl('auth', 'can-i', ...question)).stdout.trim()
    }
    expect(await asks('sara@acme.example')).toBe('yes')
    expect(await asks('adam@acme.example')).toBe('no')
  })
})
