// `npm run bench:revocation`: from the write that ends access, or the end of its window, to the first
// no of the API server; beside a bare client that deletes a RoleBinding in the same run, asked by the
// same prober. TENANTRY_ROUNDS (default 40) and TENANTRY_CUSTOMERS (default 200) say how much.
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type ApiServer } from '../../test/support/api-server.ts'
import { customer, grant, member, partner } from '../../test/support/manifests.ts'
import { startWorld, type World } from '../../test/support/world.ts'

const rounds = Number(process.env['TENANTRY_ROUNDS'] ?? 40)
const many = Number(process.env['TENANTRY_CUSTOMERS'] ?? 200)
const person = 'fabrikam:tina'
const namespace = 'customer-northwind'
const at = `/apis/tenantry.dev/v1alpha1/namespaces/${namespace}/partneraccessgrants/partner`
const bindings = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`

await using world = await startWorld({ postgres: false, replicas: 2 })
const { api } = world
await prepare(world)
const idle = await measure('idle')
const stopLoad = startLoad()
const loaded = await measure('under saturating writes')
await stopLoad()
const ends = await oneWriteEndsMany()

console.log(`\n${rounds} rounds each, ms from the answer of the write (or the end) to the first no`)
for (const line of [...idle, ...loaded, ...ends]) console.log(line)

async function prepare({ apply, until, condition, get, can }: World): Promise<void> {
  await apply(
    partner('fabrikam', { usernames: { prefix: 'fabrikam:' } }),
    customer('northwind', { database: { enabled: false } }),
  )
  await until('the partner stands', async () => {
    return (await condition({ kind: 'porg', name: 'fabrikam' }, 'Ready')) === 'True/Ready'
  })
  await until('the namespace is there', async () => (await get('ns', namespace)) !== undefined)
  await apply(member('partner-fabrikam', person, 'User'))
  await apply(grant('northwind', 'fabrikam', { technicians: [{ name: person }] }))
  await until('tina is in', () => can(person, 'get', 'pods', namespace))
}

async function measure(when: string): Promise<readonly string[]> {
  const ours: number[] = []
  const bare: number[] = []
  const deadlines: number[] = []
  // In turns, so that whatever else the machine does falls on both.
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await revokeByGrant())
    bare.push(await revokeBare())
    if (round % 4 === 0) deadlines.push(await revokeByDeadline())
  }
  return [
    row(`${when}: grant edited`, ours),
    row(`${when}: window ended`, deadlines),
    row(`${when}: bare client deletes a RoleBinding`, bare),
  ]
}

async function revokeByGrant(): Promise<number> {
  await name([{ name: person }])
  await first(true)
  await name([])
  const written = performance.now()
  await first(false)
  return performance.now() - written
}

async function revokeByDeadline(): Promise<number> {
  const end = Math.ceil((Date.now() + 3_200) / 1000) * 1000
  await name([{ name: person, notAfter: new Date(end).toISOString() }])
  await first(true)
  await sleep(end - Date.now() - 200)
  await first(false)
  return Date.now() - end
}

async function revokeBare(): Promise<number> {
  await api.ask('POST', bindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'bare' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'bare:bob' }],
  })
  await first(true, 'bare:bob')
  await api.ask('DELETE', `${bindings}/bare`)
  const written = performance.now()
  await first(false, 'bare:bob')
  return performance.now() - written
}

async function name(technicians: readonly object[]): Promise<void> {
  const { status } = await api.ask('PATCH', at, { spec: { technicians } })
  if (status !== 200) throw new Error(`The grant was refused with ${status}.`)
}

/** Polls every 2 ms until the API server gives this answer. */
async function first(wanted: boolean, who = person, where = namespace): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    if ((await allowed(api, who, where)) === wanted) return
    if (performance.now() > deadline) throw new Error(`No ${wanted ? 'yes' : 'no'} within 30 s.`)
    await sleep(2)
  }
}

async function allowed(server: ApiServer, user: string, where: string): Promise<boolean> {
  const { body } = await server.ask('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user,
      groups: ['system:authenticated'],
      resourceAttributes: { namespace: where, verb: 'get', resource: 'pods' },
    },
  })
  return JSON.stringify(body).includes('"allowed":true')
}

/** 16 writers that make ConfigMaps as fast as the API server takes them. */
function startLoad(): () => Promise<void> {
  const stopping = new AbortController()
  let made = 0
  const writer = async () => {
    using server = connect(world.platform.plane.kubeconfig)
    while (!stopping.signal.aborted) {
      made += 1
      await server.ask('POST', '/api/v1/namespaces/default/configmaps', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { generateName: 'load-' },
        data: { text: 'x'.repeat(500) },
      })
    }
  }
  const writers = Array.from({ length: 16 }, writer)
  return async () => {
    stopping.abort()
    await Promise.all(writers)
    console.log(`the load made ${made} ConfigMaps`)
  }
}

/** Windows of one partner in many customers that end at one instant, and a suspension of all. */
async function oneWriteEndsMany(): Promise<readonly string[]> {
  const names = Array.from({ length: many }, (_, index) => `many-${index}`)
  const begun = performance.now()
  for (const some of chunks(names, 50)) {
    await world.apply(...some.map((each) => customer(each, { database: { enabled: false } })))
  }
  await world.until('the namespaces are there', () => exist(names), 600_000)
  await giveAll(names, {})
  await world.until('all are in', () => allAre(names, true), 600_000)
  console.log(`${many} customers stand after ${((performance.now() - begun) / 1000).toFixed(1)} s`)

  const suspended = await lagOf(names, async () => {
    await api.ask('PATCH', '/apis/tenantry.dev/v1alpha1/partnerorganizations/fabrikam', {
      spec: { suspended: true },
    })
    return Date.now()
  })
  await api.ask('PATCH', '/apis/tenantry.dev/v1alpha1/partnerorganizations/fabrikam', {
    spec: { suspended: false },
  })
  await world.until('all are in again', () => allAre(names, true), 600_000)

  const end = Math.ceil((Date.now() + 20_000 + many * 60) / 1000) * 1000
  await giveAll(names, { notAfter: new Date(end).toISOString() })
  await world.until('all are in by a window', () => allHaveEnd(names, end), 600_000)
  const ended = await lagOf(names, async () => {
    await sleep(end - Date.now() - 300)
    return end
  })
  return [
    row(`a partner with ${many} customers is suspended, per customer`, suspended),
    row(`${many} windows end at one instant, per customer`, ended),
  ]
}

async function giveAll(names: readonly string[], window: object): Promise<void> {
  for (const some of chunks(names, 50)) {
    await world.apply(
      ...some.map((each) =>
        grant(each, 'fabrikam', { technicians: [{ name: person, ...window }] }),
      ),
    )
  }
}

/** Per customer, how long after the moment the API server still said yes; sampled round and round. */
async function lagOf(names: readonly string[], moment: () => Promise<number>): Promise<number[]> {
  const from = await moment()
  const last = new Map<string, number>()
  let left = names
  const deadline = Date.now() + 30_000
  while (left.length > 0 && Date.now() < deadline) {
    const answers = await Promise.all(
      left.map(async (each) => {
        const asked = Date.now()
        const yes = await allowed(api, person, `customer-${each}`)
        if (yes) last.set(each, asked)
        return yes
      }),
    )
    left = left.filter((_, index) => answers[index])
    if (Date.now() < from) left = names
  }
  return names.map((each) => Math.max(0, (last.get(each) ?? from) - from))
}

async function exist(names: readonly string[]): Promise<boolean> {
  const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
  const found = new Set(stdout.split('\n'))
  return names.every((each) => found.has(`namespace/customer-${each}`))
}

async function allAre(names: readonly string[], wanted: boolean): Promise<boolean> {
  for (const some of chunks(names, 50)) {
    const answers = await Promise.all(some.map((each) => allowed(api, person, `customer-${each}`)))
    if (answers.some((answer) => answer !== wanted)) return false
  }
  return true
}

async function allHaveEnd(names: readonly string[], end: number): Promise<boolean> {
  const { stdout } = await world.kubectl(
    'get',
    'rolebindings',
    '-A',
    '-o',
    'name',
    '-l',
    `tenantry.dev/end=${end / 1000}`,
  )
  return stdout.trim().split('\n').length === names.length
}

function* chunks<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size)
}

function row(what: string, values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
  const figure = (value: number) => value.toFixed(1).padStart(7)
  return `${what.padEnd(62)} p50 ${figure(at(0.5))}  p99 ${figure(at(0.99))}  max ${figure(at(1))}  (${values.length})`
}
