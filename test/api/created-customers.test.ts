// Customers that a partner or a parent creates by a CustomerLink, with kubectl as the person, and how
// a partner leaves one again. The tests follow one story, in order: each goes on where the last ended.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const sara = 'sara@acme.example'
const paul = 'nordic:paul'
const anna = 'nordic:anna'
const pia = 'nordic:pia'
const ines = 'iberia:ines'
const grants = 'partneraccessgrants.tenantry.dev'
const links = 'customerlinks.tenantry.dev'

const { signal } = new AbortController()

let world: World
beforeAll(async () => {
  world = await startWorld({ postgres: false, config: { links: { maxCustomers: 2 } } })
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: [paul] }),
    partner('iberia', { usernames: { prefix: 'iberia:' }, owners: [ines] }),
    customer('acme', { owners: [sara], database: { enabled: false } }),
  )
  await world.until('the SuperAdmins may create', async () => {
    const answers = await Promise.all([
      world.can(paul, 'create', links, 'partner-nordic'),
      world.can(ines, 'create', links, 'partner-iberia'),
      world.can(sara, 'create', links, 'customer-acme'),
    ])
    return answers.every(Boolean)
  })
  await world.apply(member('partner-nordic', anna, 'Admin'), member('partner-nordic', pia, 'User'))
  await world.until('anna may create', () => world.can(anna, 'create', links, 'partner-nordic'))
})
afterAll(() => world[Symbol.asyncDispose]())

/** What kubectl prints to this person. */
async function as(person: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await world.kubectl(...args, '--as', person)
  return stdout + stderr
}

async function create(person: string, manifest: object): Promise<string> {
  const asked = ['create', '-f', '-', '--as', person]
  const options = { input: JSON.stringify(manifest), allowFailure: true }
  const { stdout, stderr } = await world.platform.plane.run(signal, asked, options)
  return stdout + stderr
}

function link(namespace: string, name: string, annotations = {}) {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'CustomerLink',
    metadata: { name, namespace, annotations },
    spec: { displayName: `${name} Inc.` },
  }
}

const says = (namespace: string, name: string, expected: string) =>
  world.until(`link ${name} says ${expected}`, async () => {
    const where = { kind: 'clink', name, namespace }
    return (await world.condition(where, 'Ready')) === expected
  })

const isLinked = (name: string) =>
  world.until(`${name} is linked`, async () => {
    const found = await world.condition({ kind: 'corg', name }, 'PartnerLinked')
    return found === 'True/Linked'
  })

const enters = (person: string, name: string) =>
  world.can(person, 'get', 'pods', `customer-${name}`)

describe('a partner', () => {
  test('creates a customer that is linked to it, with its creator as the only technician (S0-11, S0-12, S1-11)', async () => {
    expect(await create(anna, link('partner-nordic', 'new'))).toContain('created')
    await isLinked('new')
    const spec = field(await world.get('pag', 'partner', 'customer-new'), 'spec')
    expect(spec).toMatchObject({
      partnerRef: { name: 'nordic' },
      relationship: 'Managed',
      technicians: [{ name: anna, scope: 'Full' }],
    })
    await world.until('anna is in', () => enters(anna, 'new'))
    expect(await enters(paul, 'new')).toBe(false)
    await says('partner-nordic', 'new', 'True/Ready')
    const made = await world.get('corg', 'new')
    expect(field(made, 'spec')).toMatchObject({ origin: 'Partner', displayName: 'new Inc.' })
  })

  test("cannot create one by a User, nor in another partner's name (S0-12, S1-10)", async () => {
    expect(await create(pia, link('partner-nordic', 'no'))).toContain('is forbidden: User')
    expect(await create(anna, link('partner-iberia', 'no'))).toContain('is forbidden: User')
  })

  test('cannot say that somebody else created it (S1-11, TH-24)', async () => {
    const forged = link('partner-nordic', 'forged', { 'tenantry.dev/created-by': paul })
    expect(await create(anna, forged)).toContain(`it may only be ${anna}`)
    expect(await world.get('clink', 'forged', 'partner-nordic')).toBeUndefined()
  })

  test('is told that a name is taken, and nothing of whose it is (TH-05, ISOLATED)', async () => {
    const before = await world.get('corg', 'acme')
    expect(await create(ines, link('partner-iberia', 'acme'))).toContain('created')
    await says('partner-iberia', 'acme', 'False/NameTaken')
    const { stdout } = await world.kubectl(
      'get',
      'clink',
      'acme',
      '-n',
      'partner-iberia',
      '-o',
      'yaml',
    )
    expect(stdout).not.toContain('sara')
    expect(stdout).not.toContain(text(field(before, 'metadata', 'uid')))
    expect(field(await world.get('corg', 'acme'), 'spec')).toEqual(field(before, 'spec'))
    expect(await create(ines, link('partner-iberia', 'new'))).toContain('created')
    await says('partner-iberia', 'new', 'False/NameTaken')
    expect(await world.can(ines, 'get', grants, 'customer-new')).toBe(false)
  })

  test('gets no more customers than its quota, and the next when there is room', async () => {
    await create(paul, link('partner-nordic', 'second'))
    await isLinked('second')
    await create(paul, link('partner-nordic', 'third'))
    await says('partner-nordic', 'third', 'False/QuotaExceeded')
    expect(await world.get('corg', 'third')).toBeUndefined()
    await world.kubectl('delete', 'corg', 'second', '--timeout=30s')
    await isLinked('third')
  })

  test('deletes its link, and the customer stays and is listed again (NOTHING-LOST)', async () => {
    const uid = async () => text(field(await world.get('corg', 'new'), 'metadata', 'uid'))
    const before = await uid()
    expect(await as(anna, 'delete', 'clink', 'new', '-n', 'partner-nordic')).toContain('deleted')
    await says('partner-nordic', 'new', 'True/Ready')
    expect(await uid()).toBe(before)
    expect(await enters(anna, 'new')).toBe(true)
  })
})

