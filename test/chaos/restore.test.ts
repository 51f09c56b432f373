// The restore drill. Between the backup and the restore somebody is taken out in every way there is, a partner is handed over, a
// customer comes and one goes, a device moves. Then the cluster is as it was before and PostgreSQL is not, or the other way round.
// Holds ONE-PARTNER, NO-LATE, ONE-OWNER, NOTHING-LOST, PROVEN, QUIET: by what the newer side knows nobody enters who should not,
// nothing is dropped, and what differs is said.
import { cp, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { describe, expect, test } from 'vitest'
import { runCommand } from '../../tools/control-plane/command.ts'
import { record } from '../support/alerts.ts'
import { customer, devices, grant, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type Found, type World } from '../support/world.ts'

const { signal } = new AbortController()

/** Logins of people as somebody may have kept them, by name. */
type Kept = Map<string, Found | undefined>

type Scene = { readonly world: World; readonly kept: Kept }

describe('a cluster that was restored from an older backup than PostgreSQL', () => {
  test('lets nobody in whom the ledger has out, says whom it holds back, and loses nothing', async () => {
    const { world, kept } = await startScene()
    await using _ = world
    const { plane } = world.platform
    await stopOperators(world)
    const backup = `${plane.directory}/etcd-backup`
    await plane.withoutServers(signal, (data) => cp(data, backup, { recursive: true }))
    await world.startOperator()
    await untilStanding(world, 'north', 'south', 'leaver')
    await change(world, kept)
    const before = await databasesOf(world)
    await stopOperators(world)
    await plane.withoutServers(signal, async (data) => {
      await rm(data, { recursive: true })
      await cp(backup, data, { recursive: true })
    })
    // The very access that somebody had is back, and the cluster cannot know better.
    expect(await pods(world, 'tina', 'north')).toBe(true)

    const operator = await world.startOperator()
    const recording = record([operator], 500)
    const begun = performance.now()
    await world.until(
      'everybody is out whom the ledger has out',
      async () => (await entering(world)).join() === 'north/olga,north/tom',
      30_000,
    )
    console.log(`out ${((performance.now() - begun) / 1000).toFixed(2)} s after the start`)
    await world.until(
      'it is said',
      async () => {
        const said = await Promise.all(
          ['north', 'south', 'leaver'].map((name) => readyOf(world, name)),
        )
        return said.every((each) => each === 'False/OlderThanLedger') || said.join()
      },
      30_000,
    )
    await expectRefused(world, kept, 'tina', 'wanda', 'paul', 'max', 'tess', 'gail')
    await expectRefused(world, kept, 'luis', 'fred') // of whom the restored cluster knows nothing
    const people = field(await world.get('pag', 'partner', 'customer-north'), 'status', 'people')
    expect(people).toContainEqual(
      expect.objectContaining({ name: 'tina', may: 'Not', reason: 'OlderThanLedger' }),
    )
    expect(await eventsAbout(world, 'north')).toContain('OlderThanLedger')
    expect(await operator.metrics(signal)).toMatch(
      /^tenantry_customers\{ready="False",reason="OlderThanLedger"\} 3$/m,
    )
    // NOTHING-LOST, ONE-OWNER
    expect(await databasesOf(world)).toEqual(before)
    expect(await ownerOf(world, 'dev-1')).toBe('south')

    // What is meant is confirmed; what is in Git is applied.
    await world.kubectl('annotate', 'corg', 'north', 'tenantry.dev/confirm-restored=north')
    await world.until('tina is back by confirmation', () => pods(world, 'tina', 'north'))
    await world.kubectl('annotate', 'corg', 'north', 'tenantry.dev/confirm-restored-')
    await world.kubectl('annotate', 'corg', 'leaver', 'tenantry.dev/confirm-restored=leaver')
    await world.until('gail is back', () => pods(world, 'gail', 'leaver'))
    await world.apply(grant('south', 'lumen', { technicians: [{ name: 'luis' }] }))
    await world.until('the hand-over is done again', () => pods(world, 'luis', 'south'), 30_000)
    expect(await pods(world, 'tess', 'south')).toBe(false)
    await untilStanding(world, 'north', 'south', 'leaver')
    await expectRest(world)
    await recording.stop()
    const firing = await recording.judge(signal, 5)
    expect(firing.some((each) => each.has('TenantryOlderThanLedger'))).toBe(true)
    expect(firing.at(-1)?.has('TenantryOlderThanLedger')).toBe(false)
    expect(await pods(world, 'tina', 'north')).toBe(true)
  }, 240_000)
})

describe('a PostgreSQL that was restored from an older backup than the cluster', () => {
  test('lets nobody in whom the cluster has out, makes again what is missing, and loses nothing', async () => {
    const { world, kept } = await startScene()
    await using _ = world
    const { postgres } = world.platform
    if (!postgres?.data) throw new Error('There is no PostgreSQL whose files can be copied.')
    const { data } = postgres
    const copy = async (from: string, to: string) => {
      await postgres.kill()
      await rm(to, { recursive: true, force: true })
      const { code, stderr } = await runCommand(signal, 'cp', ['-a', from, to])
      if (code !== 0) throw new Error(stderr)
      await postgres.restart(signal)
    }
    await stopOperators(world)
    await copy(data, `${data}-backup`)
    await world.startOperator()
    await untilStanding(world, 'north', 'south', 'leaver')
    const before = await databasesOf(world)
    await change(world, kept)
    await stopOperators(world)
    await copy(`${data}-backup`, data)
    // The logins that somebody kept are back, and the server cannot know better.
    const tina = await world.signInWith(kept.get('tina'))
    const ended = new Promise((resolve) => tina.once('end', resolve))
    tina.on('error', () => {})

    await world.startOperator()
    await world.until(
      'all stand',
      async () =>
        (await readyOf(world, 'fresh')) === 'True/Ready' &&
        (await readyOf(world, 'south')) === 'True/Ready',
      60_000,
    )
    await ended
    await world.until('nobody of a customer that is gone can sign in', () =>
      isRefused(world, kept, 'gail'),
    )
    await expectRefused(world, kept, 'tina', 'wanda', 'paul', 'max', 'tess', 'gail')
    expect(await entering(world)).toEqual(['fresh/fred', 'north/olga', 'north/tom', 'south/luis'])
    await world.until('luis has a login again', async () => !(await isRefused(world, kept, 'luis')))
    expect(await eventsAbout(world, 'fresh')).toContain('DatabaseMadeAgain')
    await world.until('the ledger is as the cluster', async () => {
      const rows = await ask<{ person: string }>(
        world,
        'tenantry',
        'SELECT person FROM tenantry.ledger WHERE ended IS NULL ORDER BY 1',
      )
      return rows.map(({ person }) => person).join() === 'fred,luis,olga,tom'
    })
    await world.until(
      'the device has moved again',
      async () => (await ownerOf(world, 'dev-1')) === 'south',
    )
    const after = await databasesOf(world)
    for (const name of before) expect(after).toContain(name)
    await expectRest(world)
  }, 240_000)
})

async function startScene(): Promise<Scene> {
  const world = await startWorld({
    notesRights: false,
    config: { leaseSeconds: 3, databases: { checkSeconds: 1 } },
  })
  await world.apply(
    partner('fabrikam'),
    partner('lumen'),
    ...['north', 'south', 'leaver'].map((name) => customer(name)),
  )
  await untilStanding(world, 'north', 'south', 'leaver')
  await world.apply(
    ...['tina', 'tom', 'wanda', 'paul', 'tess'].map((name) => member('partner-fabrikam', name)),
    member('partner-lumen', 'luis'),
    member('customer-north', 'olga', 'SuperAdmin'),
    withLogin(member('customer-north', 'max', 'Admin')),
    withLogin(member('customer-leaver', 'gail', 'SuperAdmin')),
    grant('north', 'fabrikam', {
      technicians: ['tina', 'tom', 'wanda', 'paul'].map((name) => ({ name })),
    }),
    grant('south', 'fabrikam', { technicians: [{ name: 'tess' }] }),
    devices('north', 'batch', ['dev-1', 'dev-2']),
  )
  await untilEntering(
    world,
    'leaver/gail',
    'north/max',
    'north/olga',
    'north/paul',
    'north/tina',
    'north/tom',
    'north/wanda',
    'south/tess',
  )
  await world.until(
    'the devices are assigned',
    async () => (await ownerOf(world, 'dev-1')) === 'north',
  )
  const kept: Kept = new Map()
  for (const [person, of, home] of [
    ['tina', 'north', 'partner-fabrikam'],
    ['wanda', 'north', 'partner-fabrikam'],
    ['paul', 'north', 'partner-fabrikam'],
    ['tess', 'south', 'partner-fabrikam'],
    ['max', 'north', 'customer-north'],
    ['gail', 'leaver', 'customer-leaver'],
  ] as const) {
    await keep(world, kept, person, of, home)
  }
  await expectRest(world)
  return { world, kept }
}

/** All that happens between the backup and the restore. */
async function change(world: World, kept: Kept): Promise<void> {
  const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 4_000).toISOString()
  await world.apply(
    grant('north', 'fabrikam', {
      technicians: [{ name: 'tom' }, { name: 'wanda', notAfter }, { name: 'paul' }],
    }),
    grant('south', 'lumen', { technicians: [{ name: 'luis' }] }),
    customer('fresh'),
    devices('south', 'moved', ['dev-1'], { from: { customer: 'north' } }),
  )
  await world.kubectl('delete', 'member', 'paul', '-n', 'partner-fabrikam')
  await world.kubectl('delete', 'member', 'max', '-n', 'customer-north')
  await world.kubectl('delete', 'corg', 'leaver', '--wait=true', '--timeout=60s')
  await untilStanding(world, 'fresh')
  await world.apply(withLogin(member('customer-fresh', 'fred', 'SuperAdmin')))
  await untilEntering(world, 'fresh/fred', 'north/olga', 'north/tom', 'south/luis')
  await world.until('the device has moved', async () => (await ownerOf(world, 'dev-1')) === 'south')
  await keep(world, kept, 'luis', 'south', 'partner-lumen')
  await keep(world, kept, 'fred', 'fresh', 'customer-fresh')
  await expectRest(world)
}

