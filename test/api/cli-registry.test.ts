// `devices`, `audit`, `connect` and `restore-database` with a real registry and a real control database, in a
// real terminal, as each kind of person with that person's own login. Promises: ISOLATED, NOTHING-LOST.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCliWorld, type CliWorld, type Who } from '../support/cli-world.ts'
import { customer, devices } from '../support/manifests.ts'
import { field, text } from '../support/world.ts'

let cli: CliWorld
beforeAll(async () => {
  cli = await startCliWorld({ postgres: true })
  const { world } = cli
  const device = (id: string, model: string, site: string) => ({ id, model, labels: { site } })
  const member = ['member', 'adam-acme-example', '-n', 'customer-acme']
  const login = '{"spec":{"databaseLogin":true}}'
  await world.kubectl('patch', ...member, '--type=merge', '-p', login)
  await world.apply(
    devices('acme', 'hall', [device('a-1', 'X2', 'kiel'), device('a-2', 'F9', 'bremen')]),
    devices('acme-a', 'plant', [device('n-1', 'X2', 'kiel')]),
    devices('gamma', 'hall', [device('g-1', 'X2', 'kiel')]),
    devices('globex', 'hall', [device('x-1', 'X2', 'kiel')]),
  )
  await world.until(
    'the registry has them, and whoever is to look has a login',
    async () => {
      const looks = await Promise.all(
        (['technician', 'customer Admin'] as const).map((who) =>
          cli.runHere(who, ['devices', '--all']),
        ),
      )
      return looks.map(({ screen }) => (screen.match(/^[a-z]-\d/gm) ?? []).join(' ')).join('|') ===
        'a-1 a-2|a-1 a-2 n-1'
        ? true
        : looks.map(({ screen }) => screen).join('\n')
    },
    90_000,
  )
}, 180_000)
afterAll(() => cli[Symbol.asyncDispose]())

const ids = (screen: string) => screen.match(/^[a-z]-\d/gm) ?? []

/** What the person sees in a terminal; whatever it is, nothing of a customer that is nobody's here. */
async function see(who: Who, ...args: readonly string[]) {
  const { code, screen } = await cli.run(who, args)
  if (who !== 'platform') expect(screen).not.toMatch(/globex|x-1/i)
  return { code, screen }
}

// Each command is a process in a terminal of its own: so they run side by side.
describe.concurrent('the devices', () => {
  test.each([
    ['of all customers that are open', ['--all'], 'a-1 a-2'],
    ['with a label', ['--all', '-l', 'site=kiel'], 'a-1'],
    ['without a label', ['--all', '-l', 'site!=kiel'], 'a-2'],
    ['with a text in them', ['--all', 'f9'], 'a-2'],
    ['of one customer', ['--customer', 'acme', 'x2'], 'a-1'],
  ])('%s are shown to a technician, from the registry', async (_what, args, expected) => {
    const { code, screen } = await see('technician', 'devices', ...args)
    expect([code, ids(screen).join(' ')]).toEqual([0, expected])
    expect(screen).not.toContain('As assignments say it')
  })

  test('of all are told to be all that the technician enters', async () => {
    const { screen } = await see('technician', 'devices', '--all')
    expect(screen).toContain('Not shown: 1 customer whose devices you may not see.')
  })

  test('of the own customer and those nested in it are shown to an Admin who has a login', async () => {
    const { code, screen } = await see('customer Admin', 'devices', '--all')
    expect([code, ids(screen).join(' ')]).toEqual([0, 'a-1 a-2 n-1'])
  })

  test('are shown as assignments say it to whoever has no login, and that is said', async () => {
    const { code, screen } = await see('customer SuperAdmin', 'devices')
    expect([code, ids(screen).join(' ')]).toEqual([0, 'a-1 a-2'])
    expect(screen).toContain('you have no login in the registry')
  })

  test.each([
    'partner SuperAdmin',
    'partner Admin',
    'partner User',
    'customer Viewer',
    'stranger',
  ] as const)('are not shown to a %s, who is told so', async (who) => {
    const { code, screen } = await see(who, 'devices', '--customer', 'acme')
    expect([code, ids(screen)]).toEqual([4, []])
    expect(screen).toMatch(/may not see the devices of acme, or there is no such customer/)
  })

  test('of another customer are not shown even by name', async () => {
    for (const who of ['technician', 'customer Admin'] as const) {
      const { code, screen } = await cli.run(who, ['devices', '--customer', 'globex'])
      expect([code, ids(screen)]).toEqual([4, []])
    }
  })
})

