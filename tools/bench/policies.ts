// `npm run bench:policies`: what the chart's admission policies cost the API server, by kind of write: the same writes with the
// policies bound and unbound, in short blocks that take turns in one run, so that whatever else the machine does falls on both.
// No operator runs. It prints the medians of the ratios, pair by pair; a goal that is missed is a result, and ends with 1.
//
//   npm run bench:policies                  16 pairs of blocks of 100 writes
//   npm run bench:policies -- 4 40          other numbers, to see that it works
import { readFile, readdir, mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { percentile } from '../../test/bench/statistics.ts'
import { connect, type ApiServer } from '../../test/support/api-server.ts'
import { startPlatform, type Platform } from '../local/platform.ts'
import { untilAsked } from '../local/signals.ts'
import { inside, technicians, writes, type Write } from './policies/writes.ts'

const [pairs = 16, perBlock = 100] = process.argv.slice(2).map(Number)
/** With the policies, over without: of a write of a kind that they guard. Of others it is to be nothing that can be measured. */
const atMost = { ours: 1.2, others: 1.05 }
const people = { person: 'sara@bench.example', partner: 'bench:anna' } as const

type Block = { readonly cpuMs: number; readonly wallMs: number }
type Pair = { readonly bound: Block; readonly unbound: Block }

const paths = ['validatingadmissionpolicybindings', 'mutatingadmissionpolicybindings'].map(
  (resource) => `/apis/admissionregistration.k8s.io/v1/${resource}`,
)
const signal = untilAsked()
const directory = await mkdtemp(join(tmpdir(), 'tenantry-bench-policies-'))
const platform = await startPlatform(signal, { directory, fsync: false, postgres: false })
try {
  await prepare(platform)
  const clients = {
    platform: connect(platform.plane.kubeconfig),
    person: connect(await platform.plane.kubeconfigFor(people.person)),
    partner: connect(await platform.plane.kubeconfigFor(people.partner)),
  }
  process.exitCode = show(await measure(clients)) ? 0 : 1
  for (const client of Object.values(clients)) client[Symbol.dispose]()
} finally {
  await platform.stop()
  await rm(directory, { recursive: true, force: true })
}

type Clients = Readonly<Record<Write['by'], ApiServer>>

async function measure(clients: Clients): Promise<ReadonlyMap<Write, readonly Pair[]>> {
  const bindings = await readBindings(clients.platform)
  const found = new Map<Write, Pair[]>(writes.map((write) => [write, []]))
  let count = 0
  const block = async (write: Write): Promise<Block> => {
    const from = await cpuMsOf(platform.plane.pids.apiserver)
    const at = performance.now()
    for (let n = 0; n < perBlock; n += 1) await send(clients, write, (count += 1))
    const wallMs = performance.now() - at
    return { wallMs, cpuMs: (await cpuMsOf(platform.plane.pids.apiserver)) - from }
  }
  const calm = async () => {
    for (const write of writes) {
      for (let n = 0; n < 10; n += 1) await send(clients, write, (count += 1))
    }
  }
  const all = async (state: 'bound' | 'unbound') => {
    await bring(clients, bindings, state)
    await calm() // it compiles them first
    const blocks = new Map<Write, Block>()
    for (const write of writes) blocks.set(write, await block(write))
    return blocks
  }
  console.log(`${pairs} pairs of blocks of ${perBlock} writes of ${writes.length} sorts ...`)
  await all('bound') // warms up the code and the server
  for (let pair = 0; pair < pairs; pair += 1) {
    signal.throwIfAborted()
    const isBoundFirst = pair % 2 === 0
    const first = await all(isBoundFirst ? 'bound' : 'unbound')
    const second = await all(isBoundFirst ? 'unbound' : 'bound')
    for (const [write, list] of found) {
      const [one, other] = [first.get(write), second.get(write)]
      if (!one || !other) throw new Error('A block is missing.')
      list.push(isBoundFirst ? { bound: one, unbound: other } : { bound: other, unbound: one })
    }
  }
  return found
}

async function send(clients: Clients, write: Write, count: number): Promise<void> {
  const { status, body } = await clients[write.by].ask(...write.request(count))
  if (status >= 300) throw new Error(`${write.what}: ${status} ${JSON.stringify(body)}`)
}

// ---- the two states ----

type Bindings = readonly { readonly path: string; readonly body: object; readonly name: string }[]

async function readBindings(api: ApiServer): Promise<Bindings> {
  const lists = await Promise.all(paths.map((path) => api.ask('GET', path)))
  return lists.flatMap(({ body }, index) => {
    const items: unknown = Reflect.get(Object(body), 'items')
    return (Array.isArray(items) ? items : []).map((item: object) => {
      const { apiVersion, kind } = Object(body)
      const name = String(Reflect.get(Object(Reflect.get(item, 'metadata')), 'name'))
      const spec: unknown = Reflect.get(item, 'spec')
      return {
        path: paths[index] ?? '',
        name,
        body: { apiVersion, kind: String(kind).replace(/List$/, ''), metadata: { name }, spec },
      }
    })
  })
}

/** Resolves once the API server goes by it: it learns of policies within a second. */
async function bring(clients: Clients, bindings: Bindings, state: 'bound' | 'unbound') {
  for (const { path, name, body } of bindings) {
    if (state === 'bound') await clients.platform.ask('POST', path, body)
    else await clients.platform.ask('DELETE', `${path}/${name}`)
  }
  const probe = `/apis/tenantry.dev/v1alpha1/namespaces/${inside}/organizationmembers/vera?dryRun=All`
  for (;;) {
    // Nobody of the partner may write members: RBAC lets this one, the policy alone does not.
    const { status } = await clients.partner.ask('PATCH', probe, { spec: { role: 'Admin' } })
    if ((status === 403) === (state === 'bound')) return
    await sleep(50, undefined, { signal })
  }
}

/** Of all threads, in ms; the ticks of /proc/<pid>/stat are too coarse for a block. */
async function cpuMsOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const each = await Promise.all(
    threads.map(async (thread) => {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')
      return Number(text.split(' ')[0]) / 1e6
    }),
  )
  return each.reduce((total, ms) => total + ms, 0)
}

