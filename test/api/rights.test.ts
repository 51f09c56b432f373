// What each role of the chart may do, asked of the API server as a person who has it: the threats of
// requirements section 5 by name, and a list of everything as a snapshot.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, member, partner } from '../support/manifests.ts'
import { startWorld, type World } from '../support/world.ts'

const people = {
  'customer-superadmin': 'sara@acme.example',
  'customer-admin': 'adam@acme.example',
  'customer-editor': 'edda@acme.example',
  'customer-viewer': 'vera@acme.example',
  'technician-full': 'nordic:tina',
  'technician-readonly': 'nordic:rolf',
} as const

let world: World
beforeAll(async () => {
  world = await startWorld({ postgres: false })
  const technicians = [
    { name: people['technician-full'] },
    { name: people['technician-readonly'], scope: 'ReadOnly' },
  ]
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: ['nordic:paul'] }),
    customer('acme', {
      owners: [people['customer-superadmin']],
      database: { enabled: false },
      partner: { partnerRef: { name: 'nordic' }, technicians },
    }),
  )
  await world.until('the namespaces are there', async () => {
    const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
    return ['partner-nordic', 'customer-acme'].every((name) => stdout.includes(`/${name}\n`))
  })
  await world.apply(
    member('partner-nordic', people['technician-full'], 'User'),
    member('partner-nordic', people['technician-readonly'], 'User'),
    member('customer-acme', people['customer-admin'], 'Admin'),
    member('customer-acme', people['customer-editor'], 'Editor'),
    member('customer-acme', people['customer-viewer'], 'Viewer'),
  )
  await world.until('all are in', async () => {
    const answers = Object.values(people).map((person) =>
      world.can(person, 'get', 'pods', 'customer-acme'),
    )
    return (await Promise.all(answers)).every(Boolean)
  })
})
afterAll(() => world[Symbol.asyncDispose]())

describe('a technician with scope Full', () => {
  test.each([
    ['make a RoleBinding (TH-12)', 'create', 'rolebindings.rbac.authorization.k8s.io'],
    ['change a Role (TH-12)', 'update', 'roles.rbac.authorization.k8s.io'],
    ['leave a CronJob behind (TH-12)', 'create', 'cronjobs.batch'],
    ['make a pod (TH-12)', 'create', 'pods'],
    ['make a Deployment (TH-12)', 'create', 'deployments.apps'],
    ['change the Job that ends the window (TH-03)', 'patch', 'jobs.batch'],
    ['delete the Job that ends the window', 'delete', 'jobs.batch'],
    ['read Secrets (TH-18)', 'get', 'secrets'],
    ['list Secrets (TH-18)', 'list', 'secrets'],
    ['get a token (TH-13)', 'create', 'serviceaccounts/token'],
    ['watch pods (TH-14)', 'watch', 'pods'],
    ['watch devices (TH-14)', 'watch', 'deviceassignments.tenantry.dev'],
    ['exec into a pod (TH-14)', 'create', 'pods/exec'],
    ['attach to a pod (TH-14)', 'create', 'pods/attach'],
    ['forward a port (TH-14)', 'create', 'pods/portforward'],
    ['read logs (TH-14)', 'get', 'pods/log'],
    ['proxy (TH-14)', 'get', 'pods/proxy'],
    ['ask for a certificate (TH-19)', 'create', 'certificatesigningrequests.certificates.k8s.io'],
    ["change the customer's sign-in (TH-20)", 'update', 'identityproviders.tenantry.dev'],
    ['change the grant', 'patch', 'partneraccessgrants.tenantry.dev'],
    ['forge the status of the grant (TH-24)', 'patch', 'partneraccessgrants.tenantry.dev/status'],
  ])('may not %s', async (_, verb, resource) => {
    expect(await world.can(people['technician-full'], verb, resource, 'customer-acme')).toBe(false)
  })

  test('may look at workloads and register devices', async () => {
    const may = (verb: string, resource: string) =>
      world.can(people['technician-full'], verb, resource, 'customer-acme')
    expect(await may('list', 'deployments.apps')).toBe(true)
    expect(await may('create', 'deviceassignments.tenantry.dev')).toBe(true)
  })
})

describe("the partner's owner, who is not named,", () => {
  test('enters no customer (S1-13), and sees the grant alone', async () => {
    const may = (verb: string, resource: string) =>
      world.can('nordic:paul', verb, resource, 'customer-acme')
    expect(await may('get', 'pods')).toBe(false)
    expect(await may('get', 'partneraccessgrants.tenantry.dev')).toBe(true)
    expect(await may('list', 'organizationmembers.tenantry.dev')).toBe(false)
  })
})

describe("a customer's people", () => {
  test('may not make RoleBindings, nor write what the operator says (TH-12, TH-24)', async () => {
    for (const person of [people['customer-superadmin'], people['customer-admin']]) {
      const may = (verb: string, resource: string) =>
        world.can(person, verb, resource, 'customer-acme')
      expect(await may('create', 'rolebindings.rbac.authorization.k8s.io')).toBe(false)
      expect(await may('patch', 'partneraccessgrants.tenantry.dev/status')).toBe(false)
      expect(await may('patch', 'namespaces')).toBe(false)
    }
  })

  test('see no Secret below Admin, and no device below Admin (S4-16)', async () => {
    for (const person of [people['customer-editor'], people['customer-viewer']]) {
      expect(await world.can(person, 'get', 'secrets', 'customer-acme')).toBe(false)
      const devices = 'deviceassignments.tenantry.dev'
      expect(await world.can(person, 'get', devices, 'customer-acme')).toBe(false)
    }
    expect(await world.can(people['customer-admin'], 'get', 'secrets', 'customer-acme')).toBe(true)
  })
})

describe('everything that', () => {
  test.each(Object.entries(people))('a %s may do is what was reviewed', async (role, person) => {
    const { stdout } = await world.kubectl(
      'auth',
      'can-i',
      '--list',
      '--no-headers',
      '-n',
      'customer-acme',
      '--as',
      person,
    )
    const lines = stdout
      .split('\n')
      .map((line) => withSortedVerbs(line.replaceAll(/ {2,}/g, '  ').trim()))
      .filter(
        (line) => line !== '' && !/^\[\/|^ *\[\//.test(line) && !line.startsWith('selfsubject'),
      )
      .sort()
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`rights/${role}.txt`)
  })
})

/** They come from several bindings, in no particular order. */
function withSortedVerbs(line: string): string {
  return line.replace(
    /\[([^[\]]*)\]$/,
    (_, verbs: string) => `[${verbs.split(' ').sort().join(' ')}]`,
  )
}
