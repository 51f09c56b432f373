// A partner's account and its organizations: one place to sign in, all customers or one, and support that acts as a user for as
// long as a ticket takes (requirements S0). One story, in order: each step goes on where the last ended.
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, devices, grant, inMs, member, partner } from '../support/manifests.ts'
import { query, startStory, type Person, type Story } from '../support/story.ts'
import { type World } from '../support/world.ts'

const nordic = 'partner-nordic'
const names = ['acme', 'beta', 'gamma']

let story: Story
let world: World
let platform: Person
let anna: Person
let tina: Person
let pia: Person
let sara: Person
let vera: Person
beforeAll(async () => {
  story = await startStory()
  world = story.world
  platform = story.platform
  anna = await story.person('nordic:anna', nordic)
  tina = await story.person('nordic:tina', nordic)
  pia = await story.person('nordic:pia', nordic)
  sara = await story.person('sara@acme.example', 'customer-acme')
  vera = await story.person('vera@acme.example', 'customer-acme')
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: ['nordic:paul'] }),
    ...names.map((name) => customer(name, { owners: [`sara@${name}.example`] })),
  )
  for (const name of names) {
    await world.until(`${name} is ready`, async () => {
      return (await world.condition({ kind: 'corg', name }, 'Ready')) === 'True/Ready'
    })
  }
  await world.apply(
    member(nordic, anna.name, 'Admin'),
    member(nordic, tina.name, 'User'),
    member(nordic, pia.name, 'User'),
    member('customer-acme', vera.name, 'Viewer'),
    ...['acme', 'gamma'].map((name) =>
      grant(name, 'nordic', { technicians: [{ name: tina.name }] }),
    ),
    devices('acme', 'a', [
      { id: 'a-1', model: 'x' },
      { id: 'a-2', model: 'z' },
    ]),
    devices('beta', 'b', [{ id: 'b-1', model: 'x' }]),
    devices('gamma', 'g', [{ id: 'g-1', model: 'x' }]),
  )
  await world.until('tina is in', async () => {
    return (await tina.enters('acme')) && (await tina.enters('gamma')) && vera.enters('acme')
  })
}, 120_000)
afterAll(() => story[Symbol.asyncDispose]())

describe('the partner’s account', () => {
  test('is an organization with people of its own, who are in no customer (S0-03, S0-07, S0-20, S0-21)', async () => {
    for (const type of ['NamespaceReady', 'SSOReady']) {
      expect(await world.condition({ kind: 'porg', name: 'nordic' }, type)).toMatch(/^True/)
    }
    const all = await platform.does('get member -A --no-headers')
    const theirs = all.split('\n').filter((line) => line.includes('nordic:'))
    expect(theirs.map((line) => line.split(' ')[0])).toEqual([nordic, nordic, nordic])
    expect(await sara.may('list', 'clink', nordic)).toBe(false)
    expect(await sara.enters('beta')).toBe(false)
    expect(await sara.isRefused('get corg')).toContain('is forbidden')
  })

  test('offers a choice of scope to its people, and to nobody of a customer (S0-06, S0-14)', async () => {
    const offered = await pia.does('tenantry contexts')
    expect(offered).toMatch(/all[^]*acme[^]*gamma/)
    expect(offered).not.toContain('beta')
    expect(await vera.does('tenantry contexts -o name')).not.toContain('gamma')
  })
})

