// An account's administrator makes a nested customer, gives it devices and an administrator of its own, and keeps the
// overview (requirements S2). One story, in order: each step goes on where the last ended.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, devices, link, member } from '../support/manifests.ts'
import {
  asSuperuser,
  databaseOf,
  query,
  startStory,
  type Person,
  type Story,
} from '../support/story.ts'
import { field, type World } from '../support/world.ts'

const acme = 'customer-acme'
const members = 'organizationmembers.tenantry.dev'
const assignments = 'deviceassignments.tenantry.dev'

let story: Story
let world: World
let platform: Person
let sara: Person
let adam: Person
let vera: Person
let nora: Person
beforeAll(async () => {
  story = await startStory()
  world = story.world
  platform = story.platform
  sara = await story.person('sara@acme.example', acme)
  adam = await story.person('adam@acme.example', acme)
  vera = await story.person('vera@acme.example', acme)
  nora = await story.person('nora@plant-a.example', 'customer-acme-a')
  await world.apply(customer('acme', { displayName: 'Acme', owners: [sara.name] }))
  await world.until('acme is ready', async () => {
    return (await world.condition({ kind: 'corg', name: 'acme' }, 'Ready')) === 'True/Ready'
  })
  await sara.does(
    'create',
    withLogin(member(acme, adam.name, 'Admin')),
    withLogin(member(acme, vera.name, 'Viewer')),
  )
  await world.until('adam may nest', () => adam.may('create', 'clink', acme))
}, 120_000)
afterAll(() => story[Symbol.asyncDispose]())

function withLogin(manifest: ReturnType<typeof member>) {
  return { ...manifest, spec: { ...manifest.spec, databaseLogin: true } }
}
const isReady = (name: string) =>
  world.until(`${name} is ready`, async () => {
    const found = await world.condition({ kind: 'corg', name }, 'Ready')
    return found === 'True/Ready' || found
  })
const isAssigned = (name: string, ofCustomer: string, expected: object) =>
  world.until(`${name} is assigned`, async () => {
    const found = await world.get('devas', name, `customer-${ofCustomer}`)
    const status = field(found, 'status')
    if (field(found, 'metadata', 'generation') !== field(status, 'observedGeneration')) return false
    expect(status).toMatchObject(expected)
    return true
  })
describe('a nested customer', () => {
  test('is created by an Admin of the account and by no Viewer (S2-01, S2-02, S2-14)', async () => {
    await world.until('vera is in', () => vera.enters('acme'))
    expect(await vera.isRefused('create', link(acme, 'acme-a'))).toContain('is forbidden')
    const misspelt = await adam.isRefused('create', link(acme, 'Acme_A'))
    expect(misspelt).toContain('a DNS label')
    await adam.does('create', link(acme, 'acme-a', { displayName: 'Plant A' }))
    await adam.does('create', link(acme, 'acme-b', { displayName: 'Plant B' }))
    await adam.does('wait clink/acme-a clink/acme-b --for=condition=Ready --timeout=30s')
    const where = { kind: 'corg', name: 'acme-a' }
    await world.until('it is isolated', async () => {
      return (await world.condition(where, 'Isolated')) === 'True/Proven'
    })
    const found = await platform.does('get ns -l tenantry.dev/customer=acme-a -o name')
    expect(found).toBe('namespace/customer-acme-a')
  })

  test('stays below its parent for ever (S2-05)', async () => {
    const moved = '{"spec":{"parentRef":{"name":"acme-b"}}}'
    expect(await platform.isRefused(`patch corg acme-a --type=merge -p ${moved}`)).toContain(
      'parentRef cannot change',
    )
  })
})

describe('devices', () => {
  test('come to it in two steps: a preview, then the commit (S2-15, S2-17)', async () => {
    await adam.does('create', devices('acme', 'all', ['d-1', 'd-2', 'd-3', 'd-4', 'd-5']))
    await isAssigned('all', 'acme', { assigned: 5 })
    const batch = (preview: boolean) =>
      devices('acme-a', 'fleet', ['d-1', 'd-2'], { from: { customer: 'acme' }, preview })
    await adam.does('apply', batch(true))
    await isAssigned('fleet', 'acme-a', { assigned: 0, pending: 2 })
    expect(await whose('d-1')).toBe('acme')
    const none = await adam.isRefused('create', devices('acme-a', 'none', []))
    expect(none).toContain('spec.devices')
    await adam.does('apply', batch(false))
    await isAssigned('fleet', 'acme-a', { assigned: 2, moved: 2 })
    expect(await whose('d-1')).toBe('acme-a')
  })

  test('are also named by their units; an unknown one is refused alone (S2-16)', async () => {
    await asSuperuser(world, 'tenantry', "INSERT INTO tenantry.units VALUES ('unit-9', 'd-9')")
    const units = [{ unitId: 'unit-9' }, { unitId: 'unit-10' }]
    await adam.does('create', devices('acme-a', 'units', units, { idType: 'UnitID' }))
    await isAssigned('units', 'acme-a', {
      assigned: 1,
      rejected: [{ id: 'unit-10', reason: 'UnknownUnit' }],
    })
  })

  test('are re-assigned and never in two places (S2-18)', async () => {
    await adam.does('create', devices('acme-b', 'line', ['d-3'], { from: { customer: 'acme' } }))
    await isAssigned('line', 'acme-b', { assigned: 1, moved: 1 })
    for (const [name, ids] of [
      ['acme', 'd-4 d-5'],
      ['acme-a', 'd-1 d-2 d-9'],
      ['acme-b', 'd-3'],
    ] as const) {
      const rows = await asSuperuser<{ id: string }>(
        world,
        await databaseOf(world, name),
        'SELECT id FROM tenantry.devices ORDER BY id',
      )
      expect(rows.map(({ id }) => id).join(' '), name).toBe(ids)
    }
  })
})