// ---- what is there to write to ----

async function prepare({ plane }: Platform): Promise<void> {
  const apply = async (...objects: readonly object[]) => {
    const input = objects.map((object) => stringify(object)).join('---\n')
    await plane.run(signal, ['apply', '-f', '-'], { input })
  }
  const ours = (kind: string, name: string, spec: object, namespace?: string) => ({
    apiVersion: 'tenantry.dev/v1alpha1',
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec,
  })
  const binding = (name: string, namespace: string, user: string, role: string) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name, namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  })
  const { person, partner } = people
  const anything = (namespace: string) => [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'any', namespace } },
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'any', namespace },
      spec: {
        suspend: true,
        template: {
          spec: { restartPolicy: 'Never', containers: [{ name: 'none', image: 'none' }] },
        },
      },
    },
  ]
  await apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: inside, labels: { 'tenantry.dev/customer': 'bench' } },
  })
  await apply(
    ours('CustomerOrganization', 'bench', {}),
    ours('OrganizationMember', 'vera', { user: 'vera@bench.example', role: 'Viewer' }, inside),
    ours(
      'PartnerAccessGrant',
      'partner',
      {
        partnerRef: { name: 'bench' },
        access: { mode: 'Continuous' },
        technicians: technicians(0),
      },
      inside,
    ),
    ours('CustomerLink', 'nested', { displayName: 'Nested' }, inside),
    ours('DeviceAssignment', 'batch', { devices: [{ id: 'device-0' }] }, inside),
    binding('person', inside, person, 'tenantry:customer-superadmin'),
    binding('access', inside, person, 'tenantry:customer-sets-access'),
    binding('partner', inside, partner, 'tenantry:partner-admins'),
    binding('probe', inside, partner, 'tenantry:technician-full'),
    binding('any', 'default', person, 'view'),
    ...anything(inside),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'any', namespace: inside },
      spec: { ports: [{ port: 80 }] },
    },
    ...anything('default'),
  )
}

// ---- the table ----

function show(found: ReadonlyMap<Write, readonly Pair[]>): boolean {
  console.log(
    `\n${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`,
  )
  console.log('Medians of n pairs; with the policies over without, [first to third quartile].\n')
  console.log('| Write | CPU of the API server, ms | ratio | time, ms | ratio | n | goal |')
  console.log('| --- | --- | --- | --- | --- | --- | --- |')
  let isMet = true
  for (const [{ what, of }, list] of found) {
    const column = (key: keyof Block) => {
      const each = (state: keyof Pair) => list.map((pair) => pair[state][key] / perBlock)
      const ratios = list.map(({ bound, unbound }) => bound[key] / unbound[key])
      const [low, mid, high] = [25, 50, 75].map((percent) => percentile(ratios, percent))
      const shown = `${percentile(each('unbound'), 50).toFixed(2)} → ${percentile(each('bound'), 50).toFixed(2)}`
      const spread = `${(mid ?? NaN).toFixed(2)} [${(low ?? NaN).toFixed(2)}–${(high ?? NaN).toFixed(2)}]`
      return { mid: mid ?? NaN, text: `${shown} | ${spread}` }
    }
    const [cpu, wall] = [column('cpuMs'), column('wallMs')]
    const meets = Math.max(cpu.mid, wall.mid) <= atMost[of]
    isMet &&= meets
    const goal = `≤ ${atMost[of]}${meets ? '' : ' MISSED'}`
    console.log(`| ${what} | ${cpu.text} | ${wall.text} | ${list.length} | ${goal} |`)
  }
  return isMet
}
