// Who may enter, until when: asked of the real API server while windows end, replicas die and
// partners change. Promises: NO-EARLY, NO-LATE, ONE-PARTNER, PROVEN.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { switchName } from '../../src/access/switches.ts'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { startProber } from '../support/prober.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ replicas: 2, postgres: false, config: { leaseSeconds: 4 } })
  await world.apply(
    partner('fabrikam', { usernames: { prefix: 'fabrikam:' } }),
    partner('lumen', { usernames: { prefix: 'lumen:' } }),
  )
  await world.until('the partners stand', async () => {
    return (await world.condition({ kind: 'porg', name: 'lumen' }, 'Ready')) === 'True/Ready'
  })
  await world.apply(
    ...['tina', 'tom', 'tess'].map((name) => member('partner-fabrikam', `fabrikam:${name}`)),
    member('partner-lumen', 'lumen:luis', 'User'),
    member('partner-lumen', 'lumen:lea', 'Admin'),
  )
})
afterAll(() => world[Symbol.asyncDispose]())

const spec = { database: { enabled: false } }
const kubeconfig = () => world.platform.plane.kubeconfig
const enters = (name: string, user: string) => world.can(user, 'get', 'pods', `customer-${name}`)
const grantCondition = (name: string, type: string) =>
  world.condition({ kind: 'pag', name: 'partner', namespace: `customer-${name}` }, type)

async function make(...names: readonly string[]): Promise<void> {
  await world.apply(...names.map((name) => customer(name, spec)))
  await world.until('the namespaces are there', async () => {
    const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
    return names.every((name) => stdout.includes(`namespace/customer-${name}\n`))
  })
}

function period(fromMs: number, untilMs: number, name = 'fabrikam:tina') {
  return {
    access: { mode: 'Period', notBefore: inMs(fromMs), notAfter: inMs(untilMs) },
    technicians: [{ name, scope: 'ReadOnly' }],
  }
}

/** Windows that all end at one moment, and that the cluster would end by itself. */
async function giveArmed(names: readonly string[], untilMs: number): Promise<void> {
  await make(...names)
  const wanted = period(-60_000, untilMs)
  await world.apply(...names.map((name) => grant(name, 'fabrikam', wanted)))
  await world.until('all are armed', async () => {
    const states = await Promise.all(names.map((name) => grantCondition(name, 'Backstop')))
    return states.every((state) => state === 'True/Armed')
  })
}

async function endOf(name: string): Promise<number> {
  const access = field(await world.get('pag', 'partner', `customer-${name}`), 'spec', 'access')
  return Date.parse(text(field(access, 'notAfter')))
}

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

