// Five levels of customers below one another, each made by an Admin of the level above, with kubectl as the person. Promises:
// ISOLATED (rights lead downward only), ONE-PARTNER (no cascade), NOTHING-LOST (a parent is not deleted from above its children).
// One story, in order: each step goes on where the last ended.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, devices, grant, link, member, partner } from '../support/manifests.ts'
import { query, startStory, type Person, type Story } from '../support/story.ts'
import type { World } from '../support/world.ts'

const assignments = 'deviceassignments.tenantry.dev'
const members = 'organizationmembers.tenantry.dev'
const levels = ['l0', 'l1', 'l2', 'l3', 'l4', 'l5'] as const
type Level = (typeof levels)[number]
const below = (level: Level) => levels.slice(levels.indexOf(level) + 1)
const above = (level: Level) => levels.slice(0, levels.indexOf(level))
const namespaceOf = (level: string) => `customer-${level}`

let story: Story
let world: World
let platform: Person
let admins: Record<Level, Person>
let tina: Person
beforeAll(async () => {
  story = await startStory()
  world = story.world
  platform = story.platform
  const person = (level: Level) => story.person(`adam@${level}.example`, namespaceOf(level))
  admins = {
    l0: await person('l0'),
    l1: await person('l1'),
    l2: await person('l2'),
    l3: await person('l3'),
    l4: await person('l4'),
    l5: await person('l5'),
  }
  tina = await story.person('nordic:tina', 'partner-nordic')
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' } }),
    partner('iberia', { usernames: { prefix: 'iberia:' } }),
    customer('l0', { owners: ['olga@l0.example'] }),
  )
  await isReady('l0')
  await world.apply(
    member('partner-nordic', tina.name),
    member('partner-iberia', 'iberia:ines'),
    administrator('l0'),
  )
}, 120_000)
afterAll(() => story[Symbol.asyncDispose]())

const isReady = (name: string) =>
  world.until(
    `${name} is ready`,
    async () => {
      const found = await world.condition({ kind: 'corg', name }, 'Ready')
      return found === 'True/Ready' || found
    },
    30_000,
  )

function administrator(level: Level) {
  const manifest = member(namespaceOf(level), `adam@${level}.example`, 'Admin')
  return { ...manifest, spec: { ...manifest.spec, databaseLogin: true } }
}

async function devicesSeenBy(person: Person): Promise<string> {
  const seen = await query(await person.registry(), 'SELECT id FROM devices ORDER BY id')
  return seen.replaceAll('\n', ' ')
}

describe('five levels', () => {
  test('are made from the top down, each by an Admin of the one above (S2-01, S2-05)', async () => {
    for (const level of levels) {
      const admin = admins[level]
      const [next] = below(level)
      await world.until(`the Admin of ${level} may nest`, () =>
        admin.may('create', 'clink', namespaceOf(level)),
      )
      if (next === undefined) break
      await admin.does('create', link(namespaceOf(level), next))
      await isReady(next)
      await admin.does('create', administrator(next)) // as an ancestor's Admin
    }
  })

  test('are all: a sixth is refused and says why', async () => {
    await admins.l5.does('create', link('customer-l5', 'l6'))
    await world.until('it says why', async () => {
      const where = { kind: 'clink', name: 'l6', namespace: 'customer-l5' }
      return (await world.condition(where, 'Ready')) === 'False/ParentTooDeep'
    })
    expect(await world.get('corg', 'l6')).toBeUndefined()
    await world.apply(customer('l6', { parentRef: { name: 'l5' } }))
    await world.until('the platform does not get further either', async () => {
      return (
        (await world.condition({ kind: 'corg', name: 'l6' }, 'Ready')) === 'False/ParentTooDeep'
      )
    })
    expect(await admins.l5.enters('l6')).toBe(false)
    await platform.does('delete corg l6 --timeout=30s')
  })

  test('lead downward only: every Admin administers all below, and is nobody above (ISOLATED, S2-06)', async () => {
    for (const level of levels) {
      for (const other of levels) {
        const admin = admins[level]
        const isBelow = level === other || below(level).includes(other)
        const what = `${level} in ${other}`
        const may = (verb: string, resource: string) =>
          world.can(admin.name, verb, resource, namespaceOf(other))
        expect(await may('get', 'pods'), what).toBe(isBelow)
        expect(await may('create', assignments), what).toBe(isBelow)
        expect(await may('appoint-user', members), what).toBe(isBelow)
        // Their own people may not appoint Admins; an ancestor's may.
        expect(await may('appoint-admin', members), what).toBe(isBelow && level !== other)
      }
    }
  })

  test('are administered from the very top (S2-22)', async () => {
    await admins.l0.does('create', member('customer-l5', 'emil@l5.example', 'Editor'))
    await world.until('emil is in', () =>
      world.can('emil@l5.example', 'get', 'pods', 'customer-l5'),
    )
    await admins.l0.does('delete member emil-l5-example -n customer-l5')
    await world.until('emil is out', async () => {
      return !(await world.can('emil@l5.example', 'get', 'pods', 'customer-l5'))
    })
  })

  test('show the devices of the whole subtree in one list, and no more (S2-11)', async () => {
    for (const level of levels) {
      await admins[level].does('create', devices(level, 'own', [`${level}-device`]))
    }
    for (const level of levels) {
      const expected = [level, ...below(level)].map((each) => `${each}-device`).join(' ')
      await world.until(`the Admin of ${level} sees ${expected}`, async () => {
        const found = await devicesSeenBy(admins[level])
        return found === expected || found
      })
    }
  })
})

