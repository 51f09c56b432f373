// A partner signs up a customer and its first user, from the platform's accreditation to the day on which the
// partner leaves (requirements S1). One story, in order: each step goes on where the last ended.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, devices, link, member, partner } from '../support/manifests.ts'
import { asSuperuser, databaseOf, startStory, type Person, type Story } from '../support/story.ts'
import { field, type World } from '../support/world.ts'

const nordic = 'partner-nordic'
const harbor = 'customer-harbor'
const members = 'organizationmembers.tenantry.dev'
const grants = 'partneraccessgrants.tenantry.dev'
const assignments = 'deviceassignments.tenantry.dev'

let story: Story
let world: World
let platform: Person
let paul: Person
let anna: Person
let tina: Person
let pia: Person
let sara: Person
let adam: Person
let edda: Person
beforeAll(async () => {
  story = await startStory({ config: { databases: { checkSeconds: 2 } } })
  world = story.world
  platform = story.platform
  paul = await story.person('nordic:paul', nordic)
  anna = await story.person('nordic:anna', nordic)
  tina = await story.person('nordic:tina', nordic)
  pia = await story.person('nordic:pia', nordic)
  sara = await story.person('sara@harbor.example', harbor)
  adam = await story.person('adam@harbor.example', harbor)
  edda = await story.person('edda@harbor.example', harbor)
}, 120_000)
afterAll(() => story[Symbol.asyncDispose]())

const statusOf = (kind: string, name: string, namespace?: string) =>
  world.get(kind, name, namespace).then((found) => field(found, 'status'))
const isOfCustomer = (type: string, answer: string) =>
  world.until(`${type} of harbor is ${answer}`, async () => {
    const found = await world.condition({ kind: 'corg', name: 'harbor' }, type)
    return found === answer || found
  })

describe('the partner', () => {
  test('is an organization of its own kind, which the platform alone accredits (S1-01, S1-03)', async () => {
    await world.apply(
      partner('nordic', { usernames: { prefix: 'nordic:' }, owners: [paul.name] }),
      customer('gamma', {
        database: { enabled: false },
        partner: { partnerRef: { name: 'nordic' }, relationship: 'Managed' },
      }),
    )
    const kinds = await platform.does('api-resources --api-group=tenantry.dev -o name')
    expect(kinds).toMatch(/customerorganizations[^]*partnerorganizations/)
    await world.until('paul administers', () => paul.may('appoint-admin', members, nordic))
    for (const refused of [
      await paul.isRefused('create', partner('second')),
      await paul.isRefused('patch porg nordic --type=merge -p {"spec":{"suspended":false}}'),
    ]) {
      expect(refused).toContain('is forbidden: User "nordic:paul" cannot')
    }
  })

  test('gets its Admins from its SuperAdmin alone, in three roles (S1-06, S1-08, S3-28)', async () => {
    await paul.does('create', member(nordic, anna.name, 'Admin'))
    await world.until('anna appoints', () => anna.may('appoint-user', members, nordic))
    const another = await anna.isRefused('create', member(nordic, 'nordic:otto', 'Admin'))
    expect(another).toContain('needs appoint-admin in partner-nordic')
    const wrong = await paul.isRefused('create', member(nordic, 'nordic:otto', 'Editor'))
    expect(wrong).toContain('Write SuperAdmin, Admin or User.')
    await anna.does('create', member(nordic, tina.name, 'User'), member(nordic, pia.name, 'User'))
    await world.until('pia sees the list', () => pia.may('list', 'clink', nordic))
  })
})