const everybody = [
  ['north', ['tina', 'tom', 'wanda', 'paul', 'olga', 'max', 'luis', 'tess']],
  ['south', ['tess', 'luis', 'tina']],
  ['leaver', ['gail']],
  ['fresh', ['fred']],
] as const

/** Who may enter which customer, as the API server answers. */
async function entering(world: World): Promise<readonly string[]> {
  const all = everybody.flatMap(([of, people]) => people.map((person) => [of, person] as const))
  const answers = await Promise.all(
    all.map(async ([of, person]) => ((await pods(world, person, of)) ? [`${of}/${person}`] : [])),
  )
  return answers.flat().toSorted()
}

async function untilEntering(world: World, ...names: readonly string[]): Promise<void> {
  await world.until(
    `${names.join()} may enter`,
    async () => {
      const found = await entering(world)
      return found.join() === names.join() || found.join()
    },
    30_000,
  )
}

function pods(world: World, person: string, of: string): Promise<boolean> {
  return world.can(person, 'get', 'pods', `customer-${of}`)
}

function readyOf(world: World, name: string): Promise<string> {
  return world.condition({ kind: 'corg', name }, 'Ready')
}

async function untilStanding(world: World, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await world.until(
      `${name} stands`,
      async () => (await readyOf(world, name)) === 'True/Ready',
      60_000,
    )
  }
}

