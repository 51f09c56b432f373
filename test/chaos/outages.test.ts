// The outage drill: the API server, PostgreSQL, the name of PostgreSQL and the mail server, each away and back, under two replicas.
// Holds NO-EARLY, NO-LATE, ONE-PARTNER, PROVEN, QUIET, and that the chart's alerts fire while the cause lasts and clear afterwards.
// `TENANTRY_OUTAGE_SECONDS=60 npm run test:chaos` is the full drill; by default each is away for five seconds.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { record, type Recording } from '../support/alerts.ts'
import { customer, grant, member, partner } from '../support/manifests.ts'
import { hasMountNamespaces, startOutageWorld, type OutageWorld } from '../support/outage-world.ts'
import { field, text, type World } from '../support/world.ts'

const { signal } = new AbortController()
const awayMs = Number(process.env['TENANTRY_OUTAGE_SECONDS'] ?? 5) * 1000
/** An outage counts as half an hour: the most patient alert waits for a quarter. */
const minuteMs = awayMs / 30
const convergedMs = 10_000
const restMs = 3_000

let out: OutageWorld
let world: World
/** How long one command takes just now: a machine that is busy gets more time. */
let paceMs = 0
beforeAll(async () => {
  out = await startOutageWorld(awayMs < 30_000 ? 3 : 15)
  ;({ world } = out)
  await world.apply(partner('fabrikam'), partner('lumen'))
  await world.apply(...['north', 'south'].map((name) => customer(name)))
  await untilReady('porg', 'fabrikam', 'lumen')
  await untilReady('corg', 'north', 'south')
  await world.apply(
    ...['tina', 'tom', 'tara'].map((name) => member('partner-fabrikam', name)),
    member('partner-lumen', 'luis'),
    member('customer-north', 'olga', 'SuperAdmin'),
  )
  await enters('south', 'tara')
})
afterAll(() => out?.[Symbol.asyncDispose]())

describe('while the API server is away', () => {
  test('windows end in PostgreSQL; when it is back they have ended in Kubernetes, and nothing else has changed', async () => {
    await enters('north', 'tina', 'tom')
    const session = await world.loginAs('partner-fabrikam', await loginOf('north', 'tina'))
    let cutAt = 0
    session.on('error', () => {})
    session.on('end', () => (cutAt = Date.now()))
    const tinaSecret = await world.get('secret', await loginOf('north', 'tina'), 'partner-fabrikam')
    await drill({
      away: out.away.apiserver,
      during: async (end) => {
        await sleep(end - Date.now() + 1_000)
        expect(cutAt).toBeGreaterThanOrEqual(end - 1_000)
        expect(cutAt).toBeLessThanOrEqual(end + 1_000)
        await expect(world.signInWith(tinaSecret)).rejects.toMatchObject({ code: '28P01' })
      },
      converged: async () =>
        !(await pods('tina', 'north')) &&
        (await pods('tom', 'north')) &&
        (await isReady('corg', 'north', 'south')),
      fire: ['TenantryNoLeader', 'TenantryRevocationLate'],
    })
    expect(await pods('olga', 'north')).toBe(true)
  })
})

const postgresAlerts = ['TenantryReleaseHangs', 'TenantryCustomersNotReady']

describe('while PostgreSQL is away', () => {
  test('Kubernetes closes on time, nobody new is let in, and what is not proven is said', async () => {
    await enters('south', 'tara')
    await enters('north', 'tina', 'tom')
    const tomSecret = await world.get('secret', await loginOf('north', 'tom'), 'partner-fabrikam')
    await drill({
      away: out.away.postgres,
      during: (end) => handOverAndRevoke('early', end),
      converged: () => handedOver('early'),
      fire: postgresAlerts,
    })
    await expect(world.signInWith(tomSecret)).rejects.toMatchObject({ code: '28P01' })
  })
})

describe.runIf(hasMountNamespaces())('while nobody knows the name of PostgreSQL', () => {
  test('it is as if the server were away', async () => {
    await enters('south', 'tara')
    await enters('north', 'tina', 'tom')
    await drill({
      away: out.away.name,
      during: (end) => handOverAndRevoke('late', end),
      converged: () => handedOver('late'),
      fire: postgresAlerts,
    })
  })
})

