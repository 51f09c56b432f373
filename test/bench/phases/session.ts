// P8 in the database: from the write that ends a technician's access to the moment at which the socket of
// the open session closes, at the client. In turns with a bare pg_terminate_backend on a server beside it.
import { Client, type ClientConfig } from 'pg'
import { resources, type Secret } from '../../../src/api/resources.ts'
import type { LocalPostgres } from '../../../tools/postgres/start.ts'
import { createPartner, grantTo, technicianOf } from '../access.ts'
import type { Bench, Phase } from '../bench.ts'
import { createCustomers } from '../customers.ts'
import { watchReady } from '../ready.ts'
import { median, percentile } from '../statistics.ts'
import { until } from '../world.ts'

const customer = 'cut'
const partner = 'contractors'
const tina = technicianOf(partner)
const patienceMs = 60_000

export const session: Phase = { name: 'session', world: 'small', run }

async function run(bench: Bench) {
  const { signal, sizes, world, say } = bench
  if (!world.barePostgres) throw new Error('This platform has no PostgreSQL.')
  const ready = await watchReady(signal, world.clients.driver)
  await createCustomers(signal, world.clients.driver, [customer], 'database')
  await ready.all([customer], patienceMs)
  await ready.stop()
  await createPartner(signal, world, partner)
  const ours: number[] = []
  const bare: number[] = []
  for (let round = 0; round < sizes.sessions; round += 1) {
    ours.push(await cutByGrant(bench))
    bare.push(await cutBare(world.barePostgres))
    if (round % 10 === 9) say(`session: ${round + 1} of ${sizes.sessions}`)
  }
  return {
    figures: [
      {
        what: 'database session cut after the grant, p50',
        value: median(ours),
        bare: median(bare),
        unit: 'ms',
      },
      {
        what: 'database session cut after the grant, p99',
        value: percentile(ours, 99),
        bare: percentile(bare, 99),
        unit: 'ms',
        goal: 'sessionCut' as const,
      },
    ],
    details: { ours, bare },
  }
}

async function cutByGrant(bench: Bench): Promise<number> {
  const { signal, world } = bench
  await grantTo(signal, world, customer, partner, [{ name: tina }])
  let open: Client | undefined
  await until(
    signal,
    'The technician signs in to the database',
    async () => {
      open = await signIn(bench)
      return open !== undefined
    },
    patienceMs,
  )
  if (!open) throw new Error('There is no session to cut.')
  const closed = closeOf(open)
  await grantTo(signal, world, customer, partner, [])
  const written = performance.now()
  return Math.max(0, (await closed) - written)
}

/** With what the technician's own Secret says; `undefined` while there is none that opens. */
async function signIn({ signal, world }: Bench): Promise<Client | undefined> {
  const { items } = await world.clients.driver.list<Secret>(signal, resources.secrets, {
    namespace: `partner-${partner}`,
  })
  const secret = items.find(({ metadata }) => metadata.name.startsWith(`login-${customer}-`))
  const value = (key: string) => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString('utf8')
  if (!secret) return undefined
  try {
    return await opened({
      host: value('host'),
      port: Number(value('port')),
      user: value('username'),
      password: value('password'),
      database: value('dbname'),
      ssl: { ca: value('ca.crt') },
    })
  } catch {
    return undefined // the Secret is written before the login that it opens
  }
}

async function cutBare({ host, port, user, password, ca }: LocalPostgres): Promise<number> {
  const at = {
    host,
    port,
    user,
    password,
    database: 'postgres',
    ...(ca !== undefined && { ssl: { ca } }),
  }
  const admin = await opened(at)
  const victim = await opened(at)
  try {
    const { rows } = await victim.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const closed = closeOf(victim)
    const sent = performance.now()
    await admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
    return (await closed) - sent
  } finally {
    await admin.end()
  }
}

async function opened(config: ClientConfig): Promise<Client> {
  const client = new Client(config)
  client.on('error', () => {}) // it is cut from the other side: that is what is measured
  await client.connect()
  return client
}

function closeOf(client: Client): Promise<number> {
  return new Promise((resolve) => {
    client.once('end', () => resolve(performance.now()))
  })
}