describe('a new customer', () => {
  test('is created by an Admin and by no User (S1-09, S1-10, S0-11)', async () => {
    expect(await pia.may('create', 'clink', nordic)).toBe(false)
    expect(await pia.isRefused('create', link(nordic, 'harbor'))).toContain('User "nordic:pia"')
    const spec = { displayName: 'Harbor Cranes', domain: 'harbor.example' }
    await anna.does('create', link(nordic, 'harbor', spec))
    // She is told everything by her own link.
    await anna.does('wait clink/harbor --for=condition=Ready --timeout=30s')
    await isOfCustomer('Isolated', 'True/Proven')
    await isOfCustomer('DatabaseReady', 'True/Ready')
    expect(field(await world.get('corg', 'harbor'), 'spec')).toMatchObject({
      ...spec,
      origin: 'Partner',
    })
  })

  test('has its creator as the only technician: not even the SuperAdmin enters unnamed (S1-11, S1-13, S1-05)', async () => {
    await world.until('anna is in', () => anna.enters('harbor'))
    const entries = field(await world.get('pag', 'partner', harbor), 'spec', 'technicians')
    expect(entries).toEqual([{ name: anna.name, scope: 'Full' }])
    for (const other of [paul, tina, pia]) expect(await other.enters('harbor')).toBe(false)
    await isOfCustomer('HasAdmin', 'False/NoAdmin')
  })

  test('is one of many in the list of its partner, which follows every change (S1-02, S1-19, S1-32)', async () => {
    const listed = await pia.does('get clink -o name')
    expect(listed.split('\n')).toEqual([
      'customerlink.tenantry.dev/gamma',
      'customerlink.tenantry.dev/harbor',
    ])
    expect(await anna.does('tenantry customers')).toMatch(/harbor +Harbor Cranes +harbor.example/)
  })
})

describe('the first user', () => {
  test('is added by the technician and becomes SuperAdmin; the second does not (S1-27, S1-28, S1-29, S1-04)', async () => {
    await anna.does('apply', member(harbor, sara.name))
    await isOfCustomer('HasAdmin', 'True/Enabled')
    await world.until('sara administers', () => sara.may('appoint-admin', members, harbor))
    await anna.does('apply', member(harbor, 'olga@harbor.example'))
    const roleOf = (name: string) =>
      sara.does(`get member ${name} -o jsonpath={.status.role}`).catch(String)
    await world.until('olga is a Viewer', async () => {
      return (await roleOf('olga-harbor-example')) === 'Viewer'
    })
    // The same manifests again change nothing of it.
    await anna.does('apply', member(harbor, sara.name), member(harbor, 'olga@harbor.example'))
    expect(await roleOf('sara-harbor-example')).toBe('SuperAdmin')
    const more = await anna.isRefused('create', member(harbor, 'max@harbor.example', 'SuperAdmin'))
    expect(more).toContain('needs appoint-admin in customer-harbor')
  })

  test('appoints an Admin, who appoints others but raises nobody (S1-20, S1-21, S1-22, S1-23, S4-20)', async () => {
    await sara.does('create', member(harbor, adam.name, 'Admin'))
    await world.until('adam appoints', () => adam.may('appoint-user', members, harbor))
    await adam.does('create', member(harbor, edda.name, 'Editor'))
    expect(await adam.may('appoint-admin', members, harbor)).toBe(false)
    const raise = '--type=merge -p {"spec":{"role":"SuperAdmin"}}'
    for (const name of ['edda', 'adam']) {
      const refused = await adam.isRefused(`patch member ${name}-harbor-example ${raise}`)
      expect(refused).toContain('needs appoint-admin')
    }
    const user = await sara.isRefused('create', member(harbor, 'x@harbor.example', 'User'))
    expect(user).toContain('Write SuperAdmin, Admin, Editor or Viewer.')
  })
})