describe('while the mail server is away', () => {
  test('access goes on as before, and whoever was to be told is told when it is back', async () => {
    const contact = { name: 'The Boss', email: 'boss@north.example' }
    await drill({
      away: out.away.mail,
      during: async () => {
        await world.apply(
          customer('told', {
            contact,
            origin: 'CRM',
            portal: { active: true },
            database: { enabled: false },
          }),
        )
        await world.until('the new customer stands', () => isReady('corg', 'told'))
        await world.apply(grant('north', 'fabrikam', { technicians: [{ name: 'tom' }] }))
        await world.until('tom is in', () => pods('tom', 'north'))
        expect(out.mailsTo(contact.email)).toEqual([])
      },
      converged: async () =>
        out.mailsTo(contact.email).length > 0 &&
        field(await world.get('corg', 'told'), 'status', 'notifications', 'pending') === undefined,
      fire: [],
    })
    expect(out.mailsTo(contact.email)).toHaveLength(1)
  })
})

type Drill = {
  readonly away: (work: () => Promise<void>) => Promise<void>
  /** What is done and shown meanwhile; it may take less time than the outage. */
  readonly during: (endOfTina: number) => Promise<void>
  readonly converged: () => Promise<boolean>
  /** Alerts that must fire before it is back; no other may, ever. */
  readonly fire: readonly string[]
}

async function drill({ away, during, converged, fire }: Drill): Promise<void> {
  await untilRest()
  const recording = record(world.operators, minuteMs)
  try {
    await sleep(3 * minuteMs)
    const before = recording.length
    const end = await endsInBetween('tina')
    let back = 0
    let backAt = 0
    await away(async () => {
      const until = performance.now() + awayMs
      await during(end)
      await sleep(Math.max(0, until - performance.now()))
      back = recording.length
      backAt = performance.now()
    })
    const answersMs = performance.now() - backAt
    backAt += answersMs // it is back when it answers
    await world.until('all is as it should be', converged, 60_000)
    const tookMs = performance.now() - backAt
    await untilRest()
    console.log(
      `${expect.getState().currentTestName}: away for ${(awayMs + answersMs) / 1000} s, converged ${(tookMs / 1000).toFixed(2)} s after it was back`,
    )
    console.log(
      `  the window was ended ${await endedAfter(end)}, one command took ${Math.round(paceMs)} ms`,
    )
    await recording.stop()
    await showAlerts(recording, { before, back, fire })
    expect(tookMs).toBeLessThan(convergedMs)
  } finally {
    await recording.stop()
  }
}

async function showAlerts(
  recording: Recording,
  { before, back, fire }: { before: number; back: number; fire: readonly string[] },
): Promise<void> {
  const firing = await recording.judge(signal, 90)
  const named = (steps: readonly ReadonlySet<string>[]) =>
    [...new Set(steps.flatMap((each) => [...each]))].toSorted()
  console.log(
    firing
      .map((each, at) => [at, [...each].join(' ')] as const)
      .filter(([at, all]) => all !== [...(firing[at - 1] ?? [])].join(' '))
      .map(([at, all]) => `  minute ${at}${at >= back ? ' (back)' : ''}: ${all || 'none'}`)
      .join('\n'),
  )
  expect(named(firing.slice(0, before))).toEqual([])
  const others = named(firing).filter((alert) => fire.includes(alert) || !mayFire().includes(alert))
  expect(others).toEqual([...fire].toSorted())
  expect([...(firing.at(-1) ?? [])]).toEqual([])
}

/** By the audit log: when the role was deleted that the window's bindings named, after its end. */
async function endedAfter(end: number): Promise<string> {
  const { at } =
    (await world.writes()).find(
      ({ verb, resource, name }) =>
        verb === 'delete' && resource === 'clusterroles' && name.endsWith(`:${end / 1000}`),
    ) ?? {}
  return at === undefined ? 'by nobody: there was none' : `${at - end} ms after its time`
}

/** What a stretched clock alone brings about: a switch is armed within a second, which counts as minutes here. */
function mayFire(): readonly string[] {
  // On a busy machine an end may be late: the drill itself gives it that time and no more.
  const late = paceMs > 500 ? ['TenantryRevocationLate'] : []
  return ['TenantryWindowsNotArmed', 'TenantryRunsFail', ...late]
}