async function stopOperators(world: World): Promise<void> {
  for (const operator of world.operators.splice(0)) await operator.stop()
}

function withLogin(object: ReturnType<typeof member>) {
  return { ...object, spec: { ...object.spec, databaseLogin: true } }
}

/** As somebody who has read the own Secret may. */
async function keep(
  world: World,
  kept: Kept,
  person: string,
  of: string,
  home: string,
): Promise<void> {
  await world.until(`${person} has a login`, async () => {
    const { stdout } = await world.kubectl('get', 'roles', '-n', home, '-o', 'json')
    const items = field(JSON.parse(stdout), 'items')
    const role: unknown = (Array.isArray(items) ? items : []).find(
      (each) => field(each, 'metadata', 'annotations', 'tenantry.dev/user') === person,
    )
    const rules = field(role, 'rules')
    const names = Array.isArray(rules) ? rules.flatMap((rule) => field(rule, 'resourceNames')) : []
    const name = names.find((each) => text(each).startsWith(`login-${of}-`))
    if (name === undefined) return false
    const secret = await world.get('secret', text(name), home)
    const client = await world.signInWith(secret)
    await client.end()
    kept.set(person, secret)
    return true
  })
}

async function isRefused(world: World, kept: Kept, person: string): Promise<boolean> {
  try {
    const client = await world.signInWith(kept.get(person))
    await client.end()
    return false
  } catch (error) {
    return ['28P01', '28000', '42501', '3D000'].includes(text(field(error, 'code')))
  }
}

async function expectRefused(
  world: World,
  kept: Kept,
  ...people: readonly string[]
): Promise<void> {
  for (const person of people) {
    await world.until(`${person} cannot sign in to PostgreSQL`, () =>
      isRefused(world, kept, person),
    )
  }
}

async function eventsAbout(world: World, name: string): Promise<readonly string[]> {
  const { stdout } = await world.kubectl('get', 'events.events.k8s.io', '-A', '-o', 'json')
  const items = field(JSON.parse(stdout), 'items')
  return (Array.isArray(items) ? items : [])
    .filter((each) => field(each, 'regarding', 'name') === name)
    .map((each) => text(field(each, 'reason')))
}

async function databasesOf(world: World): Promise<readonly string[]> {
  const rows = await ask<{ name: string }>(
    world,
    'postgres',
    "SELECT datname AS name FROM pg_database WHERE datname ~ '^t_' ORDER BY 1",
  )
  return rows.map(({ name }) => name)
}

async function ownerOf(world: World, device: string): Promise<string> {
  const [row] = await ask<{ customer: string }>(
    world,
    'tenantry',
    `SELECT customer FROM tenantry.owned_devices WHERE id = '${device}'`,
  )
  return row?.customer ?? ''
}

async function ask<Row>(world: World, database: string, statement: string): Promise<Row[]> {
  const { url = '', ca } = world.platform.postgres ?? {}
  const there = new URL(url)
  there.pathname = database
  const client = new Client({ connectionString: there.href, ssl: { ca } })
  await client.connect()
  try {
    return (await client.query<Row & object>(statement)).rows
  } finally {
    await client.end()
  }
}

/** QUIET: three seconds without a write. */
async function expectRest(world: World): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const { length } = await world.writes()
    await sleep(3_000)
    const writes = (await world.writes()).slice(length)
    if (writes.length === 0) return
    if (tries === 5) expect(writes).toEqual([])
  }
}