describe('the first member', () => {
  const first = 'first@new.example'
  const object = 'first-new-example'
  const inside = ['-n', 'customer-new']

  test('whom the technician adds is the SuperAdmin; the second is not (S1-27, S1-29)', async () => {
    expect(await create(anna, member('customer-new', first))).toContain('created')
    await world.until('there is a SuperAdmin', async () => {
      const found = await world.get('member', object, 'customer-new')
      return field(found, 'status', 'lastSuperAdmin') === true
    })
    const members = 'organizationmembers.tenantry.dev'
    await world.until('it administers', () => {
      return world.can(first, 'appoint-admin', members, 'customer-new')
    })
    expect(await create(anna, member('customer-new', 'b@new.example'))).toContain('created')
    await world.until('the second has the lowest role', async () => {
      const found = await world.get('member', 'b-new-example', 'customer-new')
      return text(field(found, 'status', 'role')) === 'Viewer'
    })
    const admin = member('customer-new', 'c@new.example', 'SuperAdmin')
    expect(await create(anna, admin)).toContain('needs appoint-admin')
  })

  test('stays as long as nobody else is SuperAdmin (TH-22)', async () => {
    const refused = 'new needs a SuperAdmin, and first@new.example is the only one'
    expect(await as(first, 'delete', 'member', object, ...inside)).toContain(refused)
    const lowers = ['--type=merge', '-p', '{"spec":{"role":"Viewer"}}']
    expect(await as(first, 'patch', 'member', object, ...inside, ...lowers)).toContain(refused)
  })
})

describe('a parent', () => {
  test('creates a nested customer, and its Admins look into it (S2-01, S2-02, S2-06)', async () => {
    expect(await create(sara, link('customer-acme', 'acme-a'))).toContain('created')
    await world.until('sara is in', () => enters(sara, 'acme-a'))
    const made = await world.get('corg', 'acme-a')
    expect(field(made, 'spec')).toMatchObject({ origin: 'Parent', parentRef: { name: 'acme' } })
    await says('customer-acme', 'acme-a', 'True/Ready')
    expect(await world.get('pag', 'partner', 'customer-acme-a')).toBeUndefined()
  })
})

describe('a partner that leaves', () => {
  // Without waiting: who has left may not look whether the grant is gone.
  const end = ['delete', 'pag', 'partner', '-n', 'customer-new', '--wait=false']

  test('does so by its SuperAdmin alone, also from a customer that it manages (S1-36)', async () => {
    expect(await world.can(paul, 'leave', grants, 'customer-new')).toBe(true)
    expect(await as(anna, ...end)).toContain('is forbidden: User')
    expect(await as(ines, ...end)).toContain('is forbidden: User')
    expect(await as(paul, ...end)).toContain('deleted')
    await world.until('anna is out', async () => !(await enters(anna, 'new')))
  })

  test('is gone for good: it is not linked again, and has the customer no more in its list (S3-05)', async () => {
    await world.until('the list is shorter', async () => {
      return (await world.get('clink', 'new', 'partner-nordic')) === undefined
    })
    // Another run of this customer, so that what could come back would have come.
    await world.kubectl('annotate', 'corg', 'new', 'test/again=1')
    await create(paul, link('partner-nordic', 'new'))
    await says('partner-nordic', 'new', 'False/NameTaken')
    expect(await world.get('pag', 'partner', 'customer-new')).toBeUndefined()
    expect(await world.can(paul, 'leave', grants, 'customer-new')).toBe(false)
  })
})