describe('a window', () => {
  test('opens at its start and not before, and closes within a second of its end', async () => {
    await make('opens')
    const prober = startProber(kubeconfig(), 'fabrikam:tina', 'customer-opens')
    await world.apply(grant('opens', 'fabrikam', period(3_000, 7_500)))
    const access = field(await world.get('pag', 'partner', 'customer-opens'), 'spec', 'access')
    const [start, end] = [Date.parse(text(field(access, 'notBefore'))), await endOf('opens')]
    await sleep(end - Date.now() + 1_500)
    await prober.stop()
    expect(prober.firstYes()).toBeGreaterThanOrEqual(start)
    expect(prober.firstYes()).toBeLessThan(start + 1_000)
    expect(prober.lastYes()).toBeLessThan(end + 1_000)
    await world.until(
      'status says so',
      async () => (await grantCondition('opens', 'Active')) === 'False/Expired',
    )
    const left = await world.kubectl(
      'get',
      'jobs,rolebindings',
      '-n',
      'customer-opens',
      '-o',
      'name',
    )
    expect(left.stdout).not.toMatch(/window-end|technicians/)
  })

  test('that is armed says so, and ends within a second with the leader killed just before (NO-LATE)', async () => {
    await untilTwoReplicas()
    await make('orphaned-window')
    await world.apply(grant('orphaned-window', 'fabrikam', period(-60_000, 8_000)))
    await world.until(
      'it is armed',
      async () => (await grantCondition('orphaned-window', 'Backstop')) === 'True/Armed',
    )
    const prober = startProber(kubeconfig(), 'fabrikam:tina', 'customer-orphaned-window')
    const end = await endOf('orphaned-window')
    await sleep(Math.max(0, end - Date.now() - 700))
    const index = await leader()
    await world.operators.splice(index, 1)[0]?.kill()
    await sleep(end - Date.now() + 1_800)
    await prober.stop()
    expect(prober.samples.some(({ allowed }) => allowed)).toBe(true)
    expect(prober.lastYes()).toBeLessThan(end + 1_000)
  })

  test('ends within two seconds with every replica dead: ten of ten (TH-01, NO-LATE)', async () => {
    await untilTwoReplicas()
    const names = Array.from({ length: 10 }, (_, at) => `dead-${at}`)
    await giveArmed(names, 20_000)
    const ends = await Promise.all(names.map(endOf))
    await killAll()
    const probers = names.map((name) =>
      startProber(kubeconfig(), 'fabrikam:tina', `customer-${name}`, 20),
    )
    expect(Date.now(), 'all replicas were dead before the first end').toBeLessThan(
      Math.min(...ends),
    )
    await sleep(Math.max(...ends) - Date.now() + 2_500)
    await Promise.all(probers.map((prober) => prober.stop()))
    const lags = probers.map((prober, at) => (prober.lastYes() ?? 0) - (ends[at] ?? 0))
    console.log(`ends with every replica dead, ms after the end: ${lags.join(' ')}`)
    expect(Math.max(...lags)).toBeLessThan(2_000)
    expect(probers.every(({ samples }) => samples.some(({ allowed }) => allowed))).toBe(true)
  })

  test('that the cluster is closing by itself is left alone until its end: no write, no Event (QUIET)', async () => {
    await untilTwoReplicas()
    const names = Array.from({ length: 10 }, (_, at) => `closing-${at}`)
    await giveArmed(names, 30_000)
    const endSeconds = Math.floor((await endOf('closing-0')) / 1000)
    const end = endSeconds * 1000
    await sleep(end - Date.now() - 400)
    const { stdout: jobs } = await world.kubectl('get', 'jobs', '-A', '-o', 'name')
    const left = jobs.split('\n').filter((name) => name.endsWith(`/${switchName(endSeconds)}`))
    await sleep(end - Date.now() + 1_500)
    const meanwhile = (await world.writes()).filter(({ at }) => at >= end - 2_000 && at < end)
    expect(left.length, 'the cluster closed some before their end').toBeLessThan(names.length)
    expect(meanwhile).toEqual([])
  })

  test('that is extended stays open across its first end, and ends at the second', async () => {
    await untilTwoReplicas()
    await make('extended')
    await world.apply(grant('extended', 'fabrikam', period(-60_000, 8_000)))
    await world.until('tina is in', () => enters('extended', 'fabrikam:tina'))
    const prober = startProber(kubeconfig(), 'fabrikam:tina', 'customer-extended')
    const first = await endOf('extended')
    await sleep(1_000)
    await world.apply(grant('extended', 'fabrikam', period(-60_000, 10_000)))
    const second = await endOf('extended')
    await sleep(second - Date.now() + 1_300)
    await prober.stop()
    expect(prober.lastYes()).toBeGreaterThan(first)
    expect(prober.lastYes()).toBeLessThan(second + 1_000)
  })
})

describe('a start after every replica was dead', () => {
  test('takes out before it lets in (NO-LATE)', async () => {
    await untilTwoReplicas()
    await make('leaves', 'enters')
    await world.apply(grant('leaves', 'fabrikam', { technicians: [{ name: 'fabrikam:tina' }] }))
    await world.until('tina is in', () => enters('leaves', 'fabrikam:tina'))
    await killAll()
    await world.apply(
      grant('leaves', 'fabrikam', { technicians: [] }),
      grant('enters', 'fabrikam', { technicians: [{ name: 'fabrikam:tom' }] }),
    )
    const before = (await world.writes()).length
    await untilTwoReplicas()
    await world.until('tom is in', () => enters('enters', 'fabrikam:tom'), 40_000)
    const since = (await world.writes()).slice(before)
    const out = since.findIndex(
      ({ verb, resource, namespace }) =>
        verb === 'delete' && resource === 'rolebindings' && namespace === 'customer-leaves',
    )
    expect(out).toBe(0)
    expect(await enters('leaves', 'fabrikam:tina')).toBe(false)
  }, 60_000)
})

