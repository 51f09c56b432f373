// A customer invites a partner, limits what it may do, ends it for a while and then for good; beside it a customer that the
// partner manages, who decides none of that (requirements S3). One story, in order: each step goes on where the last ended.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, grant, member, partner } from '../support/manifests.ts'
import { asSuperuser, startStory, type Person, type Story } from '../support/story.ts'
import { field, type World } from '../support/world.ts'

const nordic = 'partner-nordic'
const acme = 'customer-acme'
const gamma = 'customer-gamma'
const grants = 'partneraccessgrants.tenantry.dev'
const assignments = 'deviceassignments.tenantry.dev'
const ofAcme = { kind: 'pag', name: 'partner', namespace: acme }

let story: Story
let world: World
let platform: Person
let sara: Person
let sven: Person
let anna: Person
let tina: Person
let px: Person
beforeAll(async () => {
  story = await startStory()
  world = story.world
  platform = story.platform
  sara = await story.person('sara@acme.example', acme)
  sven = await story.person('sven@gamma.example', gamma)
  anna = await story.person('nordic:anna', nordic)
  tina = await story.person('nordic:tina', nordic)
  px = await story.person('iberia:ines', 'partner-iberia')
  await world.apply(
    partner('nordic', {
      usernames: { prefix: 'nordic:' },
      owners: ['nordic:paul'],
      identityProvider: undefined,
    }),
    partner('iberia', { usernames: { prefix: 'iberia:' }, owners: [px.name] }),
    customer('acme', {
      displayName: 'Acme Manufacturing',
      domain: 'acme.example',
      owners: [sara.name],
    }),
    customer('gamma', {
      owners: [sven.name],
      database: { enabled: false },
      partner: { partnerRef: { name: 'nordic' }, relationship: 'Managed' },
    }),
  )
  await world.until('the namespaces are there', async () => {
    const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
    return [nordic, acme, gamma].every((name) => stdout.includes(`/${name}\n`))
  })
  await world.apply(
    member(nordic, anna.name, 'Admin'),
    member(nordic, tina.name, 'User'),
    member(acme, 'edda@acme.example', 'Editor'),
  )
  await world.until('sara may invite', () => sara.may('create', grants, acme))
  await world.until('acme has its database', async () => {
    return (await world.condition({ kind: 'corg', name: 'acme' }, 'DatabaseReady')) === 'True/Ready'
  })
}, 120_000)
afterAll(() => story[Symbol.asyncDispose]())

const isSaid = (type: string, answer: string) =>
  world.until(`${type} of the grant is ${answer}`, async () => {
    const found = await world.condition(ofAcme, type)
    return found === answer || found
  })
const linkOf = async (who: Person, name: string) =>
  JSON.parse(await who.does(`get clink ${name} -n ${nordic} -o json`))
const personIn = async (name: string) => {
  const people = field(await world.get('pag', 'partner', acme), 'status', 'people')
  return Array.isArray(people) ? people.find((each) => field(each, 'name') === name) : undefined
}
const patch = (who: Person, spec: object) =>
  who.does(`patch pag partner -n ${acme} --type=merge -p ${JSON.stringify({ spec })}`)

describe('an invitation', () => {
  test('is the SuperAdmin’s to make, and waits for a partner that has a sign-in (S1-16, S3-10)', async () => {
    await sara.does(`create`, grant('acme', 'nordic'))
    await isSaid('Ready', 'False/SignInMissing')
    expect(await world.condition({ kind: 'porg', name: 'nordic' }, 'SSOReady')).toBe(
      'False/SignInMissing',
    )
    const second = { ...grant('acme', 'iberia'), metadata: { name: 'p2', namespace: acme } }
    const refused = await sara.isRefused('create', second)
    expect(refused).toContain('A customer has one grant, and it is named partner')
  })

  test('is accepted when the partner names its first technician (S1-34, S3-06, S3-25)', async () => {
    await world.until('anna may set up the sign-in', () => anna.may('create', 'idp', nordic))
    await anna.does('create', {
      apiVersion: 'tenantry.dev/v1alpha1',
      kind: 'IdentityProvider',
      metadata: { name: 'sso', namespace: nordic },
      spec: { issuerURL: 'https://login.nordic.example' },
    })
    await isSaid('Active', 'False/NoTechnician')
    expect(await world.get('corg', 'acme')).toMatchObject({ status: { access: 'None' } })
    expect(await tina.enters('acme')).toBe(false)
    expect(await sara.may('authorize-users', grants, acme)).toBe(false)
    await anna.does('tenantry grant nordic:tina --customer acme --yes')
    expect(await tina.enters('acme')).toBe(true)
    await isSaid('Active', 'True/Active')
  })
})

