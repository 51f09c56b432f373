// The chart as Helm installs it on the real API server: customers outlive an upgrade, an uninstall and a second install.
// NOTHING-LOST, NO-LATE, QUIET.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startChartPlatform, type ChartPlatform } from '../support/chart-platform.ts'
import { customer, grant, member, partner } from '../support/manifests.ts'
import { startProber } from '../support/prober.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const namespace = 'customer-northwind'
const [admin, technician, guest] = ['ada@northwind.example', 'fabrikam:tina', 'fabrikam:gus']

let world: World
let chart: ChartPlatform
let session: Client
let backend: number
let before: Readonly<Record<string, string>>
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-chart-'))
  world = await startWorld({
    start: async (signal, options) => (chart = await startChartPlatform(signal, options)),
  })
  await world.apply(
    partner('fabrikam', { usernames: { prefix: 'fabrikam:' } }),
    customer('northwind', { owners: ['sara@northwind.example'] }),
  )
  await until('both namespaces are there', async () => {
    const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
    return ['partner-fabrikam', namespace].every((name) => stdout.includes(`/${name}\n`))
  })
  await world.apply(
    member('partner-fabrikam', technician, 'User'),
    member('partner-fabrikam', guest, 'User'),
    member(namespace, admin, 'Admin'),
    grant('northwind', 'fabrikam', { technicians: [{ name: technician }, { name: guest }] }),
  )
  await until('the customer is ready', async () => {
    return (await world.condition({ kind: 'corg', name: 'northwind' }, 'Ready')) === 'True/Ready'
  })
  await untilAllAreIn(admin, technician, guest)
  session = await world.loginAs(namespace, 'database-rw')
  session.on('error', () => {})
  backend = await backendOf(session)
  before = await marks()
})
afterAll(async () => {
  await session?.end()
  await world?.[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

test('the operator runs with the arguments of the Deployment, behind the permission model of Node', async () => {
  const [operator] = world.operators
  const { stdout } = await world.kubectl(
    'get',
    'deploy',
    'tenantry',
    '-n',
    'tenantry-system',
    '-o',
    'yaml',
  )
  for (const flag of ['--permission', '--optimize-for-size']) expect(stdout).toContain(flag)
  expect(await operator?.log()).not.toContain('ERR_ACCESS_DENIED')
  // It may read how much memory it has, too.
  const metrics = (await operator?.metrics(AbortSignal.timeout(5_000))) ?? ''
  expect(metrics).toMatch(/^process_resident_memory_bytes [1-9]\d{7}/m)
})

test('an upgrade removes no RoleBinding, cuts no connection, and keeps nobody out for a moment', async () => {
  const probers = [admin, technician].map((person) =>
    startProber(world.platform.plane.kubeconfig, person, namespace),
  )
  await chart.install({ replicas: 3, podLabels: { release: 'next' } })
  // As the Deployment rolls: the next replica is ready before the last one goes.
  const [last] = world.operators.splice(0)
  const next = await world.startOperator()
  await untilReady(next.port)
  await last?.stop()
  await untilLeads()
  await Promise.all(probers.map((prober) => prober.stop()))
  for (const { samples } of probers) {
    expect(samples.length).toBeGreaterThan(20)
    expect(samples.filter(({ allowed }) => !allowed)).toEqual([])
  }
  expect(await marks()).toEqual(before)
  await stillConnected()
})

test('an uninstall takes nothing from a customer, and a window still ends on time', async () => {
  const end = Math.ceil(Date.now() / 1000 + 8) * 1000
  const notAfter = new Date(end).toISOString()
  const technicians = [{ name: technician }, { name: guest, notAfter }]
  await world.apply(grant('northwind', 'fabrikam', { technicians }))
  await until('the window is armed', async () => {
    const where = { kind: 'pag', name: 'partner', namespace }
    return (await world.condition(where, 'Backstop')) === 'True/Armed'
  })
  const probing = startProber(world.platform.plane.kubeconfig, guest, namespace)
  const [operator] = world.operators.splice(0)
  await operator?.stop()
  await chart.uninstall()
  await until('the guest is out', async () => !(await world.can(guest, 'get', 'pods', namespace)))
  await probing.stop()
  expect((probing.lastYes() ?? 0) - end).toBeLessThan(1_000)
  await untilAllAreIn(admin, technician)
  expect(await marks()).toEqual(before)
  await stillConnected()
  const { stdout } = await world.kubectl(
    ...'get sa,deploy,cm -n tenantry-system -o name'.split(' '),
  )
  expect(stdout).not.toContain('/tenantry\n')
})

test('installed again it takes up what it finds, and customers are as they were', async () => {
  await chart.install()
  await world.startOperator()
  await untilLeads()
  await until('the window that ended meanwhile is swept', async () => {
    const { stdout } = await world.kubectl('get', 'jobs', '-n', namespace, '-o', 'name')
    return stdout === ''
  })
  expect(await marks()).toEqual(before)
  await stillConnected()
  await untilAllAreIn(admin, technician)
  // A third run of everything finds nothing to do.
  const writes = (await world.writes()).length
  await world.operators.splice(0)[0]?.stop()
  await world.startOperator()
  await untilLeads()
  expect((await world.writes()).slice(writes)).toEqual([])
})

test('a policy or role that people depend on stays without the release', async () => {
  const kinds = 'clusterroles,validatingadmissionpolicies,validatingadmissionpolicybindings'
  const label = 'app.kubernetes.io/name=tenantry'
  const { stdout } = await world.kubectl('get', kinds, '-l', label, '-o', 'json')
  const items = field(JSON.parse(stdout), 'items')
  const gone = (Array.isArray(items) ? items : [])
    .filter((item) => field(item, 'metadata', 'annotations', 'helm.sh/resource-policy') !== 'keep')
    .map((item) => text(field(item, 'metadata', 'name')))
  expect(gone).toEqual([
    'tenantry:operator',
    'tenantry:operator-logins',
    'tenantry:operator-technicians',
  ])
})

/** Patience for machines that are busy with something else. */
function until(what: string, holds: () => Promise<unknown>): Promise<void> {
  return world.until(what, holds, 60_000)
}

/** What must be the same object all the time: a uid says so. */
async function marks(): Promise<Readonly<Record<string, string>>> {
  const kinds = 'rolebindings,resourcequotas,networkpolicies,secrets,limitranges'
  const inside = await world.kubectl('get', kinds, '-n', namespace, '-o', 'json')
  const outside = await world.kubectl('get', `ns/${namespace}`, 'corg/northwind', '-o', 'json')
  const marksOf = ({ stdout }: { readonly stdout: string }) => {
    const items = field(JSON.parse(stdout), 'items')
    return (Array.isArray(items) ? items : []).map((item): [string, string] => [
      `${text(field(item, 'kind'))} ${text(field(item, 'metadata', 'name'))}`,
      text(field(item, 'metadata', 'uid')),
    ])
  }
  return Object.fromEntries([...marksOf(inside), ...marksOf(outside)])
}

async function untilAllAreIn(...people: readonly string[]): Promise<void> {
  await until('all are in', async () => {
    const answers = people.map((who) => world.can(who, 'get', 'pods', namespace))
    return (await Promise.all(answers)).every(Boolean)
  })
}

async function untilReady(port: number): Promise<void> {
  await until('the next replica is ready', async () => {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
  })
}

/** All queues are empty, so that whatever was to be written is written. */
async function untilLeads(): Promise<void> {
  await until('the replica leads, and has looked at everything', async () => {
    const metrics = (await world.operators[0]?.metrics(AbortSignal.timeout(2_000))) ?? ''
    const waiting = /^workqueue_depth\{.*\} [1-9]/m.test(metrics)
    const working = /^controller_runtime_active_workers\{.*\} [1-9]/m.test(metrics)
    const runs = /^controller_runtime_reconcile_total\{controller="customers",result="success"\} /m
    return (
      /^leader_election_master_status\{.*\} 1$/m.test(metrics) &&
      !waiting &&
      !working &&
      runs.test(metrics)
    )
  })
}

async function stillConnected(): Promise<void> {
  expect(await backendOf(session)).toBe(backend)
}

async function backendOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0]?.pid ?? 0
}
