// What is required of customers' data and is shown nowhere else (docs/requirements.md), on a real PostgreSQL. Promises: ISOLATED,
// NOTHING-LOST, QUIET.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, devices, grant, member, partner } from '../support/manifests.ts'
import { closed } from '../support/people.ts'
import { asSuperuser, databaseOf, startStory, type Person, type Story } from '../support/story.ts'
import { field, type World } from '../support/world.ts'

let story: Story
let world: World
let platform: Person
let sara: Person
let vera: Person
let tina: Person
beforeAll(async () => {
  story = await startStory()
  world = story.world
  platform = story.platform
  sara = await story.person('sara@acme.example', 'customer-acme')
  vera = await story.person('vera@acme.example', 'customer-acme')
  tina = await story.person('nordic:tina', 'partner-nordic')
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' } }),
    customer('acme', { owners: [sara.name], agreementRef: 'A-7' }),
    customer('beta', { owners: ['bob@beta.example'] }),
  )
  for (const name of ['acme', 'beta']) {
    await world.until(`${name} is ready`, async () => {
      return (await world.condition({ kind: 'corg', name }, 'Ready')) === 'True/Ready'
    })
  }
  const viewer = member('customer-acme', vera.name, 'Viewer')
  await world.apply(
    member('partner-nordic', tina.name),
    { ...viewer, spec: { ...viewer.spec, databaseLogin: true } },
    grant('acme', 'nordic', { technicians: [{ name: tina.name }] }),
    devices('acme', 'hall', ['d-1', 'd-2']),
  )
  await world.until('vera and tina have their logins', async () => {
    const statement = 'SELECT count(*) FROM tenantry.devices'
    return (
      (await vera.asks('acme', statement)) === '2' && (await tina.asks('acme', statement)) === '2'
    )
  })
}, 120_000)
afterAll(() => story[Symbol.asyncDispose]())

describe('what a customer stores', () => {
  test('lies in one namespace and one database of its own (S0-01)', async () => {
    const found = await platform.does('get ns -l tenantry.dev/customer=acme -o name')
    expect(found).toBe('namespace/customer-acme')
    const [acme, beta] = [await databaseOf(world, 'acme'), await databaseOf(world, 'beta')]
    expect(acme).not.toBe(beta)
    const rows = await asSuperuser(
      world,
      'postgres',
      `SELECT datname FROM pg_database WHERE datname IN ('${acme}', '${beta}')`,
    )
    expect(rows).toHaveLength(2)
  })

  test('is closed to the logins of everybody else’s applications (S0-02, ISOLATED)', async () => {
    expect(await world.condition({ kind: 'corg', name: 'acme' }, 'Isolated')).toBe('True/Proven')
    const acme = await databaseOf(world, 'acme')
    for (const secret of ['database-adm', 'database-rw', 'database-ro']) {
      const login = world.loginAs('customer-beta', secret, acme)
      await expect(login, secret).rejects.toMatchObject({ code: '42501' })
    }
  })
})

describe('the level of information', () => {
  test('is not the customer’s to change (S4-01)', async () => {
    const refused = await sara.isRefused(
      'patch corg acme --type=merge -p {"spec":{"informationLevel":{"estimatedLoad":true}}}',
    )
    expect(refused).toContain('is forbidden')
  })

  test('makes that a person may see less of a device than there is (S2-09)', async () => {
    const acme = await databaseOf(world, 'acme')
    await asSuperuser(world, acme, 'UPDATE tenantry.devices SET estimated_load = 7')
    const load = 'SELECT DISTINCT estimated_load FROM tenantry.devices'
    await expect(vera.asks('acme', load)).rejects.toMatchObject({ code: '42501' })
    expect(await tina.asks('acme', load)).toBe('7')
  })

  test('stands in the audit with the agreement at each change, once (S4-02, QUIET)', async () => {
    const told = () =>
      asSuperuser<{ detail: object }>(
        world,
        'tenantry',
        "SELECT detail FROM tenantry.audit WHERE customer_name = 'acme' AND action = 'TermsChanged' ORDER BY id",
      )
    const change = (spec: object) =>
      platform.does(`patch corg acme --type=merge -p ${JSON.stringify({ spec })}`)
    await change({ agreementRef: 'A-8', informationLevel: { estimatedLoad: true } })
    const expected = [
      { detail: { agreementRef: 'A-7', informationLevel: [] } },
      { detail: { agreementRef: 'A-8', informationLevel: ['estimatedLoad'] } },
    ]
    await world.until('both are told', async () => (await told()).length === 2)
    expect(await told()).toEqual(expected)
    await change({ displayName: 'Acme' })
    await world.until('it is looked at', async () => {
      return (
        field(await world.get('clink', 'self', 'customer-acme'), 'status', 'displayName') === 'Acme'
      )
    })
    expect(await told()).toEqual(expected)
  })
})

describe('a device that is moved', () => {
  test('brings nothing that was measured along, unless somebody says so (TH-25, NOTHING-LOST)', async () => {
    await world.apply(devices('beta', 'bought', ['d-2'], { from: { customer: 'acme' } }))
    const beta = await databaseOf(world, 'beta')
    const rows = (database: string, table: string) =>
      asSuperuser(world, database, `SELECT id, estimated_load AS load FROM tenantry.${table}`)
    await world.until('beta has it', async () => (await rows(beta, 'devices')).length === 1)
    expect(await rows(beta, 'devices')).toEqual([{ id: 'd-2', load: null }])
    expect(await rows(await databaseOf(world, 'acme'), 'former_devices')).toEqual([
      { id: 'd-2', load: 7 },
    ])
  })
})

describe('a pool of connections', () => {
  test('that holds a login of somebody who is removed is emptied, and opens no other (TH-16)', async () => {
    const pool = await Promise.all(Array.from({ length: 5 }, () => tina.login('acme')))
    const [first] = pool
    for (const client of pool) client.on('error', () => {}) // the operator ends it
    const ends = pool.map(closed)
    const secrets = await platform.does('get secrets -n partner-nordic -o json')
    const items: unknown = field(JSON.parse(secrets), 'items')
    const held = Array.isArray(items)
      ? items.find((each) => String(field(each, 'metadata', 'name')).startsWith('login-acme-'))
      : undefined
    await world.apply(grant('acme', 'nordic', { technicians: [] }))
    await Promise.all(ends)
    await expect(first?.query('SELECT 1')).rejects.toThrow()
    await expect(world.signInWith(held)).rejects.toMatchObject({ code: '28P01' })
  })
})
