// Hand-overs while replicas are killed at random: two probers, of the old and the new partner, ask
// all the time. At no instant do both get a yes (ONE-PARTNER). TENANTRY_HANDOVERS says how many.
import { appendFileSync, mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { customer, grant, member, partner } from '../support/manifests.ts'
import { startProber, type Sample } from '../support/prober.ts'
import { startWorld, type World } from '../support/world.ts'

const handOvers = Number(process.env['TENANTRY_HANDOVERS'] ?? 12)
const seed = Number(process.env['TENANTRY_SEED'] ?? Date.now() % 1_000_000)
const partners = ['fabrikam', 'lumen'] as const
const personOf = (name: string) => `${name}:tech`

test(`${handOvers} hand-overs with replicas killed at random never let two partners in`, async () => {
  console.log(`seed ${seed}`)
  const random = generator(seed)
  await using world = await startWorld({
    replicas: 2,
    postgres: false,
    config: { leaseSeconds: 3 },
  })
  await prepare(world)
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
      await world.until(
        `${next} is in`,
        async () => firstYes(probers[1]?.samples ?? []) !== undefined,
        60_000,
      )
      await Promise.all(probers.map((prober) => prober.stop()))
      const [ofOld, ofNext] = probers.map(({ samples }) => samples)
      const lastOfOld = lastYes(ofOld ?? [])
      const firstOfNext = firstYes(ofNext ?? [])
      ledger.push(JSON.stringify({ count, old, next, lastOfOld, firstOfNext }))
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
    customer('northwind', { database: { enabled: false } }),
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
}

async function handTo(world: World, next: string, byDeletion: boolean): Promise<void> {
  if (byDeletion) {
    await world.kubectl('delete', 'pag', 'partner', '-n', 'customer-northwind', '--timeout=60s')
  }
  await world.apply(grant('northwind', next, { technicians: [{ name: personOf(next) }] }))
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

function lastYes(samples: readonly Sample[]): number | undefined {
  return samples.findLast(({ allowed }) => allowed)?.at
}

function firstYes(samples: readonly Sample[]): number | undefined {
  return samples.find(({ allowed }) => allowed)?.at
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
