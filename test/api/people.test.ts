// People's own logins in customers' databases, as they follow access: by signing in to PostgreSQL as that person, and by asking
// the API server about the Secret. Promises: NO-EARLY, NO-LATE, ONE-PARTNER, ISOLATED, PROVEN, QUIET.
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({
    replicas: 2,
    config: { leaseSeconds: 4, databases: { checkSeconds: 1 } },
  })
  await world.apply(
    partner('fabrikam', { usernames: { prefix: 'fabrikam:' } }),
    partner('lumen', { usernames: { prefix: 'lumen:' } }),
  )
  await world.until('the partners stand', async () => {
    return (await world.condition({ kind: 'porg', name: 'lumen' }, 'Ready')) === 'True/Ready'
  })
  await world.apply(
    ...['tina', 'tom'].map((name) => member('partner-fabrikam', `fabrikam:${name}`)),
    member('partner-lumen', 'lumen:luis'),
  )
})
afterAll(() => world[Symbol.asyncDispose]())

const wrongPassword = { code: '28P01' }
const grantCondition = (name: string, type: string) =>
  world.condition({ kind: 'pag', name: 'partner', namespace: `customer-${name}` }, type)

/** A customer with a database in which its application has made a table. */
async function make(name: string, spec: object = {}): Promise<void> {
  await world.apply(customer(name, spec))
  await world.until(`${name} is ready`, async () => {
    return (await world.condition({ kind: 'corg', name }, 'Ready')) === 'True/Ready'
  })
  const adm = await world.loginAs(`customer-${name}`, 'database-adm')
  await adm.query("CREATE TABLE words (word text); INSERT INTO words VALUES ('one')")
  await adm.end()
}

/** The Secret of this person's login, by the one Role that lets the person read it. */
async function secretOf(name: string, user: string): Promise<string | undefined> {
  const namespace = user.startsWith('fabrikam:')
    ? 'partner-fabrikam'
    : user.startsWith('lumen:')
      ? 'partner-lumen'
      : `customer-${name}`
  const { stdout } = await world.kubectl('get', 'roles', '-n', namespace, '-o', 'json')
  const items = field(JSON.parse(stdout), 'items')
  const role: unknown = (Array.isArray(items) ? items : []).find(
    (each) => field(each, 'metadata', 'annotations', 'tenantry.dev/user') === user,
  )
  const names = field(role, 'rules', '0', 'resourceNames')
  const found: unknown = Array.isArray(names)
    ? names.find((each) => text(each).startsWith(`login-${name}-`))
    : undefined
  return found === undefined ? undefined : `${namespace}/${text(found)}`
}

async function refOf(name: string, user: string): Promise<[name: string, namespace: string]> {
  const [namespace = '', secret = ''] = (await secretOf(name, user))?.split('/') ?? []
  return [secret, namespace]
}

async function signIn(secret: string): Promise<Client> {
  const [namespace = '', name = ''] = secret.split('/')
  const client = await world.loginAs(namespace, name)
  client.on('error', () => {}) // it is ended by the operator
  return client
}

/** Once there is one: the person has signed in with it. */
async function enter(name: string, user: string, withinMs?: number): Promise<Client> {
  const clients: Client[] = []
  await world.until(
    `${user} signs in to ${name}`,
    async () => {
      const secret = await secretOf(name, user)
      if (secret !== undefined) clients.push(await signIn(secret))
      return clients.length > 0
    },
    withinMs,
  )
  const [client] = clients
  if (!client) throw new Error('nobody signed in')
  return client
}

function ended(client: Client): Promise<number> {
  return new Promise((resolve) => client.once('end', () => resolve(Date.now())))
}

async function gone(name: string, user: string): Promise<void> {
  await world.until(`the login of ${user} is gone`, async () => {
    return (await secretOf(name, user)) === undefined
  })
  expect(await rolesOf(name)).not.toContainEqual(expect.stringContaining('_g_'))
}

