// Replicas over one API server in memory, on real and short leases: how shards spread, who takes over, and that no two ever
// think the same organization theirs. What real processes do is in test/chaos.
import { afterEach, describe, expect, test } from 'vitest'
import { makeFakeClient, type FakeClient } from '../../test/support/fake-client.ts'
import { Leadership, type Shard } from './leadership.ts'

const leaseSeconds = 0.6
const names = Array.from({ length: 60 }, (_, at) => `customer-${at}`)

type Replica = {
  readonly leadership: Leadership
  /** What happened to it, in order. */
  readonly told: string[]
  readonly stop: () => Promise<void>
}

const running = new Set<Replica>()

function start(client: FakeClient, identity: string, shards: number): Replica {
  const told: string[] = []
  const life = new AbortController()
  const say = (what: string) => (shard: Shard) => void told.push(`${what} ${shard.lease}`)
  const leadership = new Leadership({
    client,
    config: { namespace: 'system', lease: 'tenantry', leaseSeconds, sharding: { shards } },
    identity,
    onBegin: (shard) => {
      say('begins')(shard)
      return []
    },
    onGives: say('gives'),
    onEnd: say('ends'),
    report: () => {},
  })
  const ran = leadership.run(life.signal)
  const replica = {
    leadership,
    told,
    async stop() {
      life.abort()
      await ran
      running.delete(replica)
    },
  }
  running.add(replica)
  return replica
}

afterEach(async () => {
  await Promise.all([...running].map((replica) => replica.stop()))
})

function ledBy({ leadership }: Replica): number {
  return leadership.shards.filter((shard) => shard.takesAway()).length
}

/** Time in which something must not happen. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 2 * leaseSeconds * 1000))

const patient = { timeout: 8_000, interval: 10 }

/** Looks all the time whether two replicas lead for one name; ends with what it has seen. */
function watchOverlaps(replicas: readonly Replica[]): () => readonly string[] {
  const overlaps: string[] = []
  const timer = setInterval(() => {
    for (const name of names) {
      const leaders = replicas.filter(({ leadership }) => leadership.of(name).takesAway())
      if (leaders.length > 1) overlaps.push(name)
    }
  }, 2)
  return () => {
    clearInterval(timer)
    return overlaps
  }
}

describe('shards', () => {
  test('of a replica alone are all its own, and it gives at once', async () => {
    const a = start(makeFakeClient(), 'a', 3)
    await expect.poll(() => ledBy(a), patient).toBe(3)
    expect(a.told.filter((what) => what.startsWith('gives'))).toHaveLength(3)
  })

  test('spread evenly over replicas that come, and none is held by two', async () => {
    const client = makeFakeClient()
    const a = start(client, 'a', 3)
    await expect.poll(() => ledBy(a), patient).toBe(3)
    const replicas = [a, start(client, 'b', 3), start(client, 'c', 3)]
    const overlaps = watchOverlaps(replicas)
    await expect.poll(() => replicas.map(ledBy), patient).toEqual([1, 1, 1])
    expect(overlaps()).toEqual([])
  })

  test('of a replica that stops are taken over by those who hold fewest', async () => {
    const client = makeFakeClient()
    const replicas = ['a', 'b', 'c'].map((identity) => start(client, identity, 6))
    await expect.poll(() => replicas.map(ledBy), patient).toEqual([2, 2, 2])
    const overlaps = watchOverlaps(replicas)
    await replicas[0]?.stop()
    await expect.poll(() => replicas.map(ledBy), patient).toEqual([0, 3, 3])
    expect(overlaps()).toEqual([])
  })

  test('are handed over only when what was begun for them has ended', async () => {
    const client = makeFakeClient()
    const a = start(client, 'a', 2)
    await expect.poll(() => ledBy(a), patient).toBe(2)
    const ended = a.leadership.shards.map((shard) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      return { resolve, ran: shard.run('customers/x', () => promise) }
    })
    const b = start(client, 'b', 2)
    await expect.poll(() => ledBy(a), patient).toBe(1)
    await aWhile()
    expect(ledBy(b)).toBe(0)
    for (const { resolve } of ended) resolve()
    await expect.poll(() => ledBy(b), patient).toBe(1)
    await Promise.all(ended.map(({ ran }) => ran))
  })
})

describe('replicas that are configured with different numbers of shards', () => {
  test.each([
    [1, 3],
    [3, 1],
    [2, 4],
  ])('never lead together while %i becomes %i', async (before, after) => {
    const client = makeFakeClient()
    const old = [start(client, 'old-1', before), start(client, 'old-2', before)]
    await expect.poll(() => old.map(ledBy).reduce((sum, led) => sum + led, 0), patient).toBe(before)
    const all = [...old, start(client, 'new-1', after), start(client, 'new-2', after)]
    const overlaps = watchOverlaps(all)
    await aWhile()
    await old[0]?.stop()
    await aWhile()
    await old[1]?.stop()
    const led = () =>
      all
        .slice(2)
        .map(ledBy)
        .reduce((sum, each) => sum + each, 0)
    await expect.poll(led, patient).toBe(after)
    expect(overlaps()).toEqual([])
  })
})