describe('its administrator', () => {
  test('is one because somebody says so: who is only added later is a Viewer (S2-03, S2-19, S2-22)', async () => {
    await adam.does(
      'create',
      withLogin(member('customer-acme-a', nora.name, 'SuperAdmin')),
      member('customer-acme-a', 'carl@plant-a.example'),
    )
    await world.until('both have their roles', async () => {
      const roles = await adam.does(
        'get member -n customer-acme-a -o jsonpath={.items[*].status.role}',
      )
      return roles === 'Viewer SuperAdmin' || roles
    })
  })

  test('manages its users and its devices, and nothing above (S2-04, S2-06, S2-08, S2-20)', async () => {
    await world.until('nora is in', () => nora.enters('acme-a'))
    await nora.does('create', member('customer-acme-a', 'emil@plant-a.example', 'Editor'))
    await nora.does('create', devices('acme-a', 'own', ['d-20']))
    await isAssigned('own', 'acme-a', { assigned: 1 })
    for (const above of ['acme', 'acme-b']) expect(await nora.enters(above), above).toBe(false)
    expect(await nora.may('appoint-user', members, acme)).toBe(false)
    expect(await nora.may('list', assignments, acme)).toBe(false)
    const steal = devices('acme-a', 'steal', ['d-4'], { from: { customer: 'acme' } })
    expect(await nora.isRefused('create', steal)).toContain('needs release-devices')
  })

  test('sees the devices of this customer alone, in its database and in the list (S2-07, S2-10)', async () => {
    await world.until('nora has her logins', async () => {
      const own = await nora.asks('acme-a', 'SELECT id FROM tenantry.devices ORDER BY id')
      return own === 'd-1\nd-2\nd-20\nd-9' || own
    })
    await world.until('nora has the list', async () => {
      const seen = await query(await nora.registry(), 'SELECT DISTINCT customer FROM devices')
      return seen === 'acme-a' || seen
    })
    const secrets = await nora.does('get secret database-ro -n customer-acme-a -o json')
    const other = world.signInWith(JSON.parse(secrets), await databaseOf(world, 'acme-b'))
    await expect(other).rejects.toMatchObject({ code: '42501' })
  })

  test('belongs to this customer: elsewhere the same name is nobody (S2-24)', async () => {
    await adam.does('create', member('customer-acme-b', nora.name, 'Viewer'))
    const where = { kind: 'member', name: 'nora-plant-a-example', namespace: 'customer-acme-b' }
    await world.until('the home is elsewhere', async () => {
      return (await world.condition(where, 'Home')) === 'False/PersonHasOtherHome'
    })
    expect(await nora.enters('acme-b')).toBe(false)
    expect(await nora.enters('acme-a')).toBe(true)
  })
})

describe('the account', () => {
  test('looks down, in one list of customers and one of devices (S2-11, S2-13, S2-23)', async () => {
    const listed = await adam.does('get clink -o name')
    expect(listed.split('\n').map((line) => line.split('/')[1])).toEqual([
      'acme-a',
      'acme-b',
      'self',
    ])
    for (const below of ['acme-a', 'acme-b']) {
      expect(await adam.may('list', assignments, `customer-${below}`)).toBe(true)
      expect(await adam.enters(below)).toBe(true)
      expect(await vera.may('list', assignments, `customer-${below}`)).toBe(false)
      expect(await vera.enters(below)).toBe(false)
    }
    await world.until('adam sees all of them', async () => {
      const statement = 'SELECT customer, count(*) FROM devices GROUP BY customer ORDER BY 1'
      const seen = await query(await adam.registry(), statement)
      return seen === 'acme|2\nacme-a|4\nacme-b|1' || seen
    })
    await expect(vera.registry()).rejects.toThrow('has no login registry')
    const tree = await adam.does('tenantry tree')
    expect(tree).toMatch(/acme[^]*acme-a[^]*acme-b/)
  })

  test('has done: devices are associated, and a user is there (S2-21, S2-12)', async () => {
    await isReady('acme-a')
    await world.until('its devices are counted', async () => {
      return field(await world.get('corg', 'acme-a'), 'status', 'devices') === 4
    })
    const everything = await platform.does('get tenantry -A -o name')
    for (const kind of ['customerorganization', 'deviceassignment', 'organizationmember']) {
      expect(everything).toContain(`${kind}.tenantry.dev/`)
    }
  })
})

async function whose(id: string): Promise<string> {
  const rows = await asSuperuser<{ customer: string }>(
    world,
    'tenantry',
    `SELECT customer FROM tenantry.whose('${id}')`,
  )
  return rows.map((row) => row.customer).join()
}