describe('devices', () => {
  test('are registered by the technician, as far as the licenses go, and by no Editor (S1-12, S1-14, S1-24)', async () => {
    const licenses = '{"spec":{"licenses":[{"sku":"crane","quantity":2}]}}'
    await platform.does(`patch corg harbor --type=merge -p ${licenses}`)
    await anna.does('create', devices('harbor', 'quay', ['c-1', 'c-2', 'c-3'], { sku: 'crane' }))
    await world.until('one is refused', async () => {
      const status = await statusOf('devas', 'quay', harbor)
      return field(status, 'assigned') === 2 && JSON.stringify(status).includes('LicenseExceeded')
    })
    expect(await edda.may('create', assignments, harbor)).toBe(false)
    const refused = await edda.isRefused('create', devices('harbor', 'own', ['c-9']))
    expect(refused).toContain('is forbidden: User "edda@harbor.example"')
    expect(await adam.may('create', assignments, harbor)).toBe(true)
  })

  test('are nowhere but in a customer (S1-25)', async () => {
    const lost = await asSuperuser(world, 'tenantry', devicesOfNobody)
    expect(lost).toEqual([{ count: '0' }])
    expect(await paul.may('create', assignments, nordic)).toBe(false)
  })

  test('are configured by every technician that the partner names (S1-26, S1-31)', async () => {
    await anna.does('tenantry grant nordic:tina --customer harbor --yes')
    expect(await tina.enters('harbor')).toBe(true) // proven when the command came back
    const label =
      '--type=json -p [{"op":"add","path":"/spec/devices/0/labels","value":{"site":"n"}}]'
    await tina.does(`patch devas quay -n ${harbor} ${label}`)
    const refused = await pia.isRefused(`patch devas quay -n ${harbor} ${label}`)
    expect(refused).toContain('is forbidden: User "nordic:pia"')
    await world.until('the database has the label', async () => {
      const statement = "SELECT labels->>'site' FROM tenantry.devices WHERE id = 'c-1'"
      return (await tina.asks('harbor', statement)) === 'n'
    })
  })

  test('are all that a technician decides: neither partner nor access, neither roles nor Secrets (S1-12, S1-15)', async () => {
    for (const [verb, resource] of [
      ['set-partner', grants],
      ['set-access', grants],
      ['appoint-admin', members],
      ['create', 'rolebindings.rbac.authorization.k8s.io'],
      ['get', 'secrets'],
    ] as const) {
      expect(await tina.may(verb, resource, harbor), `${verb} ${resource}`).toBe(false)
    }
    expect(await sara.may('create', 'rolebindings.rbac.authorization.k8s.io', harbor)).toBe(false)
    const foreign = `-n ${harbor} -l app.kubernetes.io/managed-by!=tenantry`
    expect(await platform.does(`get rolebindings ${foreign} -o name`)).toBe('')
  })

  test('are looked at customer by customer, as one person (S1-33)', async () => {
    expect(await tina.does('tenantry connect harbor -- -Atc SELECT(1)')).toBe('1')
    await tina.does('tenantry use harbor')
    expect(await tina.does('config current-context')).toContain('customer-harbor@')
    expect(await tina.does('tenantry devices -o name')).toBe('c-1\nc-2')
    expect(await tina.does('auth whoami -o jsonpath={.status.userInfo.username}')).toBe(tina.name)
  })
})

describe('the partner leaves', () => {
  test('by its SuperAdmin, and takes every way in along (S1-36, S1-35)', async () => {
    // anna and tina, in the customer's database and in the registry
    const before = await asSuperuser(world, 'postgres', loginsOfPeople('_g_|^tenantry_p_'))
    expect(before).toHaveLength(4)
    expect(await anna.isRefused(`delete pag partner -n ${harbor}`)).toContain('is forbidden')
    await paul.does(`delete pag partner -n ${harbor} --wait=false`)
    await world.until('the grant is gone', async () => {
      return (await world.get('pag', 'partner', harbor)) === undefined
    })
    for (const other of [paul, anna, tina, pia]) expect(await other.enters('harbor')).toBe(false)
    const left = await platform.does(`get rolebindings,jobs -n ${harbor} -o name`)
    expect(left).not.toMatch(/technicians|partner-|window-end/)
    expect(await asSuperuser(world, 'postgres', loginsOfPeople('_g_'))).toEqual([])
    // In the registry they see nothing from that moment; the logins there are swept every few seconds.
    await world.until(
      'no login of theirs is left',
      async () => {
        const logins = await asSuperuser(world, 'postgres', loginsOfPeople('_g_|^tenantry_p_'))
        const secrets = await platform.does(`get secrets -n ${nordic} -o name`)
        return (logins.length === 0 && secrets === '') || `${JSON.stringify(logins)} ${secrets}`
      },
      30_000,
    )
    expect(await sara.enters('harbor')).toBe(true)
    expect(await databaseOf(world, 'harbor')).toMatch(/^t_/)
    expect(await pia.does('get clink -o name')).toBe('customerlink.tenantry.dev/gamma')
  })
})

const devicesOfNobody = 'SELECT count(*) FROM tenantry.devices WHERE customer IS NULL'
const loginsOfPeople = (pattern: string) =>
  `SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname ~ '${pattern}'`
