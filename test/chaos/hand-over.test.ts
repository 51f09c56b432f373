// Hand-overs while replicas are killed at random: two probers, of the old and the new partner, ask the API server all the time,
// and a third one PostgreSQL. At no instant do both get a yes, or have a login or a session (ONE-PARTNER).
// TENANTRY_HANDOVERS says how many.
import { appendFileSync, mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { customer, grant, member, partner } from '../support/manifests.ts'
import { startProber } from '../support/prober.ts'
import { startWorld, type World } from '../support/world.ts'

const handOvers = Number(process.env['TENANTRY_HANDOVERS'] ?? 12)
const seed = Number(process.env['TENANTRY_SEED'] ?? Date.now() % 1_000_000)
const partners = ['fabrikam', 'lumen'] as const
const personOf = (name: string) => `${name}:tech`

test(`${handOvers} hand-overs with replicas killed at random never let two partners in`, async () => {
  console.log(`seed ${seed}`)
  const random = generator(seed)
  await using world = await startWorld({ replicas: 2, config: { leaseSeconds: 3 } })
  await prepare(world)
  await using database = await startDatabaseProber(world)
  const killing = new AbortController()
  const killer = killAtRandom(world, killing.signal, random)
  const kubeconfig = world.platform.plane.kubeconfig
  let kills = 0
  const ledger: string[] = []
  try {
    for (let count = 0; count < handOvers; count += 1) {
      const [old, next] = count % 2 === 0 ? partners : ([partners[1], partners[0]] as const)
      const probers = [old, next].map((name) =>
        startProber(kubeconfig, personOf(name), 'customer-northwind'),
      )
      await handTo(world, next, random() < 0.3)
      await world.until(`${next} is in`, async () => probers[1]?.firstYes() !== undefined, 60_000)
      // Somebody of the next one is in the database, too: the hand-over after this has to end that.
      await world.until(`${next} has a login`, async () => database.now().length === 1, 60_000)
      await Promise.all(probers.map((prober) => prober.stop()))
      const lastOfOld = probers[0]?.lastYes()
      const firstOfNext = probers[1]?.firstYes()
      ledger.push(
        JSON.stringify({ count, old, next, lastOfOld, firstOfNext, ...database.ledger() }),
      )
      expect(database.both(), `hand-over ${count}: in the database at once`).toEqual([])
      if (lastOfOld !== undefined && firstOfNext !== undefined) {
        expect(lastOfOld, `hand-over ${count} to ${next}`).toBeLessThan(firstOfNext)
      }
    }
  } finally {
    killing.abort()
    kills = await killer
    mkdirSync('.local', { recursive: true })
    appendFileSync('.local/hand-overs.jsonl', `${ledger.join('\n')}\n`)
  }
  console.log(`${handOvers} hand-overs, ${kills} replicas killed, overlap 0`)
  expect(kills).toBeGreaterThan(handOvers / 20)
}, 3_600_000)

async function prepare(world: World): Promise<void> {
  await world.apply(
    ...partners.map((name) => partner(name, { usernames: { prefix: `${name}:` } })),
    customer('northwind'),
  )
  await world.until('the namespaces are there', async () => {
    const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
    return ['partner-fabrikam', 'partner-lumen', 'customer-northwind'].every((name) =>
      stdout.includes(`namespace/${name}\n`),
    )
  })
  await world.apply(
    ...partners.map((name) => member(`partner-${name}`, personOf(name), 'User')),
    grant('northwind', 'fabrikam', { technicians: [{ name: personOf('fabrikam') }] }),
  )
  await world.until('fabrikam is in', () =>
    world.can(personOf('fabrikam'), 'get', 'pods', 'customer-northwind'),
  )
  await world.until('the database stands', async () => {
    const ready = await world.condition({ kind: 'corg', name: 'northwind' }, 'DatabaseReady')
    return ready === 'True/Ready'
  })
}

async function handTo(world: World, next: string, byDeletion: boolean): Promise<void> {
  if (byDeletion) {
    await world.kubectl('delete', 'pag', 'partner', '-n', 'customer-northwind', '--timeout=60s')
  }
  await world.apply(grant('northwind', next, { technicians: [{ name: personOf(next) }] }))
}

type DatabaseProber = AsyncDisposable & {
  /** Who has a login or a session at this moment. */
  readonly now: () => readonly string[]
  /** What was seen of more than one at once. */
  readonly both: () => readonly (readonly string[])[]
  /** How often was looked, and how often nobody had a login, since this was asked last. */
  readonly ledger: () => { readonly looks: number; readonly nobody: number }
}

/** Whoever may sign in as a person of the customer, or has a session, as the catalog says it: by oid, which a dropped role keeps. */
async function startDatabaseProber(world: World): Promise<DatabaseProber> {
  const { url, ca } = world.platform.postgres ?? {}
  const client = new Client({ connectionString: url, ssl: { ca } })
  await client.connect()
  const stopping = new AbortController()
  const both: (readonly string[])[] = []
  let seen: readonly string[] = []
  let [looks, nobody] = [0, 0]
  const work = (async () => {
    while (!stopping.signal.aborted) {
      const { rows } = await client.query<{ oid: string }>(
        `SELECT oid::text FROM pg_roles WHERE rolname ~ '_g_' AND rolcanlogin
         UNION SELECT usesysid::text FROM pg_stat_activity
           WHERE datname ~ '^t_' AND backend_type = 'client backend' -- a worker of autovacuum is nobody
             AND coalesce(usename !~ '_(adm|rw|ro)_[ab]$' AND usename <> 'postgres', true)`,
      )
      seen = rows.map(({ oid }) => oid)
      looks += 1
      if (seen.length === 0) nobody += 1
      if (seen.length > 1) both.push(seen)
      await sleep(2)
    }
  })()
  work.catch(() => {}) // told at the end
  return {
    now: () => seen,
    both: () => both,
    ledger: () => {
      const since = { looks, nobody }
      ;[looks, nobody] = [0, 0]
      return since
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await work
      await client.end()
    },
  }
}

/** One replica at a time, at any moment; another is started in its place. */
async function killAtRandom(
  world: World,
  signal: AbortSignal,
  random: () => number,
): Promise<number> {
  let kills = 0
  while (!signal.aborted) {
    await sleep(200 + random() * 4_000, undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    const at = Math.floor(random() * world.operators.length)
    await world.operators.splice(at, 1)[0]?.kill()
    kills += 1
    await world.startOperator()
  }
  return kills
}

/** Mulberry32: small, and the same story for the same seed. */
function generator(from: number): () => number {
  let state = from
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
