// What a partner leaves behind, and who moves the door: members whom its people wrote down are named once it is out, and a change of where
// people sign in is told to the Admins and to the audit. Holds TH-20, TH-21, NOTHING-LOST: nobody is removed in silence.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { customer, grant, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const [paul, tina] = ['nordic:paul', 'nordic:tina']
const [sara, adam, friend] = ['sara@acme.example', 'adam@acme.example', 'friend@acme.example']
const acme = 'customer-acme'
const { signal } = new AbortController()

let world: World
beforeAll(async () => {
  world = await startWorld()
  await world.apply(
    partner('nordic', {
      usernames: { prefix: 'nordic:' },
      owners: [paul],
      identityProvider: undefined,
    }),
    customer('acme', { owners: [sara], database: { enabled: false } }),
  )
  await world.until('the namespaces are there', async () => {
    const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
    return [acme, 'partner-nordic'].every((name) => stdout.includes(`/${name}\n`))
  })
  await world.apply(
    signIn('partner-nordic', 'https://login.nordic.example'),
    member('partner-nordic', tina, 'User'),
    member(acme, adam, 'Admin'),
    grant('acme', 'nordic', { technicians: [{ name: tina, scope: 'Full' }] }),
  )
  await world.until('all are in', async () => {
    const people = [tina, adam, sara].map((person) => world.can(person, 'get', 'pods', acme))
    const paulIs = world.can(paul, 'patch', 'identityproviders.tenantry.dev', 'partner-nordic')
    return (await Promise.all([...people, paulIs])).every(Boolean)
  })
})
afterAll(() => world[Symbol.asyncDispose]())

function signIn(namespace: string, issuerURL: string) {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'IdentityProvider',
    metadata: { name: 'sso', namespace },
    spec: { issuerURL },
  }
}

async function applies(person: string, ...manifests: readonly object[]): Promise<void> {
  const input = manifests.map((manifest) => stringify(manifest)).join('---\n')
  await world.platform.plane.run(signal, ['apply', '-f', '-'], { input, as: person })
}

async function told(action: string): Promise<readonly string[]> {
  const { host, port, user, password, ca } = world.platform.postgres ?? {}
  const ssl = ca === undefined ? false : { ca }
  const client = new Client({ host, port, user, password, database: 'tenantry', ssl })
  await client.connect()
  try {
    const { rows } = await client.query<{ said: string }>(
      `SELECT concat_ws(' ', nullif(customer_name, ''), partner, detail ->> 'was', '>', detail ->> 'issuerURL') AS said
       FROM tenantry.audit WHERE action = $1 ORDER BY id`,
      [action],
    )
    return rows.map(({ said }) => said)
  } finally {
    await client.end()
  }
}

describe('a member whom a technician wrote down', () => {
  test('says so, whatever is applied later', async () => {
    await applies(tina, member(acme, friend, 'Viewer'))
    const creator = async () =>
      field(await world.get('member', 'friend-acme-example', acme), 'status', 'createdBy')
    await world.until('it says so', async () => (await creator()) !== undefined)
    expect(await creator()).toEqual({ user: tina, partner: 'nordic' })
    await world.kubectl(
      'annotate',
      'member',
      'friend-acme-example',
      '-n',
      acme,
      'tenantry.dev/created-by-',
    )
    await applies(sara, member(acme, friend, 'Editor'))
    expect(await creator()).toEqual({ user: tina, partner: 'nordic' })
  })

  test('is named for review once the partner is out, until somebody removes it (TH-21)', async () => {
    const left = async () =>
      field(await world.get('corg', 'acme'), 'status', 'leftByPartner') ?? 'nobody'
    expect(await left()).toBe('nobody')
    await world.platform.plane.run(signal, ['delete', 'pag', 'partner', '-n', acme], { as: sara })
    const review = [{ user: friend, partner: 'nordic', createdBy: tina }]
    await world.until('the customer names it', async () => {
      return JSON.stringify(await left()) !== '"nobody"'
    })
    expect(await left()).toEqual(review)
    await world.until('its own people read it in their link', async () => {
      const { stdout } = await world.kubectl(
        'get',
        'clink',
        'self',
        '-n',
        acme,
        '-o',
        'jsonpath={.status.leftByPartner[*].user}',
        '--as',
        sara,
      )
      return stdout === friend
    })
    expect(await world.can(friend, 'get', 'pods', acme)).toBe(true)
    await world.platform.plane.run(
      signal,
      ['delete', 'member', 'friend-acme-example', '-n', acme],
      { as: sara },
    )
    await world.until('nobody is left', async () => (await left()) === 'nobody')
  })
})

describe('where people sign in', () => {
  /** As this person reads the Events of the namespace. */
  const announced = async (person: string, namespace: string) => {
    const { stdout } = await world.kubectl(
      'get',
      'events',
      '-n',
      namespace,
      '-o',
      'json',
      '--as',
      person,
    )
    const items: unknown = field(JSON.parse(stdout), 'items')
    return (Array.isArray(items) ? items : [])
      .filter((event) => field(event, 'reason') === 'SignInChanged')
      .map((event) => text(field(event, 'message')))
  }

  test('is told to the Admins of a customer, and to the audit, at each change (TH-20)', async () => {
    await applies(adam, signIn(acme, 'https://login.acme.example'))
    await applies(adam, signIn(acme, 'https://evil.example'))
    await world.until('sara reads of it', async () => {
      const notes = await announced(sara, acme)
      return notes.some((note) => note.includes('sign in at https://evil.example'))
    })
    await world.until('the audit has it', async () => {
      return (await told('SignInChanged')).at(-1)?.endsWith('> https://evil.example')
    })
    await world.platform.plane.run(signal, ['delete', 'idp', 'sso', '-n', acme], { as: sara })
    await world.until('the audit has the end, too', async () => {
      return (await told('SignInRemoved')).includes('acme https://evil.example >')
    })
  })

  test('is told to the Admins of a partner, and to the audit', async () => {
    await applies(paul, signIn('partner-nordic', 'https://other.nordic.example'))
    await world.until('paul reads of it', async () => {
      const notes = await announced(paul, 'partner-nordic')
      return notes.some((note) => note.includes('Before, it was https://login.nordic.example'))
    })
    await world.until('the audit has it', async () => {
      const rows = await told('SignInChanged')
      return rows.includes('nordic https://login.nordic.example > https://other.nordic.example')
    })
  })

  test('is not told again by another run', async () => {
    const before = await told('SignInChanged')
    await applies(paul, signIn('partner-nordic', 'https://other.nordic.example'))
    await applies(sara, member(acme, 'vera@acme.example', 'Viewer'))
    await world.until('the operator has run', () =>
      world.can('vera@acme.example', 'get', 'pods', acme),
    )
    expect(await told('SignInChanged')).toEqual(before)
  })
})