/** What is asked of the operators while they cannot reach PostgreSQL. */
async function handOverAndRevoke(newcomer: string, end: number): Promise<void> {
  const notAfter = new Date(end).toISOString()
  await world.apply(
    grant('south', 'lumen', { technicians: [{ name: 'luis' }] }),
    grant('north', 'fabrikam', { technicians: [{ name: 'tina', notAfter }] }),
    customer(newcomer),
  )
  const atOnce = 1_000 + 5 * paceMs
  await world.until('tom is out of Kubernetes', async () => !(await pods('tom', 'north')), atOnce)
  await world.until('tara is out of Kubernetes', async () => !(await pods('tara', 'south')), atOnce)
  await world.until('north says which half is not proven', async () =>
    (await world.condition({ kind: 'corg', name: 'north' }, 'AccessReady')).startsWith('False/'),
  )
  // NO-EARLY the other way round: nobody loses what is left of the window.
  expect(Date.now(), 'this machine is too slow for the drill').toBeLessThan(end - 500)
  expect(await pods('tina', 'north')).toBe(true)
  await sleep(end - Date.now() - 200)
  await world.until('tina is out on time', async () => !(await pods('tina', 'north')), atOnce)
  // ONE-PARTNER: the old partner is not proven out of the database.
  expect(await pods('luis', 'south')).toBe(false)
  expect(text(field(await world.get('corg', 'south'), 'status', 'access'))).toBe('Releasing')
  expect(await world.condition({ kind: 'corg', name: 'south' }, 'PartnerLinked')).toMatch(
    /^False\/(DatabaseUnproven|DatabaseServerUnreachable)$/,
  )
  expect(await isReady('corg', newcomer)).toBe(false)
  expect(await pods('olga', 'north')).toBe(true)
}

async function handedOver(newcomer: string): Promise<boolean> {
  return (
    (await pods('luis', 'south')) &&
    !(await pods('tara', 'south')) &&
    (await isReady('corg', 'north', 'south', newcomer))
  )
}

async function enters(name: string, ...people: readonly string[]): Promise<void> {
  await world.apply(
    grant(name, 'fabrikam', { technicians: people.map((person) => ({ name: person })) }),
  )
  await world.until(
    `${people.join()} may enter ${name}`,
    async () => {
      const all = await Promise.all(
        people.map(async (person) => {
          return (await pods(person, name)) && (await loginOf(name, person)) !== ''
        }),
      )
      return all.every(Boolean) && (await isReady('corg', name))
    },
    30_000,
  )
}

/** From now on this person's window in north ends in the middle of what comes; whoever has none there is left alone. */
async function endsInBetween(person: string): Promise<number> {
  const isIn = await pods(person, 'north')
  // The controller-manager, too, has been away, and may take half a minute to notice that the API server is back.
  if (isIn) await armed(person, Math.ceil(Date.now() / 1000) * 1000 + 3_600_000)
  const begun = performance.now()
  await world.kubectl('get', 'pag', '-A')
  paceMs = performance.now() - begun
  const end = Math.ceil((Date.now() + awayMs / 2 + 3_000 + 12 * paceMs) / 1000) * 1000
  if (isIn) await armed(person, end)
  return end
}

/** Its end is this, and the cluster knows it. */
async function armed(person: string, end: number): Promise<void> {
  const notAfter = new Date(end).toISOString()
  await world.apply(
    grant('north', 'fabrikam', { technicians: [{ name: person, notAfter }, { name: 'tom' }] }),
  )
  const where = { kind: 'pag', name: 'partner', namespace: 'customer-north' }
  await world.until(
    'the end is armed',
    async () =>
      (await world.condition(where, 'Backstop')) === 'True/Armed' &&
      (await world.get('job', `window-end-${end / 1000}`, 'customer-north')) !== undefined,
    90_000,
  )
}

/** The Secret of this person's login. */
async function loginOf(of: string, person: string): Promise<string> {
  const { stdout } = await world.kubectl('get', 'roles', '-n', 'partner-fabrikam', '-o', 'json')
  const items = field(JSON.parse(stdout), 'items')
  const role: unknown = (Array.isArray(items) ? items : []).find(
    (each) => field(each, 'metadata', 'annotations', 'tenantry.dev/user') === person,
  )
  const rules = field(role, 'rules')
  const names = Array.isArray(rules) ? rules.flatMap((rule) => field(rule, 'resourceNames')) : []
  return text(names.find((each) => text(each).startsWith(`login-${of}-`)))
}

const pods = (person: string, of: string) => world.can(person, 'get', 'pods', `customer-${of}`)

async function isReady(kind: string, ...names: readonly string[]): Promise<boolean> {
  const answers = await Promise.all(names.map((name) => world.condition({ kind, name }, 'Ready')))
  return answers.every((answer) => answer === 'True/Ready')
}

async function untilReady(kind: string, ...names: readonly string[]): Promise<void> {
  await world.until(`${names.join()} stand`, () => isReady(kind, ...names), 60_000)
}

/** QUIET: nothing is written any more. */
async function untilRest(): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const { length } = await world.writes()
    await sleep(restMs)
    const now = await world.writes()
    if (now.length === length) return
    if (performance.now() > deadline) {
      expect(now.slice(length), 'writes at rest').toEqual([])
    }
  }
}