describe('a partner', () => {
  test('is each level’s own: nobody cascades, up or down (TH-08)', async () => {
    await world.apply(
      grant('l1', 'nordic', { technicians: [{ name: tina.name }] }),
      grant('l2', 'iberia', { technicians: [{ name: 'iberia:ines' }] }),
    )
    await world.until('both are in', async () => {
      const ines = await world.can('iberia:ines', 'get', 'pods', 'customer-l2')
      return ines && (await tina.enters('l1'))
    })
    for (const level of levels) {
      const pods = (name: string) => world.can(name, 'get', 'pods', namespaceOf(level))
      expect(await pods(tina.name), level).toBe(level === 'l1')
      expect(await pods('iberia:ines'), level).toBe(level === 'l2')
    }
    await world.until('she sees the devices of one level', async () => {
      return (await devicesSeenBy(tina)) === 'l1-device'
    })
  })
})

describe('a portal that is off', () => {
  test('keeps the Admins of its level out of what is below, too, and nobody else', async () => {
    const off = (active: boolean) =>
      platform.does(`patch corg l1 --type=merge -p {"spec":{"portal":{"active":${active}}}}`)
    await off(false)
    await world.until('the Admin of l1 is out of l4', async () => !(await admins.l1.enters('l4')))
    for (const level of ['l0', 'l2', 'l3'] as const) {
      expect(await admins[level].enters('l4'), level).toBe(true)
    }
    await off(true)
    await world.until('the Admin of l1 is in again', () => admins.l1.enters('l4'))
  })
})

describe('a parent', () => {
  test('is never another one, and no circle gives anything (S2-05)', async () => {
    for (const spec of [{ parentRef: { name: 'l0' } }, { parentRef: null }]) {
      const line = `patch corg l3 --type=merge -p ${JSON.stringify({ spec })}`
      expect(await platform.isRefused(line)).toMatch(
        /parentRef cannot (change|be added or removed)/,
      )
    }
    // What the rules cannot see in one object: two that name one another.
    await world.apply(
      customer('ring-a', { parentRef: { name: 'ring-b' }, owners: ['a@ring.example'] }),
      customer('ring-b', { parentRef: { name: 'ring-a' }, owners: ['b@ring.example'] }),
    )
    for (const name of ['ring-a', 'ring-b']) {
      await world.until(`${name} says so`, async () => {
        return (await world.condition({ kind: 'corg', name }, 'Ready')) === 'False/ParentCycle'
      })
    }
    expect(await world.can('a@ring.example', 'get', 'pods', 'customer-ring-b')).toBe(false)
  })

  test('with nested customers is not deleted before them, and says so (NOTHING-LOST)', async () => {
    await platform.does('delete corg l2 --wait=false')
    await world.until('it says what holds it', async () => {
      return (await world.condition({ kind: 'corg', name: 'l2' }, 'Ready')) === 'False/HasChildren'
    })
    expect(await admins.l2.enters('l3')).toBe(true)
    expect(await admins.l2.enters('l2')).toBe(true)
  })

  test('that is gone all the same opens what is below to nobody above it, and loses nothing of it (NOTHING-LOST)', async () => {
    await platform.does('annotate corg l2 tenantry.dev/confirm-delete=l2')
    await world.until(
      'it is gone',
      async () => (await world.get('corg', 'l2')) === undefined,
      30_000,
    )
    await world.until('l3 says so', async () => {
      return (
        (await world.condition({ kind: 'corg', name: 'l3' }, 'Ready')) === 'False/ParentNotFound'
      )
    })
    for (const level of above('l3')) {
      await world.until(`${level} is out of l3`, async () => !(await admins[level].enters('l3')))
    }
    // Its applications go on, with all that is theirs.
    const application = await world.loginAs('customer-l3', 'database-ro')
    expect(await query(application, 'SELECT id FROM tenantry.devices')).toBe('l3-device')
  })
})
