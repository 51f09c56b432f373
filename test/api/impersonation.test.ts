// A technician acts as somebody of the customer, for support: with real credentials, against the real API server.
// Holds NO-EARLY, NO-LATE, ONE-PARTNER, ISOLATED (TH-08, TH-09).
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { startWorld, type World } from '../support/world.ts'

const tina = 'nordic:tina'
const people = (name: string) => ({
  sara: `sara@${name}.example`,
  edda: `edda@${name}.example`,
  vera: `vera@${name}.example`,
})
const endsInMs = 26_000

let world: World
let credentials: string
/** When the short window ends, in epoch ms. */
let endsAt: number

function acting(name: string, change: object = {}) {
  return {
    name: tina,
    scope: 'Impersonate',
    reason: 'ticket 4711',
    impersonate: { users: [people(name).vera] },
    notBefore: inMs(-60_000),
    notAfter: inMs(600_000),
    ...change,
  }
}

function withEntries(name: string, technicians: readonly object[], access: object = {}) {
  return grant(name, 'nordic', {
    access: { mode: 'Continuous', allowImpersonation: true, ...access },
    technicians,
  })
}

beforeAll(async () => {
  world = await startWorld({ postgres: false })
  credentials = await world.platform.plane.kubeconfigFor(tina)
  const customers = ['acme', 'brief', 'moving', 'strict', 'nested']
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: ['nordic:paul'] }),
    partner('other', { usernames: { prefix: 'other:' }, owners: ['other:olaf'] }),
    ...customers.map((name) =>
      customer(name, {
        owners: [people(name).sara],
        database: { enabled: false },
        ...(name === 'nested' && { parentRef: { name: 'acme' } }),
      }),
    ),
  )
  await world.until('the namespaces are there', async () => {
    const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
    return ['partner-nordic', ...customers.map((name) => `customer-${name}`)].every((name) =>
      stdout.includes(`/${name}\n`),
    )
  })
  endsAt = Date.now() + endsInMs
  await world.apply(
    member('partner-nordic', tina, 'User'),
    ...customers.flatMap((name) => [
      member(`customer-${name}`, people(name).edda, 'Editor'),
      member(`customer-${name}`, people(name).vera, 'Viewer'),
    ]),
    withEntries('acme', [acting('acme')]),
    withEntries('brief', [acting('brief', { notAfter: new Date(endsAt).toISOString() })]),
    withEntries('moving', [acting('moving')]),
    withEntries('strict', [acting('strict')], { allowImpersonation: false }),
  )
  for (const name of ['acme', 'brief', 'moving']) {
    await world.until(`tina acts in ${name}`, () => acts(name))
  }
}, 60_000)
afterAll(() => world[Symbol.asyncDispose]())

/** With the technician's own certificate. */
async function asTina(...args: readonly string[]) {
  return world.kubectl('--kubeconfig', credentials, ...args)
}

async function acts(name: string, user = people(name).vera, ...what: readonly string[]) {
  const asked = what.length > 0 ? what : ['get', 'pods']
  const { code } = await asTina(...asked, '-n', `customer-${name}`, '--as', user)
  return code === 0
}

async function saysOfTina(name: string): Promise<string> {
  const { stdout } = await world.kubectl(
    'get',
    'pag',
    'partner',
    '-n',
    `customer-${name}`,
    '-o',
    'jsonpath={.status.people[0].may}/{.status.people[0].reason}',
  )
  return stdout
}

async function objectsOf(name: string): Promise<string> {
  const { stdout } = await world.kubectl(
    'get',
    'clusterroles,clusterrolebindings',
    '-o',
    'name',
    '-l',
    `tenantry.dev/customer=${name}`,
  )
  return stdout.trim()
}

