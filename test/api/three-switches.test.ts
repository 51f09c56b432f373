// The truth table of the three switches, portal, access and link: all 24 combinations, each a customer
// of its own, asked of the API server (requirements, section 3).
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const portals = ['on', 'off'] as const
const accesses = ['Active', 'Scheduled', 'Disabled', 'Expired'] as const
const links = ['Linked', 'Releasing', 'Vacant'] as const

type Case = {
  readonly portal: (typeof portals)[number]
  readonly access: (typeof accesses)[number]
  readonly link: (typeof links)[number]
  readonly name: string
}

const cases: readonly Case[] = portals.flatMap((portal) =>
  accesses.flatMap((access) =>
    links.map((link) => {
      return { portal, access, link, name: `${portal}-${access}-${link}`.toLowerCase() }
    }),
  ),
)

const hour = 3_600_000
const windows = {
  Active: { mode: 'Period', notBefore: inMs(-hour), notAfter: inMs(hour) },
  Scheduled: { mode: 'Period', notBefore: inMs(hour), notAfter: inMs(2 * hour) },
  Disabled: { mode: 'Disabled' },
  Expired: { mode: 'Period', notBefore: inMs(-2 * hour), notAfter: inMs(-hour) },
} as const

let world: World
beforeAll(async () => {
  world = await startWorld({ postgres: false })
  await world.apply(
    partner('fabrikam', { usernames: { prefix: 'fabrikam:' } }),
    partner('lumen', { usernames: { prefix: 'lumen:' } }),
    // Not accredited: a grant that names it leaves the customer without a link.
    partner('gamma', { usernames: { prefix: 'gamma:' }, accredited: false }),
    ...cases.map(({ name, portal }) =>
      customer(name, {
        owners: [`owner@${name}.example`],
        portal: { active: portal === 'on' },
        database: { enabled: false },
      }),
    ),
  )
  await namespaces(['partner-fabrikam', 'partner-lumen', 'partner-gamma'])
  await namespaces(cases.map(({ name }) => `customer-${name}`))
  await world.apply(
    member('partner-fabrikam', 'fabrikam:tina', 'User'),
    member('partner-fabrikam', 'fabrikam:stays', 'User'),
    member('partner-lumen', 'lumen:luis', 'User'),
    member('partner-gamma', 'gamma:gina', 'User'),
  )
  await linkAll()
}, 180_000)
afterAll(() => world[Symbol.asyncDispose]())

async function namespaces(names: readonly string[]): Promise<void> {
  await world.until(
    'the namespaces are there',
    async () => {
      const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
      return names.every((name) => stdout.includes(`namespace/${name}\n`))
    },
    60_000,
  )
}

async function linkAll(): Promise<void> {
  const of = (link: Case['link']) => cases.filter((each) => each.link === link)
  const first = (each: Case, spec: object) =>
    grant(each.name, 'fabrikam', { technicians: [{ name: 'fabrikam:tina' }], ...spec })
  await world.apply(
    ...of('Linked').map((each) => first(each, { access: windows[each.access] })),
    // Held in Releasing by somebody of the partner whom another binding lets in.
    ...of('Releasing').map((each) =>
      first(each, { technicians: [{ name: 'fabrikam:tina' }, { name: 'fabrikam:stays' }] }),
    ),
    ...of('Vacant').map((each) =>
      grant(each.name, 'gamma', {
        access: windows[each.access],
        technicians: [{ name: 'gamma:gina' }],
      }),
    ),
  )
  await state([...of('Linked'), ...of('Releasing')], 'Linked')
  for (const { name } of of('Releasing')) {
    const back = ['rolebinding', 'back-door', '--clusterrole=view', '--user=fabrikam:stays']
    await world.kubectl('create', ...back, '-n', `customer-${name}`)
  }
  await world.apply(
    ...of('Releasing').map((each) =>
      grant(each.name, 'lumen', {
        access: windows[each.access],
        technicians: [{ name: 'lumen:luis' }],
      }),
    ),
  )
  await state(of('Releasing'), 'Releasing')
  await world.until(
    'every grant was looked at',
    async () => {
      const { stdout } = await world.kubectl(
        'get',
        'pag',
        '-A',
        '-o',
        'jsonpath={range .items[*]}{.metadata.generation}={.status.observedGeneration}{"\\n"}{end}',
      )
      return stdout
        .trim()
        .split('\n')
        .every((line) => line.split('=')[0] === line.split('=')[1])
    },
    30_000,
  )
}

async function state(which: readonly Case[], wanted: string): Promise<void> {
  await world.until(
    `all are ${wanted}`,
    async () => {
      const { stdout } = await world.kubectl(
        'get',
        'corg',
        '-o',
        'jsonpath={range .items[*]}{.metadata.name}={.status.partner.state}{"\\n"}{end}',
      )
      return which.every(({ name }) => stdout.includes(`${name}=${wanted}\n`))
    },
    60_000,
  )
}

describe.each(cases)('with the portal $portal, access $access and link $link', (each) => {
  const { name, portal, access, link } = each
  const namespace = `customer-${name}`

  test(`the customer's own people ${portal === 'on' ? 'work' : 'are out'}`, async () => {
    const asked = () => world.can(`owner@${name}.example`, 'get', 'pods', namespace)
    await world.until('the answer is right', async () => (await asked()) === (portal === 'on'))
  })

  const areIn = link === 'Linked' && access === 'Active'
  test(`the technicians are ${areIn ? 'in' : 'out'}`, async () => {
    const tina = () => world.can('fabrikam:tina', 'get', 'pods', namespace)
    await world.until('the answer is right', async () => (await tina()) === areIn)
    expect(await world.can('lumen:luis', 'get', 'pods', namespace)).toBe(false)
    expect(await world.can('gamma:gina', 'get', 'pods', namespace)).toBe(false)
  })

  const listed = link === 'Linked'
  test(`the partner has ${listed ? `it listed as ${access}` : 'it not listed'}, ${areIn ? 'with' : 'without'} a sign-in URL`, async () => {
    const inList = () => world.get('clink', name, 'partner-fabrikam')
    await world.until('the list is right', async () => {
      const status = field(await inList(), 'status')
      return text(field(status, 'access')) === (listed ? access : '')
    })
    const status = field(await inList(), 'status')
    expect(field(status, 'signInURL') !== undefined).toBe(areIn)
    for (const other of ['partner-lumen', 'partner-gamma']) {
      expect(await world.get('clink', name, other)).toBeUndefined()
    }
    const ofGrant = field(await world.get('pag', 'partner', namespace), 'status', 'signInURL')
    expect(ofGrant !== undefined).toBe(areIn)
  })
})
