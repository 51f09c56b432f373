// A customer that comes from the CRM is onboarded: information, users, level of information, activation with its mail, and
// the day on which its portal is closed again (requirements S4). One story, in order: each step goes on where the last ended.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, devices, grant, member } from '../support/manifests.ts'
import { startNotifyWorld, type NotifyWorld } from '../support/notify-world.ts'
import { asSuperuser, databaseOf, startStory, type Person, type Story } from '../support/story.ts'
import { field, type World } from '../support/world.ts'

const acme = 'customer-acme'
const corgs = 'customerorganizations.tenantry.dev'
const idps = 'identityproviders.tenantry.dev'
const boss = { name: 'The Boss', email: 'boss@acme.example', phone: '+49 40 1' }

let told: NotifyWorld
let story: Story
let world: World
let platform: Person
let crm: Person
let desk: Person
let sara: Person
let adam: Person
let edda: Person
let vera: Person
let tina: Person
beforeAll(async () => {
  told = await startNotifyWorld({ postgres: true })
  story = await startStory({ there: told.world })
  world = story.world
  platform = story.platform
  crm = await story.person('crm', 'default')
  desk = await story.person('desk', 'default')
  sara = await story.person('sara@acme.example', acme)
  adam = await story.person('adam@acme.example', acme)
  edda = await story.person('edda@acme.example', acme)
  vera = await story.person('vera@acme.example', acme)
  tina = await story.person('tina', 'partner-fabrikam')
  // The account of the CRM, and a desk of the platform that writes customers but is not the CRM.
  for (const [name, verbs] of [
    ['crm', 'get,list,create,patch,update,sync-crm'],
    ['desk', 'get,list,create,patch,update'],
  ] as const) {
    await platform.does(`create clusterrole ${name} --verb=${verbs} --resource=${corgs}`)
    await platform.does(`create clusterrolebinding ${name} --clusterrole=${name} --user=${name}`)
  }
  await world.until('both may write', async () => {
    return (await crm.may('sync-crm', corgs, '')) && (await desk.may('patch', corgs, ''))
  })
}, 120_000)
afterAll(async () => {
  await story[Symbol.asyncDispose]()
  await told[Symbol.asyncDispose]()
})

/** What the CRM knows of the customer. */
const record = (contact: object) =>
  customer('acme', {
    origin: 'CRM',
    displayName: 'Acme Manufacturing',
    domain: 'acme.example',
    externalRef: { system: 'crm', id: 'A-4711' },
    contact,
  })
const patch = (spec: object) => `patch corg acme --type=merge -p ${JSON.stringify({ spec })}`
const isOfAcme = (type: string, answer: string) =>
  world.until(`${type} of acme is ${answer}`, async () => {
    const found = await world.condition({ kind: 'corg', name: 'acme' }, type)
    return found === answer || found
  })
function withLogin(user: string, role: string) {
  const manifest = member(acme, user, role)
  return { ...manifest, spec: { ...manifest.spec, databaseLogin: true } }
}
const answers = (person: Person, statement: string, expected: string) =>
  world.until(`${person.name}: ${statement} answers ${expected}`, async () => {
    const found = await person.asks('acme', statement)
    return found === expected || found
  })
const isDenied = (person: Person, statement: string) =>
  world.until(`${person.name}: ${statement} is denied`, async () => {
    const found = await person.asks('acme', statement).catch(codeOf)
    return found === '42501' || found
  })

describe('a customer of the CRM', () => {
  test('is listed as soon as the CRM writes it, with the portal off (S4-05, S4-07, S4-08, S4-27)', async () => {
    await crm.does('create', record(boss))
    await isOfAcme('NamespaceReady', 'True/Ready')
    await isOfAcme('DatabaseReady', 'True/Ready')
    await isOfAcme('PortalActive', 'False/PortalOff')
    await isOfAcme('HasAdmin', 'False/NoAdmin')
    expect(await desk.does('get corg')).toMatch(/^NAME.*PORTAL[^]*acme.* Off /)
  })

  test('has a contact that the CRM alone changes; a customer made by hand has not (S4-10, S4-11, S4-13)', async () => {
    const refused = await desk.isRefused(patch({ contact: { name: 'Else' } }))
    expect(refused).toContain('comes from the CRM')
    expect(refused).toContain('needs sync-crm')
    await desk.does(
      'create',
      customer('byhand', {
        origin: 'Self',
        database: { enabled: false },
        contact: { email: 'me@byhand.example' },
      }),
    )
    await desk.does(
      'patch corg byhand --type=merge -p {"spec":{"contact":{"email":"new@byhand.example"}}}',
    )
  })

  test('follows the CRM, in its own view too (S4-12)', async () => {
    const contact = { ...boss, phone: '+49 40 2' }
    await crm.does('apply', record(contact))
    await world.until('the link self follows', async () => {
      const found = field(await world.get('clink', 'self', acme), 'status', 'contact', 'phone')
      return found === contact.phone || found
    })
  })
})

describe('before the activation', () => {
  test('the platform names the first SuperAdmin, who is out as yet (S4-03, S4-06, S4-08, S4-30)', async () => {
    await desk.does(patch({ owners: [sara.name] }))
    await isOfAcme('HasAdmin', 'True/Enabled')
    expect(await sara.enters('acme')).toBe(false)
    await world.apply(
      grant('acme', 'fabrikam', { technicians: [{ name: tina.name }] }),
      devices('acme', 'hall', ['h-1', 'h-2']),
    )
    await world.until('the partner is at work already', () => tina.enters('acme'))
    expect(portalMails()).toEqual([])
    expect(await platform.does('get member -A')).not.toContain('desk')
  })
})