describe('a technician with an open window to act as somebody', () => {
  test('reads as that person, with both names in the audit log', async () => {
    expect(await acts('acme')).toBe(true)
    await world.until('the audit log has both names', async () => {
      const log = await readFile(world.platform.plane.auditLog ?? '', 'utf8')
      return log.split('\n').some((line) => {
        const isActing = line.includes(`"impersonatedUser":{"username":"${people('acme').vera}"`)
        return isActing && line.includes(`"user":{"username":"${tina}"`)
      })
    })
  })

  test.each([
    ['in her own name', ['get', 'pods', '-n', 'customer-acme']],
    [
      'as somebody who is not named',
      ['get', 'pods', '-n', 'customer-acme', '--as', people('acme').edda],
    ],
    ['as a SuperAdmin', ['get', 'pods', '-n', 'customer-acme', '--as', people('acme').sara]],
    ['in another customer', ['get', 'pods', '-n', 'customer-strict', '--as', people('acme').vera]],
    ['in what is nested', ['get', 'pods', '-n', 'customer-nested', '--as', people('acme').vera]],
    ['in the whole cluster', ['get', 'namespaces', '--as', people('acme').vera]],
    [
      'with a group',
      [
        'get',
        'pods',
        '-n',
        'customer-acme',
        '--as',
        people('acme').vera,
        '--as-group',
        'system:masters',
      ],
    ],
    ['on Secrets', ['get', 'secrets', '-n', 'customer-acme', '--as', people('acme').vera]],
    ['on where people sign in', ['get', 'idp', '-n', 'customer-acme', '--as', people('acme').vera]],
    ['on members', ['get', 'member', '-n', 'customer-acme', '--as', people('acme').vera]],
    [
      'by a stream',
      [
        'get',
        'pods',
        '-n',
        'customer-acme',
        '--watch',
        '--request-timeout=2s',
        '--as',
        people('acme').vera,
      ],
    ],
    ['writing', ['create', 'configmap', 'x', '-n', 'customer-acme', '--as', people('acme').vera]],
  ])('does nothing %s', async (_what, args) => {
    const { code, stderr } = await asTina(...args)
    expect([code, stderr]).toEqual([1, expect.stringMatching(/forbidden|Forbidden/)])
  })

  test('is told of in both namespaces, with the reason', async () => {
    for (const namespace of ['customer-acme', 'partner-nordic']) {
      await world.until(`the Event is in ${namespace}`, async () => {
        const { stdout } = await world.kubectl('get', 'events', '-n', namespace, '-o', 'json')
        return stdout.includes('ImpersonationOpened') && stdout.includes('ticket 4711')
      })
    }
  })

  test('gives nothing at once when the other becomes a SuperAdmin (TH-09)', async () => {
    await world.apply(member('customer-acme', people('acme').vera, 'SuperAdmin'))
    await world.until('the status says why', async () => {
      return (await saysOfTina('acme')) === 'Not/TargetNotAllowed'
    })
    // Another question than those that were answered with yes: the API server remembers these.
    await world.until('acting is refused', async () => {
      return !(await acts('acme', people('acme').vera, 'get', 'services'))
    })
  })
})

describe('the end', () => {
  test('is before the end of the window for everything that was ever allowed (NO-LATE)', async () => {
    let last = 0
    await world.until(
      'the very request that was allowed is refused',
      async () => {
        const isIn = await acts('brief')
        if (isIn) last = Date.now()
        return !isIn
      },
      endsInMs + 10_000,
    )
    expect(last).toBeLessThan(endsAt)
    // It is no cut either: five seconds before those ten she still acted.
    expect(last).toBeGreaterThan(endsAt - 16_000)
    await world.until('nothing is left', async () => (await objectsOf('brief')) === '', 30_000)
  }, 90_000)

  test('of a partner lets the next one in only when nobody can act any more (TH-23, ONE-PARTNER)', async () => {
    expect(await acts('moving')).toBe(true)
    await world.apply(grant('moving', 'other', { technicians: [{ name: 'other:olaf' }] }))
    await world.until('the condition says what it waits for', async () => {
      const where = { kind: 'corg', name: 'moving' }
      return (await world.condition(where, 'PartnerLinked')) === 'False/ImpersonationRemembered'
    })
    let both = 0
    await world.until(
      'the next partner is in',
      async () => {
        const olaf = await world.can('other:olaf', 'get', 'pods', 'customer-moving')
        if (olaf && (await acts('moving'))) both += 1
        return olaf
      },
      25_000,
    )
    expect(both).toBe(0)
    expect(await acts('moving')).toBe(false)
    expect(await objectsOf('moving')).toBe('')
  }, 60_000)
})

describe('nothing is given', () => {
  test('where the customer does not allow it', async () => {
    expect(await saysOfTina('strict')).toBe('Not/ImpersonationNotAllowed')
    expect(await acts('strict')).toBe(false)
    expect(await objectsOf('strict')).toBe('')
  })

  test.each([
    ['for longer than an hour', { notAfter: inMs(4_000_000) }],
    ['without a reason', { reason: undefined }],
    ['without an end', { notAfter: undefined }],
    ['for nobody', { impersonate: undefined }],
  ])('%s: the API refuses the entry', async (_what, change) => {
    const applied = world.apply(withEntries('strict', [acting('strict', change)]))
    await expect(applied).rejects.toThrow(/Impersonate/)
  })

  test('while the portal is off, and for a SuperAdmin or a stranger', async () => {
    for (const users of [[people('nested').sara], ['who@else.example']]) {
      await world.apply(withEntries('nested', [acting('nested', { impersonate: { users } })]))
      await world.until('the status says why', async () => {
        return (await saysOfTina('nested')) === 'Not/TargetNotAllowed'
      })
    }
    await world.apply(withEntries('nested', [acting('nested')]))
    await world.until('tina acts', () => acts('nested'))
    const off = {
      ...customer('nested'),
      spec: {
        portal: { active: false },
        parentRef: { name: 'acme' },
        owners: [people('nested').sara],
        database: { enabled: false },
      },
    }
    await world.apply(off)
    await world.until('she does not any more', async () => {
      return !(await acts('nested', people('nested').vera, 'get', 'events'))
    })
    expect(await saysOfTina('nested')).toBe('Not/TargetNotAllowed')
  })
})