/** What PostgreSQL knows of people in this customer's database. */
async function rolesOf(name: string): Promise<readonly string[]> {
  const adm = await world.loginAs(`customer-${name}`, 'database-adm')
  const { rows } = await adm.query<{ name: string }>(
    "SELECT rolname AS name FROM pg_roles WHERE rolname LIKE current_database() || '\\_g\\_%'",
  )
  await adm.end()
  return rows.map((row) => row.name)
}

async function asSuperuser(statement: string): Promise<void> {
  const { url, ca } = world.platform.postgres ?? {}
  const client = new Client({ connectionString: url, ssl: { ca } })
  await client.connect()
  await client.query(statement)
  await client.end()
}

describe('a technician', () => {
  test('reads the own Secret, which nobody else may read, and works as the scope says (ISOLATED)', async () => {
    await make('acme')
    await world.apply(
      grant('acme', 'fabrikam', {
        technicians: [
          { name: 'fabrikam:tina', scope: 'Full' },
          { name: 'fabrikam:tom', scope: 'ReadOnly' },
        ],
      }),
    )
    const tina = await enter('acme', 'fabrikam:tina')
    const tom = await enter('acme', 'fabrikam:tom')
    await tina.query("INSERT INTO words VALUES ('two')")
    expect((await tom.query('SELECT count(*)::int AS n FROM words')).rows).toEqual([{ n: 2 }])
    await expect(tom.query("INSERT INTO words VALUES ('three')")).rejects.toMatchObject({
      code: '42501',
    })
    await Promise.all([tina.end(), tom.end()])
    const [secret] = await refOf('acme', 'fabrikam:tina')
    const reads = (user: string) =>
      world
        .kubectl(
          'auth',
          'can-i',
          'get',
          `secrets/${secret}`,
          '-n',
          'partner-fabrikam',
          '--as',
          user,
        )
        .then(({ stdout }) => stdout.trim())
    expect(await reads('fabrikam:tina')).toBe('yes')
    expect(await reads('fabrikam:tom')).toBe('no')
    for (const user of ['fabrikam:tina', 'fabrikam:tom', 'lumen:luis']) {
      expect(await world.can(user, 'list', 'secrets', 'partner-fabrikam'), user).toBe(false)
    }
  })

  test('has a login from the start of the window to its end, and the open session ends with it (TH-15, NO-EARLY, NO-LATE)', async () => {
    await make('timed')
    const [start, end] = [Date.now() + 4_000, Date.now() + 9_000]
    await world.apply(
      grant('timed', 'fabrikam', {
        access: {
          mode: 'Period',
          notBefore: new Date(start).toISOString(),
          notAfter: new Date(end).toISOString(),
        },
        technicians: [{ name: 'fabrikam:tina', scope: 'Full' }],
      }),
    )
    for (;;) {
      const secret = await secretOf('timed', 'fabrikam:tina')
      const roles = await rolesOf('timed')
      if (Date.now() >= start) break // these answers may be of the window
      expect({ secret, roles }).toEqual({ secret: undefined, roles: [] })
      await sleep(200)
    }
    const session = await enter('timed', 'fabrikam:tina', 8_000)
    expect(Date.now()).toBeGreaterThanOrEqual(start)
    await session.query('BEGIN; DECLARE c CURSOR FOR SELECT generate_series(1, 100000)')
    const late = (await ended(session)) - end
    expect(late).toBeGreaterThan(-1_000) // whole seconds, the early side
    expect(late).toBeLessThan(1_000)
    await gone('timed', 'fabrikam:tina')
    await world.until('the proof is said', async () => {
      return (await grantCondition('timed', 'Revoked')) === 'True/Proven'
    })
  })

  test('who is removed and named again has another password, and the old one fails (TH-11)', async () => {
    await make('again')
    const named = grant('again', 'fabrikam', {
      technicians: [{ name: 'fabrikam:tina', scope: 'Full' }],
    })
    await world.apply(named)
    const first = await enter('again', 'fabrikam:tina')
    const old = await world.get('secret', ...(await refOf('again', 'fabrikam:tina')))
    const cut = ended(first)
    await world.apply(grant('again', 'fabrikam', { technicians: [] }))
    await cut
    await gone('again', 'fabrikam:tina')
    await world.apply(named)
    const second = await enter('again', 'fabrikam:tina')
    await second.end()
    await expect(world.signInWith(old)).rejects.toMatchObject(wrongPassword)
  })
})