describe('all customers at once', () => {
  test('are one view to search and filter, of those that one may enter now (S0-10, S0-15, S0-16)', async () => {
    await tina.does('tenantry use --all')
    expect(await tina.does('config current-context')).toMatch(/^all@/)
    await world.until('tina has the view', async () => {
      const found = await query(
        await tina.registry(),
        "SELECT customer, id FROM devices WHERE model = 'x' ORDER BY 1",
      )
      return found === 'acme|a-1\ngamma|g-1' || found
    })
  })

  test('are looked at only: what writes needs a customer (S0-18)', async () => {
    const client = await tina.registry()
    for (const statement of [
      "UPDATE devices SET customer = 'acme'",
      'DELETE FROM tenantry.audit',
      "INSERT INTO tenantry.units VALUES ('u', 'd')",
    ]) {
      await expect(client.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
    await client.end()
    expect(await tina.isRefused('tenantry grant nordic:pia --yes')).toContain(
      'No customer is chosen',
    )
  })
})

describe('one customer', () => {
  test('is all that is seen once it is chosen (S0-15, S0-17)', async () => {
    await tina.does('tenantry use acme')
    const namespace = await tina.does('config view --minify -o jsonpath={..namespace}')
    expect(namespace).toBe('customer-acme')
    expect(await tina.does('tenantry devices -o name')).toBe('a-1\na-2')
    expect(await tina.may('create', 'devas', 'customer-acme')).toBe(true)
  })
})

describe('support as a user', () => {
  const endsIn = 25_000
  let endsAt = 0
  const entry = (change: object = {}) => ({
    name: tina.name,
    scope: 'Impersonate',
    impersonate: { users: [vera.name] },
    reason: 'ticket-4711',
    notBefore: inMs(-1_000),
    notAfter: new Date(endsAt).toISOString(),
    ...change,
  })
  const named = (...technicians: readonly object[]) =>
    `patch pag partner -n customer-acme --type=merge -p ${JSON.stringify({
      spec: { technicians: [{ name: tina.name }, ...technicians] },
    })}`
  const actsAsVera = 'get pods -n customer-acme --as vera@acme.example'

  test('needs the customer’s leave, a reason and an end within the hour (S0-08, S0-13)', async () => {
    endsAt = Date.now() + 600_000
    for (const change of [{ reason: undefined }, { notAfter: inMs(61 * 60_000) }]) {
      expect(await anna.isRefused(named(entry(change)))).toMatch(/Impersonate/)
    }
    await anna.does(named(entry()))
    await world.until('it gives nothing and says why', async () => {
      const said = await sara.does('get pag partner -o jsonpath={.status.people}')
      return said.includes('ImpersonationNotAllowed') || said
    })
    expect(await tina.isRefused(actsAsVera)).toContain('forbidden')
  })

  test('acts as that user alone, in that customer alone, and only looks (S0-13, TH-09)', async () => {
    await sara.does(
      'patch pag partner --type=merge -p {"spec":{"access":{"mode":"Continuous","allowImpersonation":true}}}',
    )
    endsAt = Date.now() + endsIn
    await anna.does(named(entry()))
    await world.until('tina acts as vera', async () => (await tina.does(actsAsVera)) === '')
    for (const line of [
      'get pods -n customer-gamma --as vera@acme.example',
      'get pods -n customer-acme --as sara@acme.example',
      'get secrets -n customer-acme --as vera@acme.example',
      'create configmap x -n customer-acme --as vera@acme.example',
    ]) {
      expect(await tina.isRefused(line), line).toMatch(/[Ff]orbidden/)
    }
    expect(await pia.isRefused(actsAsVera)).toMatch(/[Ff]orbidden/)
  })

  test('is told to both sides with its reason, and the audit log has both names (S0-13)', async () => {
    for (const [person, namespace] of [
      [sara, 'customer-acme'],
      [anna, nordic],
    ] as const) {
      await world.until(`${namespace} is told`, async () => {
        const said = await person.does(`get events -n ${namespace} -o json`)
        return said.includes('ImpersonationOpened') && said.includes('ticket-4711')
      })
    }
    const log = await readFile(world.platform.plane.auditLog ?? '', 'utf8')
    const both = log
      .split('\n')
      .filter((line) => line.includes(`"impersonatedUser":{"username":"${vera.name}"`))
    expect(both.length).toBeGreaterThan(0)
    expect(both.every((line) => line.includes(`"user":{"username":"nordic:`))).toBe(true)
  })

  test('is over before its end, for good (S0-13, NO-LATE)', async () => {
    let last = 0
    await world.until(
      'tina acts as vera no more',
      async () => {
        const isIn = await tina.does(actsAsVera).then(
          () => true,
          () => false,
        )
        if (isIn) last = Date.now()
        return !isIn
      },
      endsIn,
    )
    expect(last).toBeLessThan(endsAt)
    expect(await tina.enters('acme')).toBe(true) // as herself she works on
  })
})