describe.concurrent('the audit', () => {
  test('tells a technician what concerns the own partner, and nothing of people of the customer', async () => {
    const { code, screen } = await see('technician', 'audit', 'acme')
    expect(code).toBe(0)
    expect(screen).toMatch(
      /tenantry +person\/nordic:tina +Granted technician Full until 2036-\S+ partner nordic/,
    )
    expect(screen).toMatch(/tenantry +person\/nordic:gone +Refused .* NotAMember/)
    expect(screen).not.toMatch(/person\/(sara|adam|vera)@/)
  })

  test('tells an Admin of the customer about both sides', async () => {
    const { code, screen } = await see('customer Admin', 'audit', 'acme')
    expect(code).toBe(0)
    expect(screen).toMatch(/person\/adam@acme\.example +Granted member Admin/)
    expect(screen).toMatch(/person\/nordic:tina +Granted technician Full/)
    expect(screen).toMatch(/partner\/nordic +Linked/)
  })

  test('says that more is on record to whoever has no login there', async () => {
    const { code, screen } = await see('customer SuperAdmin', 'audit', 'acme')
    expect(code).toBe(0)
    expect(screen).toContain('Who was let in and put out is on record in the registry')
    expect(screen).not.toMatch(/person\//)
  })

  test.each(['partner User', 'customer Viewer', 'stranger'] as const)(
    'is not for a %s',
    async (who) => {
      const { code, screen } = await see(who, 'audit', 'acme')
      expect([code, screen]).toEqual([
        4,
        expect.stringContaining('may not see the record of acme, or there is no such customer'),
      ])
    },
  )

  test('of another customer is not shown by any login', async () => {
    for (const who of ['technician', 'customer Admin'] as const) {
      const { code } = await cli.run(who, ['audit', 'globex'])
      expect(code).toBe(4)
    }
  })

  test('can be changed by nobody', async () => {
    const secrets = await cli.world.kubectl('get', 'secrets', '-n', 'partner-nordic', '-o', 'name')
    const name = /registry-[a-z2-7]{26}/.exec(secrets.stdout)?.[0] ?? ''
    const tina = await cli.world.loginAs('partner-nordic', name)
    try {
      for (const statement of [
        'DELETE FROM audit',
        'DELETE FROM audit_trail',
        "UPDATE audit_trail SET person = 'nobody'",
        'SELECT * FROM audit',
        'SELECT * FROM visible_audit(), ledger',
      ]) {
        await expect(tina.query(statement), statement).rejects.toMatchObject({
          code: expect.stringMatching(/^(42501|55000)$/),
        })
      }
    } finally {
      await tina.end()
    }
  })
})

describe.concurrent('a login to the database', () => {
  const query = ['--', '-Atc', 'SELECT count(*) FROM tenantry.devices']
  test.each(['technician', 'customer Admin'] as const)('is there for a %s', async (who) => {
    const { code, screen } = await see(who, 'connect', 'acme', ...query)
    expect([code, screen.split('\n').at(-1)]).toEqual([0, '2'])
  })

  test.each([
    'partner SuperAdmin',
    'partner Admin',
    'partner User',
    'customer SuperAdmin',
    'customer Viewer',
  ] as const)('is not there for a %s, who is told so', async (who) => {
    const { code, screen } = await see(who, 'connect', 'acme', ...query)
    expect([code, screen]).toEqual([4, expect.stringContaining('has no login in the database')])
  })
})

// Alone: it takes away what the others use.
describe('the registry', () => {
  test('that refuses the login is told, and the devices are shown as assignments say it', async () => {
    const { rows } = await asRoot(
      "SELECT 'ALTER ROLE ' || rolname || ' NOLOGIN' AS change FROM pg_roles WHERE rolname LIKE 'tenantry\\_p\\_%'",
    )
    for (const row of rows) await asRoot(text(field(row, 'change')))
    try {
      const { code, screen } = await see('technician', 'devices', '--customer', 'acme')
      expect([code, ids(screen).join(' ')]).toEqual([0, 'a-1 a-2'])
      expect(screen).toContain('the registry does not accept your login')
    } finally {
      for (const row of rows) await asRoot(text(field(row, 'change')).replace('NOLOGIN', 'LOGIN'))
    }
  })
})

describe('a database that was kept', () => {
  const database = async () =>
    text(field(await cli.world.get('corg', 'kept'), 'status', 'database', 'name'))
  test('is given back by the platform, and by nobody else', async () => {
    const { world } = cli
    await world.apply(customer('kept'))
    const is = (answer: string) =>
      world.until(
        `it is ${answer}`,
        async () => {
          const found = await world.condition({ kind: 'corg', name: 'kept' }, 'DatabaseReady')
          return found === answer || found
        },
        30_000,
      )
    await is('True/Ready')
    const id = await database()
    await world.kubectl('delete', 'corg', 'kept', '--timeout=30s')
    await world.apply(customer('kept'))
    await is('False/RetainedDatabaseExists')
    for (const who of ['partner SuperAdmin', 'customer SuperAdmin', 'stranger'] as const) {
      const refused = await see(who, 'restore-database', 'kept', '--from', id, '--yes')
      expect(refused.code).toBe(4)
    }
    const given = await see('platform', 'restore-database', 'kept', '--from', id, '--yes')
    expect([given.code, given.screen]).toEqual([0, expect.stringContaining(`restoreFrom ${id}`)])
    expect(await database()).toBe(id)
  }, 90_000)
})

async function asRoot(statement: string) {
  const { url, ca } = cli.world.platform.postgres ?? {}
  const client = new Client({ connectionString: url ?? '', ssl: { ca } })
  await client.connect()
  try {
    return await client.query<Record<string, unknown>>(statement)
  } finally {
    await client.end()
  }
}