async function leader(): Promise<number> {
  for (const [index, operator] of world.operators.entries()) {
    const metrics = await operator.metrics(AbortSignal.timeout(2_000)).catch(() => '')
    if (/^leader_election_master_status\S* 1$/m.test(metrics)) return index
  }
  return -1
}

async function untilTwoReplicas(): Promise<void> {
  while (world.operators.length < 2) await world.startOperator()
  await world.until('one of them leads', async () => (await leader()) >= 0, 30_000)
}

async function killAll(): Promise<void> {
  await Promise.all(world.operators.splice(0).map((operator) => operator.kill()))
}

function until(ms: number) {
  return {
    access: { mode: 'Period', notBefore: inMs(-1_000), notAfter: inMs(ms) },
    technicians: [{ name: 'fabrikam:tina', scope: 'Full' }],
  }
}

describe('the end of a window', () => {
  test('ends the session within a second while the leader is dead (NO-LATE)', async () => {
    await untilTwoReplicas()
    await make('follows')
    const spec = until(7_000)
    await world.apply(grant('follows', 'fabrikam', spec))
    const session = await enter('follows', 'fabrikam:tina')
    const end = ended(session)
    const [dead] = world.operators.splice(await leader(), 1)
    await dead?.kill()
    expect((await end) - Date.parse(spec.access.notAfter)).toBeLessThan(1_000)
    await untilTwoReplicas()
    await gone('follows', 'fabrikam:tina')
  })

  test('refuses a new login with every replica dead, and ends the session first thing after the start (NO-LATE)', async () => {
    await untilTwoReplicas()
    await make('dead')
    const spec = until(4_000)
    await world.apply(grant('dead', 'fabrikam', spec))
    const session = await enter('dead', 'fabrikam:tina')
    const secret = await world.get('secret', ...(await refOf('dead', 'fabrikam:tina')))
    await killAll()
    await sleep(Date.parse(spec.access.notAfter) + 100 - Date.now())
    await expect(world.signInWith(secret)).rejects.toMatchObject(wrongPassword)
    expect((await session.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    const end = ended(session)
    await untilTwoReplicas()
    await end
    await gone('dead', 'fabrikam:tina')
  })
})

describe('a member', () => {
  test('with databaseLogin signs in as the role allows, and no more while the portal is off', async () => {
    const vera = member('customer-portal', 'vera@portal.example', 'Viewer')
    const spec = { portal: { active: true } }
    await make('portal', spec)
    await world.apply(
      { ...vera, spec: { ...vera.spec, databaseLogin: true } },
      member('customer-portal', 'eva@portal.example', 'Editor'),
    )
    const session = await enter('portal', 'vera@portal.example')
    expect((await session.query('SELECT * FROM words')).rows).toEqual([{ word: 'one' }])
    await expect(session.query('DELETE FROM words')).rejects.toMatchObject({ code: '42501' })
    expect(await secretOf('portal', 'eva@portal.example')).toBeUndefined()
    const end = ended(session)
    await world.apply(customer('portal', { portal: { active: false } }))
    await end
    await gone('portal', 'vera@portal.example')
    await world.apply(customer('portal', spec))
    await (await enter('portal', 'vera@portal.example')).end()
  })
})

describe('a hand-over', () => {
  test('waits for the database, and says so while its server is down (ONE-PARTNER, PROVEN)', async () => {
    await untilTwoReplicas()
    await make('moves')
    await world.apply(
      grant('moves', 'fabrikam', { technicians: [{ name: 'fabrikam:tina', scope: 'Full' }] }),
    )
    await (await enter('moves', 'fabrikam:tina')).end()
    const enters = (user: string) => world.can(user, 'get', 'pods', 'customer-moves')
    await world.until('tina enters', () => enters('fabrikam:tina'))
    const { postgres } = world.platform
    await postgres?.kill()
    await world.apply(
      grant('moves', 'lumen', { technicians: [{ name: 'lumen:luis', scope: 'Full' }] }),
    )
    await world.until('Kubernetes is closed', async () => !(await enters('fabrikam:tina')))
    await world.until('what is not proven is said', async () => {
      const linked = await world.condition({ kind: 'corg', name: 'moves' }, 'PartnerLinked')
      return linked === 'False/DatabaseUnproven'
    })
    expect(await grantCondition('moves', 'Revoked')).toBe('False/DatabaseUnproven')
    expect(await enters('lumen:luis')).toBe(false)
    expect(field(await world.get('corg', 'moves'), 'status', 'partner', 'name')).toBe('fabrikam')
    await postgres?.restart(AbortSignal.timeout(30_000))
    const session = await enter('moves', 'lumen:luis', 40_000)
    expect(await rolesOf('moves')).toHaveLength(1)
    expect(await secretOf('moves', 'fabrikam:tina')).toBeUndefined()
    expect(await enters('fabrikam:tina')).toBe(false)
    await session.end()
  })
})

describe('by hand', () => {
  test('a right that somebody gave to a technician is taken back', async () => {
    await untilTwoReplicas()
    await make('drifts')
    await world.apply(
      grant('drifts', 'fabrikam', { technicians: [{ name: 'fabrikam:tina', scope: 'ReadOnly' }] }),
    )
    const session = await enter('drifts', 'fabrikam:tina')
    const mayWrite = async () => {
      const { rows } = await session.query<{ may: boolean }>(
        "SELECT pg_has_role(current_database() || '_adm', 'USAGE') AS may",
      )
      return rows[0]?.may
    }
    const { rows } = await session.query<{ name: string; me: string }>(
      'SELECT current_database() AS name, current_user AS me',
    )
    await asSuperuser(`GRANT ${rows[0]?.name}_adm TO ${rows[0]?.me}`)
    expect(await mayWrite()).toBe(true)
    await world.until('it is taken back', async () => !(await mayWrite()))
    await session.end()
  })

  test('a customer that is taken away with its finalizers leaves nobody in its database (TH-07, NO-LATE)', async () => {
    await make('forced')
    await world.apply(
      grant('forced', 'fabrikam', { technicians: [{ name: 'fabrikam:tina', scope: 'Full' }] }),
    )
    const session = await enter('forced', 'fabrikam:tina')
    const end = ended(session)
    await killAll()
    await world.kubectl('delete', 'corg', 'forced', '--wait=false')
    const finalizers = '{"metadata":{"finalizers":null}}'
    await world.kubectl('patch', 'corg', 'forced', '--type=merge', '-p', finalizers)
    expect(await world.get('corg', 'forced')).toBeUndefined()
    await untilTwoReplicas()
    await end
    await gone('forced', 'fabrikam:tina')
  })
})

test('a restart writes nothing about people who have logins (QUIET)', async () => {
  await untilTwoReplicas()
  await world.until('all is said', async () => {
    const before = (await world.writes()).length
    await sleep(2_000)
    return (await world.writes()).length === before
  })
  const before = (await world.writes()).length
  await killAll()
  await untilTwoReplicas()
  await sleep(4_000)
  expect((await world.writes()).slice(before)).toEqual([])
  await (await enter('moves', 'lumen:luis')).end()
})