describe('a hand-over', () => {
  test('lets the next partner in only after the last one is proven out, both ways (ONE-PARTNER)', async () => {
    await untilTwoReplicas()
    await make('handed')
    await world.apply(grant('handed', 'fabrikam', { technicians: [{ name: 'fabrikam:tina' }] }))
    await world.until('tina is in', () => enters('handed', 'fabrikam:tina'))
    const old = startProber(kubeconfig(), 'fabrikam:tina', 'customer-handed')
    const next = startProber(kubeconfig(), 'lumen:luis', 'customer-handed')
    await world.apply(grant('handed', 'lumen', { technicians: [{ name: 'lumen:luis' }] }))
    await world.until('luis is in', async () => next.firstYes() !== undefined)
    expect(old.lastYes()).toBeLessThan(next.firstYes() ?? 0)

    // Back again, by deleting the grant and writing a new one.
    await world.kubectl('delete', 'pag', 'partner', '-n', 'customer-handed', '--timeout=20s')
    expect(await enters('handed', 'lumen:luis')).toBe(false) // deleted means proven
    await world.apply(grant('handed', 'fabrikam', { technicians: [{ name: 'fabrikam:tom' }] }))
    await world.until('tom is in', () => enters('handed', 'fabrikam:tom'))
    await Promise.all([old.stop(), next.stop()])
    expect(await enters('handed', 'fabrikam:tina')).toBe(false) // nobody revives
    const status = field(await world.get('corg', 'handed'), 'status', 'partner')
    expect(status).toMatchObject({ name: 'fabrikam', state: 'Linked', epoch: 3 })
  })

  test('waits while somebody of the last partner is let in by a binding that is not ours, and names the person', async () => {
    await make('stuck')
    await world.apply(grant('stuck', 'fabrikam', { technicians: [{ name: 'fabrikam:tina' }] }))
    await world.until('tina is in', () => enters('stuck', 'fabrikam:tina'))
    const back = [
      'create',
      'rolebinding',
      'back-door',
      '--clusterrole=view',
      '--user=fabrikam:tina',
    ]
    await world.kubectl(...back, '-n', 'customer-stuck')
    await world.apply(grant('stuck', 'lumen', { technicians: [{ name: 'lumen:luis' }] }))
    const linked = () => world.condition({ kind: 'corg', name: 'stuck' }, 'PartnerLinked')
    await world.until('it says so', async () => (await linked()) === 'False/ForeignAccess')
    const { stdout } = await world.kubectl('get', 'corg', 'stuck', '-o', 'yaml')
    expect(stdout).toMatch(/lets fabrikam:tina into customer-stuck/)
    await sleep(1_000)
    expect(await enters('stuck', 'lumen:luis')).toBe(false)

    await world.kubectl('delete', 'rolebinding', 'back-door', '-n', 'customer-stuck')
    await world.until('luis is in', () => enters('stuck', 'lumen:luis'), 40_000)
    expect(await enters('stuck', 'fabrikam:tina')).toBe(false)
  }, 60_000)
})

describe('access that the platform gives by itself', () => {
  test('passes a hand-over only once the platform has confirmed it', async () => {
    await make('confirmed')
    await world.apply(grant('confirmed', 'fabrikam', { technicians: [{ name: 'fabrikam:tom' }] }))
    await world.until('tom is in', () => enters('confirmed', 'fabrikam:tom'))
    const known = ['create', 'rolebinding', 'known', '--clusterrole=view', '--user=fabrikam:tom']
    await world.kubectl(...known, '-n', 'customer-confirmed')
    await world.apply(grant('confirmed', 'lumen', { technicians: [{ name: 'lumen:luis' }] }))
    const linked = () => world.condition({ kind: 'corg', name: 'confirmed' }, 'PartnerLinked')
    await world.until('it waits', async () => (await linked()) === 'False/ForeignAccess')
    const note = 'tenantry.dev/confirm-foreign-access=fabrikam:tom'
    await world.kubectl('annotate', 'corg', 'confirmed', note)
    await world.until('luis is in', () => enters('confirmed', 'lumen:luis'))
  }, 60_000)
})

describe('a partner that the platform suspends', () => {
  test('is out of every customer at once by one write, and in again when it is back', async () => {
    const names = Array.from({ length: 20 }, (_, at) => `many-${at}`)
    await make(...names)
    await world.apply(
      ...names.map((name) => grant(name, 'fabrikam', { technicians: [{ name: 'fabrikam:tess' }] })),
    )
    const states = () => Promise.all(names.map((name) => enters(name, 'fabrikam:tess')))
    await world.until('tess is in everywhere', async () => (await states()).every(Boolean))
    const before = (await world.writes()).length
    await world.kubectl(
      'patch',
      'porg',
      'fabrikam',
      '--type=merge',
      '-p',
      '{"spec":{"suspended":true}}',
    )
    await world.until('tess is out everywhere', async () => !(await states()).some(Boolean), 2_000)
    const gone = (await world.writes()).slice(before).filter(({ verb }) => verb === 'delete')
    // One of them is the write that ended all; sweeping the void bindings may have begun beside it.
    expect(gone).toContainEqual(
      expect.objectContaining({ resource: 'clusterroles', name: 'tenantry:fabrikam:full' }),
    )
    await world.kubectl(
      'patch',
      'porg',
      'fabrikam',
      '--type=merge',
      '-p',
      '{"spec":{"suspended":false}}',
    )
    await world.until('tess is in everywhere again', async () => (await states()).every(Boolean))
  })
})

describe('all the while', () => {
  test('no two replicas led at once, by what each has written', async () => {
    // Only who leads writes status; whoever has stopped must never be seen to write again.
    const statuses = (await world.writes()).filter(({ subresource }) => subresource === 'status')
    const leaders: string[] = []
    for (const { agent } of statuses) if (leaders.at(-1) !== agent) leaders.push(agent)
    expect(leaders.length).toBeGreaterThan(2) // some were killed
    expect(leaders).toEqual([...new Set(leaders)])
  })

  test('revocations went by a priority level of their own', async () => {
    const { stdout } = await world.kubectl('get', '--raw', '/metrics')
    const dispatched =
      /^apiserver_flowcontrol_dispatched_requests_total\{.*flow_schema="tenantry-revocations".*\} (\d+)/m
    expect(Number(dispatched.exec(stdout)?.[1])).toBeGreaterThan(20)
  })
})
