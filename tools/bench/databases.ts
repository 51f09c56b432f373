// `npm run bench:databases`: customers' databases per second, claimed from the warm pool and made inline, beside a bare client that
// executes the very same statements with as many connections, in blocks that take turns on one server with fsync on.
// TENANTRY_BLOCK (default 20) customers a block, TENANTRY_ROUNDS (default 6) blocks of each. The ratio is the middle one of
// neighbouring blocks, so that whatever else the machine does falls on both.
import { randomUUID } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { Client, type ClientConfig } from 'pg'
import { Databases, type CustomerDatabase } from '../../src/databases/databases.ts'
import { loginName, databaseName, ownerRole } from '../../src/databases/names.ts'
import { freshInside } from '../../src/databases/inside.sql.ts'
import { newPassword } from '../../src/databases/password.ts'
import { creationStep, missingSteps, type Step } from '../../src/databases/recipe.sql.ts'
import { scramVerifier } from '../../src/databases/scram.ts'
import { claimChange } from '../../src/databases/warm-pool.sql.ts'
import { startPostgres } from '../postgres/start.ts'

const block = Number(process.env['TENANTRY_BLOCK'] ?? 20)
const rounds = Number(process.env['TENANTRY_ROUNDS'] ?? 6)
const workers = 4
const { signal } = new AbortController()

const postgres = await startPostgres(signal, { fsync: true })
const { host, port, user, password, ca } = postgres
const server = {
  name: 'main',
  host,
  port,
  user,
  password: async () => password,
  tls: ca === undefined ? ('off' as const) : { ca },
  maxDatabases: 100_000,
  pools: ['default'],
}
const options = { servers: [server], allowedExtensions: [] }
const databases = new Databases(options)
const filler = new Databases({ ...options, warmPool: block })
const ssl = ca === undefined ? false : { ca }
const bare = await Promise.all(Array.from({ length: workers }, () => connect('postgres')))

const rates = { claims: pair(), inline: pair(), claimsProven: pair() }
await makeAll([newCustomer()]) // the server itself is prepared by the first
for (let round = 0; round < rounds; round += 1) {
  // Who comes second meets what the first has left to be written out: each does in turns.
  const turn = async (
    { bare: theirs, ours }: ReturnType<typeof pair>,
    fills: boolean,
    works: readonly [() => Promise<void>, () => Promise<void>],
  ) => {
    const order = round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)
    for (const at of order) {
      if (fills) await filler.fillPool(signal, 'main')
      const rate = await timed(works[at])
      if (at === 0) theirs.push(rate)
      else ours.push(rate)
    }
  }
  await turn(rates.claims, true, [() => bareAll(customers(), 'claim'), () => makeAll(customers())])
  await turn(rates.inline, false, [
    () => bareAll(customers(), 'inline'),
    () => makeAll(customers()),
  ])
  await turn(rates.claimsProven, true, [
    () => bareAll(customers(), 'claim', true),
    () => makeAll(customers(), true),
  ])
}
const look = await lookAtAll()
console.log(`${rounds} blocks of ${block} customers each, per second, the middle one`)
row('claimed from the warm pool', rates.claims, 0.8)
row('made inline', rates.inline, 0.9)
row('claimed, and proven by signing in three times', rates.claimsProven)
console.log(
  `one look at all ${look.databases} databases of the server: ${look.ms.toFixed(0)} ms, ${look.questions} questions, ${look.writes} writes (goal 2 and 0)`,
)

await Promise.all([...bare.map((client) => client.end()), databases.stop(), filler.stop()])
await postgres.stop()

/** As the operator looks for drift, and what the server itself says that it was asked. */
async function lookAtAll() {
  const [admin] = bare
  if (!admin || postgres.logFile === undefined) throw new Error('The server is not ours.')
  const set = async (name: string, value: string) => {
    await admin.query(`ALTER SYSTEM SET ${name} = ${value}`)
    await admin.query('SELECT pg_reload_conf()')
  }
  const transactions = async () => {
    const { rows } = await admin.query<{ next: string }>(
      'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next',
    )
    return Number(rows[0]?.next)
  }
  await databases.observe(signal, 'main') // from now on nothing is asked for the first time
  await set('autovacuum', 'off') // it writes when nobody does
  await set('log_line_prefix', "'%a|'")
  await set('log_statement', "'all'")
  const [before, logged] = [await transactions(), (await stat(postgres.logFile)).size]
  const began = performance.now()
  const { customers: seen } = await databases.observe(signal, 'main')
  const ms = performance.now() - began
  const writes = (await transactions()) - before
  const said = (await readFile(postgres.logFile)).subarray(logged).toString('utf8')
  const questions = said.split('\n').filter((line) => line.startsWith('tenantry|LOG')).length
  return { databases: seen.size, ms, questions, writes }
}