describe('the activation', () => {
  test('opens the portal and sends the contact one mail with the URL, also over a restart (S4-09)', async () => {
    await desk.does(patch({ portal: { active: true } }))
    await world.until('sara is in', () => sara.enters('acme'))
    await world.until('the mail is there', async () => portalMails().length > 0)
    await told.untilToldAll('acme')
    await told.restart()
    expect(portalMails()).toEqual([expect.stringContaining('https://portal.platform.example/acme')])
  })

  test('lets a SuperAdmin name an Admin, and that one everybody else (S4-19, S4-20, S4-30)', async () => {
    await sara.does('create', withLogin(adam.name, 'Admin'))
    await world.until('adam appoints', () => adam.may('appoint-user', 'members', acme))
    await adam.does('create', withLogin(edda.name, 'Editor'), withLogin(vera.name, 'Viewer'))
    await world.until('vera is in', () => vera.enters('acme'))
    expect(await adam.does('get member')).toMatch(/^NAME +USER +ROLE[^]*Editor[^]*Viewer/)
    expect(await sara.isRefused(patch({ informationLevel: {} }))).toContain('is forbidden') // S4-01
  })

  test('leaves the sign-in to its Admins (S4-23, S4-24)', async () => {
    expect(await adam.may('create', idps, acme)).toBe(true)
    for (const other of [edda, vera, tina])
      expect(await other.may('create', idps, acme)).toBe(false)
  })
})

describe('the level of information', () => {
  const columns = ['estimated_load', 'measured_peak_load', 'properties', 'custom_properties']
  const levels = {
    estimatedLoad: true,
    measuredPeakLoad: true,
    deviceProperties: true,
    customProperties: true,
  }

  test('shows nothing that was measured until the platform allows it (S4-14, S4-15, S4-16, S4-17, S4-18, S4-26)', async () => {
    await asSuperuser(
      world,
      await databaseOf(world, 'acme'),
      `UPDATE tenantry.devices SET estimated_load = 1, measured_peak_load = 2,
        properties = '{"temperature": 21}', custom_properties = '{"rack": "r1"}'`,
    )
    await answers(vera, 'SELECT count(*) FROM tenantry.devices', '2')
    for (const column of columns) {
      await isDenied(vera, `SELECT ${column} FROM tenantry.devices`)
    }
    await answers(tina, "SELECT properties->>'temperature' FROM tenantry.devices LIMIT 1", '21')
    await desk.does(patch({ informationLevel: levels }))
    await answers(vera, "SELECT properties->>'temperature' FROM tenantry.devices LIMIT 1", '21')
    for (const column of columns) await vera.asks('acme', `SELECT ${column} FROM tenantry.devices`)
    expect(await sara.does('get clink self -o jsonpath={.status.informationLevel}')).toContain(
      '"deviceProperties":true',
    )
  })

  test('changes nothing of what a role may write: the Editor places, the Viewer looks (S4-21, S4-22, S4-25)', async () => {
    const place = (where: string) => `UPDATE tenantry.devices SET placement = ${where}`
    await edda.asks('acme', place("'row 3'"))
    await answers(edda, 'SELECT DISTINCT placement FROM tenantry.devices', 'row 3')
    await edda.asks('acme', place('NULL'))
    await edda.asks('acme', place("'row 4'"))
    for (const [person, statement] of [
      [vera, place("'row 5'")],
      [edda, "UPDATE tenantry.devices SET id = 'x'"],
      [edda, 'DELETE FROM tenantry.devices'],
    ] as const) {
      await isDenied(person, statement)
    }
    expect(await edda.may('get', 'devas', acme)).toBe(false)
  })
})

describe('the portal', () => {
  test('is closed at any time: its people are out, the partner works on, and nothing is lost (S4-28, S4-29)', async () => {
    const before = await state()
    const open = await vera.login('acme')
    const session = new Promise<void>((resolve) => open.once('end', resolve))
    open.on('error', () => {})
    await desk.does(patch({ portal: { active: false } }))
    await world.until('sara is out', async () => !(await sara.enters('acme')))
    await world.until('no login of theirs is left', async () => {
      const found = await vera.asks('acme', 'SELECT 1').catch(String)
      return found.includes('has no login') || found
    })
    await expect(session).resolves.toBeUndefined() // what was open is closed
    expect(await tina.enters('acme')).toBe(true)
    await world.until('the list says so', async () => {
      return / Off /.test(await desk.does('get corg acme'))
    })

    await desk.does(patch({ portal: { active: true } }))
    await world.until('sara is in', () => sara.enters('acme'))
    await answers(vera, 'SELECT DISTINCT placement FROM tenantry.devices', 'row 4')
    expect(await state()).toEqual(before)
    await world.until('it is told a second time', async () => portalMails().length === 2)
  })
})

function portalMails(): readonly string[] {
  const mails = told.mailsTo(boss.email).filter(({ subject }) => subject.includes('portal'))
  return mails.map(({ text }) => text)
}

function codeOf(error: unknown): string {
  return String(field(error, 'code'))
}

/** What a toggle must not touch. */
async function state(): Promise<object> {
  const database = await databaseOf(world, 'acme')
  const oid = `SELECT oid FROM pg_database WHERE datname = '${database}'`
  return {
    members: await platform.does(`get member -n ${acme} -o jsonpath={.items[*].metadata.uid}`),
    database: await asSuperuser(world, 'postgres', oid),
    rows: await asSuperuser(
      world,
      database,
      'SELECT id, placement FROM tenantry.devices ORDER BY 1',
    ),
  }
}