describe('the list of the partner', () => {
  test('has the customers that it manages and those that invited it, with domain, name and ID (S3-01, S3-03, S3-04, S3-27)', async () => {
    const table = await tina.does(`get clink -n ${nordic}`)
    expect(table).toMatch(/^NAME .*DOMAIN.*TECHNICIANS/)
    expect(table).toMatch(/^acme +acme\.example +Acme Manufacturing/m)
    expect(table).toMatch(/^gamma .*Managed/m)
    const { status } = await linkOf(tina, 'acme')
    expect(status).toMatchObject({
      customerID: field(await world.get('corg', 'acme'), 'metadata', 'uid'),
      relationship: 'Invited',
      access: 'Active',
    })
    expect(await px.isRefused(`get clink -n ${nordic}`)).toContain('is forbidden')
  })

  test('leads in by a link while somebody may enter, for both sides (S3-11, S3-20, S3-22)', async () => {
    const url = 'https://signin.platform.example/acme'
    expect(await tina.does(`describe clink acme -n ${nordic}`)).toMatch(
      new RegExp(`Sign In URL: +${url}`),
    )
    expect(await sara.does('get pag partner -o jsonpath={.status.signInURL}')).toBe(url)
    expect(await tina.may('update', assignments, acme)).toBe(true)
    await world.until('tina works in the database', async () => {
      await asAdmin('CREATE TABLE IF NOT EXISTS orders (id int)')
      await tina.asks('acme', 'INSERT INTO orders VALUES (1)')
      return true
    })
  })
})

describe('who is nobody of the partner', () => {
  test('gets nothing when named, and everybody reads why (S3-07, S3-09, S3-08, S0-08)', async () => {
    await anna.does(
      `patch pag partner -n ${acme} --type=merge -p ${JSON.stringify({
        spec: {
          technicians: [{ name: tina.name }, { name: 'nordic:who' }, { name: 'edda@acme.example' }],
        },
      })}`,
    )
    for (const name of ['nordic:who', 'edda@acme.example']) {
      await world.until(`${name} is told why`, async () => {
        return field(await personIn(name), 'reason') === 'NotAMember'
      })
    }
    expect(await sara.does('describe pag partner')).toContain('is no member of nordic')
    expect(await tina.enters('acme')).toBe(true)
  })

  test('is no person of the customer either: one person, one home (S0-04, S3-08)', async () => {
    await sara.does('create', member(acme, tina.name, 'Viewer'))
    const where = { kind: 'member', name: 'nordic-tina', namespace: acme }
    await world.until('the second home is refused', async () => {
      const found = await world.condition(where, 'Ready')
      return found.startsWith('False/') || found
    })
    expect(await tina.enters('acme')).toBe(true) // as technician
    await sara.does('delete member nordic-tina')
  })
})