function pair() {
  return { bare: [] as number[], ours: [] as number[] }
}

function customers(): readonly CustomerDatabase[] {
  return Array.from({ length: block }, newCustomer)
}

function newCustomer(): CustomerDatabase {
  const customerUid = randomUUID()
  const login = (role: 'adm' | 'rw' | 'ro') => ({
    username: loginName(customerUid, role, 'a'),
    password: newPassword(),
  })
  const logins = { adm: login('adm'), rw: login('rw'), ro: login('ro') }
  return { server: 'main', customerUid, connectionLimit: 20, extensions: [], logins }
}

/** As the operator does: what is known is read, what is missing is done. */
async function makeAll(specs: readonly CustomerDatabase[], proves = false): Promise<void> {
  // The operator has looked at its pool before the customers come.
  databases.forgetPools()
  await Promise.all(
    specs.map(async (spec) => {
      await databases.ensure(signal, spec)
      if (!proves) return
      const { isolated } = await databases.prove(signal, spec)
      if (!isolated) throw new Error(`${spec.customerUid} is not isolated`)
    }),
  )
}

/** Knows beforehand what there is, and asks nothing. */
async function bareAll(
  specs: readonly CustomerDatabase[],
  kind: 'claim' | 'inline',
  proves = false,
): Promise<void> {
  const left = [...specs]
  const pooled = await pool()
  await Promise.all(
    bare.map(async (admin) => {
      for (let spec = left.shift(); spec; spec = left.shift()) {
        const name = databaseName(spec.customerUid)
        const { outside, within } = await statementsFor(
          spec,
          kind === 'claim' ? pooled.shift() : undefined,
        )
        for (const step of outside) await admin.query(textOf(step))
        const inside = await connect(name)
        for (const step of within) await inside.query(textOf(step))
        await inside.end()
        if (!proves) continue
        for (const { username, password: own } of Object.values(spec.logins)) {
          const application = await connect(name, { user: username, password: own })
          await application.query('SELECT 1')
          await application.end()
        }
      }
    }),
  )
}

/** What the operator's own recipe says from nothing to whole. */
async function statementsFor(spec: CustomerDatabase, pooled: string | undefined) {
  const used = { adm: 'a', rw: 'a', ro: 'a' } as const
  const verifiers = {
    adm: await scramVerifier(spec.logins.adm.password),
    rw: await scramVerifier(spec.logins.rw.password),
    ro: await scramVerifier(spec.logins.ro.password),
  }
  const nothing = { roles: new Map(), database: undefined, inside: undefined }
  const first = missingSteps(spec, nothing, used, verifiers).map((step) =>
    step.name === creationStep && pooled !== undefined
      ? { ...step, changes: [claimChange(spec, pooled)] }
      : step,
  )
  const database = {
    name: databaseName(spec.customerUid),
    owner: ownerRole,
    open: false,
    template: false,
    connectionLimit: pooled === undefined ? spec.connectionLimit : -1,
    mark: pooled === undefined ? null : `tenantry:${spec.customerUid}`,
    rights: pooled === undefined ? [':CONNECT', ':TEMPORARY'] : [],
    settings: [],
    intruders: [],
    held: true,
  }
  const then = missingSteps(
    spec,
    { roles: new Map(), database, inside: freshInside },
    used,
    verifiers,
  )
  const rest = then.filter(({ name }) => name !== 'roles')
  return {
    outside: [...first, ...rest.filter(({ where }) => where === 'server')],
    within: rest.filter(({ where }) => where === 'database'),
  }
}

function textOf({ changes }: Step): string {
  return changes.map(({ sql }) => sql).join(';\n')
}

async function pool(): Promise<string[]> {
  const [admin] = bare
  if (!admin) return []
  const { rows } = await admin.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_database WHERE datname ~ '^tenantry_pool_'`,
  )
  return rows.map(({ name }) => name)
}

async function connect(database: string, change: ClientConfig = {}): Promise<Client> {
  const client = new Client({ host, port, user, password, ssl, database, ...change })
  await client.connect()
  return client
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await work()
  return block / ((performance.now() - began) / 1000)
}

function row(what: string, { bare: theirs, ours }: ReturnType<typeof pair>, goal?: number): void {
  const [one, other] = [middle(ours), middle(theirs)]
  const ratio = middle(ours.map((rate, at) => rate / (theirs[at] ?? NaN))).toFixed(2)
  const bound = goal === undefined ? '' : `, goal ${goal}`
  console.log(
    `${what.padEnd(48)} ${one.toFixed(1).padStart(6)}   bare ${other.toFixed(1).padStart(6)}   ratio ${ratio}${bound}`,
  )
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}
