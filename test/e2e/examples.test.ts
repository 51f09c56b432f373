// examples/ on a whole platform, applied in the worst order, and asked as the people in it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { applyExamples, exampleFiles, untilExamplesStand } from '../../tools/local/examples.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const { signal } = new AbortController()

describe('the examples, applied in reverse order until accepted,', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld()
    await applyExamples(signal, world.platform.plane, exampleFiles.toReversed())
    await untilExamplesStand(signal, world.platform.plane)
  })
  afterAll(() => world[Symbol.asyncDispose]())

  test('come to the state that their README describes', async () => {
    const { stdout } = await world.kubectl('get', 'corg')
    const [header = '', ...rows] = stdout.trim().split('\n')
    expect(header.split(/\s+/)).toEqual([
      'NAME',
      'PARTNER',
      'ACCESS',
      'UNTIL',
      'DATABASE',
      'PORTAL',
      'DEVICES',
      'READY',
      'REASON',
      'AGE',
    ])
    const row = (name: string) => rows.find((line) => line.startsWith(`${name} `)) ?? ''
    expect(row('northwind')).toMatch(/fabrikam +Active +Ready +On +0 +True +Ready/)
    expect(row('contoso')).toMatch(/lumen +Active +2036-12-31T17:00:00Z +Ready/)
    expect(row('contoso-pier-7')).toMatch(/fabrikam +Disabled/)
    expect(row('orphaned')).toMatch(/False +ParentNotFound/)
    expect(row('tailspin')).toMatch(/Off +On/)
  })

  test('let a Viewer read in the own namespace and nowhere else (ISOLATED)', async () => {
    const victor = 'victor@northwind.example'
    expect(await world.can(victor, 'list', 'configmaps', 'customer-northwind')).toBe(true)
    expect(await world.can(victor, 'list', 'configmaps', 'customer-contoso')).toBe(false)
    expect(await world.can(victor, 'list', 'secrets', 'customer-northwind')).toBe(false)
  })

  test('let ancestors look down, and nobody up', async () => {
    const { can } = world
    expect(await can('anna@contoso.example', 'get', 'pods', 'customer-contoso-pier-7')).toBe(true)
    expect(await can('vera@contoso.example', 'get', 'pods', 'customer-contoso-hamburg')).toBe(false)
    expect(await can('pia@contoso.example', 'get', 'pods', 'customer-contoso')).toBe(false)
  })

  test('let technicians in by their entry: not where it is disabled, nor at another customer', async () => {
    const { can } = world
    const tinaIsIn = () => can('fabrikam:tina', 'get', 'pods', 'customer-northwind')
    await world.until('tina is in at northwind', tinaIsIn)
    expect(await can('fabrikam:tina', 'get', 'pods', 'customer-contoso-pier-7')).toBe(false)
    expect(await can('fabrikam:tina', 'get', 'pods', 'customer-contoso')).toBe(false)
    const devices = 'deviceassignments.tenantry.dev'
    expect(await can('fabrikam:tina', 'create', devices, 'customer-northwind')).toBe(true)
    expect(await can('fabrikam:tom', 'create', devices, 'customer-northwind')).toBe(false)
    // Not even the partner's owner enters without being named.
    expect(await can('fabrikam:ada', 'get', 'pods', 'customer-northwind')).toBe(false)
  })

  test('let nobody into a customer whose parent is missing', async () => {
    expect(await world.get('namespace', 'customer-orphaned')).toBeUndefined()
    expect(await world.can('otto@orphaned.example', 'get', 'pods', 'customer-orphaned')).toBe(false)
  })

  test('leave nothing cluster-scoped per customer, and no webhook (OUT-OF-THE-WAY)', async () => {
    const bindings = await world.kubectl('get', 'clusterrolebindings', '-o', 'name')
    expect(bindings.stdout).not.toMatch(/northwind|contoso|tailspin|orphaned|fabrikam|lumen/)
    const hooks = await world.kubectl(
      'get',
      'validatingwebhookconfigurations,mutatingwebhookconfigurations',
      '-o',
      'name',
    )
    expect(hooks.stdout.trim()).toBe('')
  })

  test("open a customer's database with its own Secret, and no other database (ISOLATED)", async () => {
    const client = await world.loginAs('customer-northwind', 'database-rw')
    const { rows } = await client.query('SELECT current_database() AS name')
    await client.end()
    const status = field(await world.get('corg', 'northwind'), 'status', 'database', 'name')
    expect(rows).toEqual([{ name: status }])

    const other = text(field(await world.get('corg', 'contoso'), 'status', 'database', 'name'))
    const refused = world.loginAs('customer-northwind', 'database-rw', other)
    await expect(refused).rejects.toMatchObject({ code: '42501' })
  })

  test('cause no write when they are applied again, nor when the operator restarts (QUIET)', async () => {
    const before = (await world.writes()).length
    expect(before).toBeGreaterThan(50) // the audit log is the right one
    await applyExamples(signal, world.platform.plane)
    await untilQuiet(world)
    expect((await world.writes()).slice(before)).toEqual([])

    expect(await world.operators[0]?.stop()).toBe(0)
    await world.startOperator()
    await untilQuiet(world)
    expect((await world.writes()).slice(before)).toEqual([])
  })

  test('keep every password out of log, status and Events', async () => {
    const data = field(await world.get('secret', 'database-adm', 'customer-northwind'), 'data')
    const password = Buffer.from(text(field(data, 'password')), 'base64').toString('utf8')
    const logs = await Promise.all(world.operators.map((operator) => operator.log()))
    const all = await world.kubectl('get', 'tenantry,events', '-A', '-o', 'yaml')
    expect(password.length).toBeGreaterThan(20)
    expect([...logs, all.stdout].some((each) => each.includes(password))).toBe(false)
  })
})

/** The queues are empty, and stay so for a second: whatever there was to do is done. */
async function untilQuiet(world: World): Promise<void> {
  let quietSince: number | undefined
  await world.until('the operator has nothing to do', async () => {
    const metrics = await world.operators.at(-1)?.metrics(AbortSignal.timeout(2_000))
    const busy = [
      ...(metrics ?? 'workqueue_depth 1').matchAll(
        /^(?:workqueue_depth|controller_runtime_active_workers)\S* (\d+)$/gm,
      ),
    ]
    const idle = busy.length > 1 && busy.every(([, count]) => count === '0')
    quietSince = idle ? (quietSince ?? performance.now()) : undefined
    return quietSince !== undefined && performance.now() - quietSince > 1_500
  })
}