describe('a customer limits its partner', () => {
  test('to reading: the technician registers nothing and writes no row (S3-15, S3-18)', async () => {
    await patch(sara, { access: { mode: 'Continuous', maxScope: 'ReadOnly' } })
    await anna.does(
      `patch pag partner -n ${acme} --type=merge -p ${JSON.stringify({
        spec: { technicians: [{ name: tina.name, scope: 'ReadOnly' }] },
      })}`,
    )
    await world.until('tina may not register', async () => {
      return !(await tina.may('create', assignments, acme)) && (await tina.enters('acme'))
    })
    await world.until('tina reads', async () => {
      return (await tina.asks('acme', 'SELECT count(*) FROM orders')) !== ''
    })
    await expect(tina.asks('acme', 'INSERT INTO orders VALUES (2)')).rejects.toMatchObject({
      code: '42501',
    })
    await expect(patch(anna, { access: { maxScope: 'Full' } })).rejects.toThrow('needs set-access')
  })

  test('to a period with a start and an end (S3-16, S3-24, NO-EARLY, NO-LATE)', async () => {
    const half = await sara.isRefused(
      `patch pag partner --type=merge -p ${JSON.stringify({ spec: { access: { mode: 'Period' } } })}`,
    )
    expect(half).toContain('mode Period needs access.notBefore and access.notAfter')
    const [start, end] = [Date.now() + 8_000, Date.now() + 12_000]
    const [notBefore, notAfter] = [start, end].map((at) => new Date(at).toISOString())
    await patch(sara, { access: { mode: 'Period', notBefore, notAfter } })
    await world.until('tina is out', async () => !(await tina.enters('acme')))
    expect(await linkOf(anna, 'acme')).toMatchObject({ status: { access: 'Scheduled' } })
    expect(Date.now()).toBeLessThan(start)
    await world.until('tina is in', () => tina.enters('acme'))
    expect(Date.now()).toBeGreaterThanOrEqual(start)
    await sleep(end + 1_000 - Date.now())
    expect(await tina.enters('acme')).toBe(false)
    await world.until('the end is in the list', async () => {
      return field(await linkOf(anna, 'acme'), 'status', 'access') === 'Expired'
    })
  })

  test('not at all for a while: no door, no login, and it is still listed (S3-21, S3-23, S3-02)', async () => {
    await patch(sara, { access: { mode: 'Continuous', notBefore: null, notAfter: null } })
    await world.until('tina is in again', () => tina.enters('acme'))
    await world.until('tina has her login again', async () => {
      return (await tina.asks('acme', 'SELECT 1')) === '1'
    })
    await patch(sara, { access: { mode: 'Disabled' } })
    await world.until('tina is out', async () => !(await tina.enters('acme')))
    await isSaid('Revoked', 'True/Proven')
    await expect(tina.asks('acme', 'SELECT 1')).rejects.toThrow('has no login')
    const { status } = await linkOf(tina, 'acme')
    expect(status.access).toBe('Disabled')
    expect(status.signInURL).toBeUndefined()
    expect(field(await world.get('pag', 'partner', acme), 'status', 'signInURL')).toBeUndefined()
  })
})

describe('a customer that the partner manages', () => {
  test('sees access and people, and decides neither (S3-12, S3-13, S3-14, S3-17)', async () => {
    await anna.does('tenantry grant nordic:tina --customer gamma --yes')
    const seen = JSON.parse(await sven.does('get pag partner -o json'))
    expect(seen).toMatchObject({
      spec: { relationship: 'Managed' },
      status: { people: [{ name: tina.name, may: 'Enter' }] },
    })
    for (const spec of [
      { access: { mode: 'Continuous', maxScope: 'ReadOnly' } },
      { partnerRef: { name: 'iberia' } },
    ]) {
      const line = `patch pag partner --type=merge -p ${JSON.stringify({ spec })}`
      expect(await sven.isRefused(line)).toMatch(/forbidden|needs set-/)
    }
    expect(await sven.isRefused('delete pag partner')).toMatch(/forbidden|denied/)
    const disabled = '{"spec":{"partner":{"access":{"mode":"Disabled"}}}}'
    expect(await platform.isRefused(`patch corg gamma --type=merge -p ${disabled}`)).toContain(
      'Managed access is continuous',
    )
  })
})

describe('a customer removes its partner', () => {
  test('alone and at once, with proof, and is in no list of it any more (S1-17, S1-35, S3-05)', async () => {
    await patch(sara, { access: { mode: 'Continuous' } })
    await world.until('tina is in', () => tina.enters('acme'))
    await sara.does('tenantry end --yes') // it comes back with the proof
    expect(await tina.enters('acme')).toBe(false)
    expect(await anna.isRefused(`get pag partner -n ${acme}`)).toContain('is forbidden')
    await world.until('the list is shorter', async () => {
      return (
        (await tina.does(`get clink -n ${nordic} -o name`)) === `customerlink.tenantry.dev/gamma`
      )
    })
    expect(await tina.enters('gamma')).toBe(true)
  })

  test('and the audit has it from the invitation to the end (TH-28)', async () => {
    const rows = await asSuperuser<{ action: string }>(
      world,
      'tenantry',
      "SELECT action FROM tenantry.audit WHERE customer_name = 'acme' AND partner = 'nordic' ORDER BY id",
    )
    expect(rows.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['Linked', 'Granted', 'Revoked', 'Releasing', 'Released']),
    )
    const erase = asSuperuser(world, 'tenantry', 'DELETE FROM tenantry.audit')
    await expect(erase).rejects.toMatchObject({ code: '42501' })
  })
})

async function asAdmin(statement: string): Promise<void> {
  const client = await world.loginAs(acme, 'database-adm')
  await client.query(statement)
  await client.end()
}
