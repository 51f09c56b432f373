// Electors on one lease in memory, each with clocks of its own that the test moves. What real
// processes and a real API server do is in test/api.
import { describe, expect, test } from 'vitest'
import { makeFakeClient, refusal, type FakeClient } from '../../test/support/fake-client.ts'
import { typed } from './client-answers.ts'
import { Elector, type ElectorOptions, type Lease } from './elector.ts'
import type { ResourceOf } from './object.ts'

const leases: ResourceOf<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
}
const ref = { namespace: 'system', name: 'operator' }

type Replica = {
  readonly elector: Elector
  readonly told: boolean[]
  readonly problems: string[]
  /** Its clocks; the wall clock may be anything. */
  readonly clock: { now: number; wall: number }
  /** The pause under way ends. */
  readonly next: () => Promise<void>
  readonly pauses: number[]
  readonly stop: () => Promise<void>
}

/** Runs until its first pause. */
async function start(
  client: FakeClient,
  identity: string,
  options: Partial<ElectorOptions> = {},
): Promise<Replica> {
  const clock = { now: 0, wall: Date.UTC(2026, 10, 25) }
  const told: boolean[] = []
  const problems: string[] = []
  const pauses: number[] = []
  const life = new AbortController()
  let wake = () => {}
  let paused = Promise.withResolvers<void>()
  const elector = new Elector({
    client,
    ...ref,
    identity,
    now: () => clock.now,
    wallClock: () => clock.wall,
    random: () => 0,
    onChange: (leads) => void told.push(leads),
    report: ({ message }) => void problems.push(message),
    sleep: (signal, ms) => {
      pauses.push(ms)
      paused.resolve()
      return new Promise((resolve, reject) => {
        wake = resolve
        if (signal.aborted) reject(signal.reason)
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    },
    ...options,
  })
  const ran = elector.run(life.signal)
  await paused.promise
  return {
    elector,
    told,
    problems,
    clock,
    pauses,
    async next() {
      paused = Promise.withResolvers()
      wake()
      await paused.promise
    },
    async stop() {
      life.abort()
      await ran
    },
  }
}

/** Time passes for all, in steps of their pauses. */
async function pass(ms: number, ...replicas: Replica[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    for (const replica of replicas) {
      replica.clock.now += 1_000
      replica.clock.wall += 1_000
      await replica.next()
    }
  }
}

function holderOf(client: FakeClient): Lease['spec'] {
  const lease = client.objects.get('leases system/operator')
  return lease && typed(leases, lease).spec
}

describe('a replica alone', () => {
  test('leads at once, renews with one request each, and says so once', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a')
    expect(a.elector.leads()).toBe(true)
    await pass(20_000, a)
    expect([a.elector.leads(), a.told, a.problems]).toEqual([true, [true], []])
    expect(new Set(client.requests.slice(2))).toEqual(new Set(['update leases system/operator']))
    expect(holderOf(client)).toMatchObject({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
      acquireTime: '2026-11-25T00:00:00.000000Z',
      renewTime: '2026-11-25T00:00:20.000000Z',
    })
    await a.stop()
  })

  test('gives the lease back at the end, and the next one leads without waiting', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a')
    await a.stop()
    expect([a.elector.leads(), a.told]).toEqual([false, [true, false]])
    expect(holderOf(client)?.holderIdentity).toBeUndefined()
    const b = await start(client, 'b')
    expect(b.elector.leads()).toBe(true)
    expect(holderOf(client)).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
    await b.stop()
  })

  test('keeps its lead over a lease that somebody else annotated', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a')
    client.write(leases, ref, { metadata: { annotations: { note: 'hello' } } })
    await a.next()
    expect([a.elector.leads(), a.told]).toEqual([true, [true]])
    expect(client.objects.get('leases system/operator')?.metadata.annotations).toEqual({
      note: 'hello',
    })
    await a.stop()
  })
})

describe('a leader that renews no more', () => {
  test('stops leading by itself after the renew deadline, whatever call hangs', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a')
    client.fail = { error: new Error('unreachable'), always: true }
    a.clock.now += 9_999
    expect(a.elector.leads()).toBe(true)
    a.clock.now += 1
    expect(a.elector.leads()).toBe(false)
    await a.next()
    expect([a.told, a.problems.length]).toEqual([[true, false], 1])
    client.fail = undefined
    await a.next()
    expect(a.elector.leads()).toBe(true)
    await a.stop()
  })

  test('counts its term from before the call, not from the answer', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a')
    const update = client.update.bind(client)
    client.update = async (...args) => {
      const answer = await update(...args)
      a.clock.now += 4_000 // the answer was slow
      return answer
    }
    await a.next()
    a.clock.now += 6_000
    expect(a.elector.leads()).toBe(false)
    await a.stop()
  })

  test('does not lead after a suspend, though its monotonic clock stood still', async () => {
    const a = await start(makeFakeClient(), 'a')
    a.clock.wall += 3_600_000
    expect(a.elector.leads()).toBe(false)
    await a.next()
    expect(a.elector.leads()).toBe(true)
    await a.stop()
  })

  test('does not give back what it no longer holds', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a')
    a.clock.now += 10_000
    const before = client.requests.length
    await a.stop()
    expect(client.requests.length).toBe(before)
  })
})

describe('a second replica', () => {
  test('follows for as long as the first one renews', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a')
    const b = await start(client, 'b')
    await pass(60_000, a, b)
    expect([a.elector.leads(), b.elector.leads(), b.told]).toEqual([true, false, []])
    await a.stop()
    await b.stop()
  })

  test('leads when it has seen no change for the whole lease, and not before', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a') // dies at once
    const b = await start(client, 'b')
    await pass(14_000, b)
    expect(b.elector.leads()).toBe(false)
    expect(b.pauses.at(-1)).toBe(1_000) // not longer than the lease has left
    await pass(1_000, b)
    expect(b.elector.leads()).toBe(true)
    a.clock.now += 15_000
    expect(a.elector.leads()).toBe(false)
    expect(holderOf(client)).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
    await a.next()
    expect([a.elector.leads(), a.told]).toEqual([false, [true, false]])
    await b.stop()
  })

  test.each([-1, 1])('is not misled by a clock that is %s day off', async (days) => {
    const client = makeFakeClient()
    const a = await start(client, 'a')
    const b = await start(client, 'b')
    b.clock.wall += days * 86_400_000
    await pass(30_000, a, b)
    expect([a.elector.leads(), b.elector.leads()]).toEqual([true, false])
    await a.stop()
    await b.stop()
  })

  test('loses when a third one writes first', async () => {
    const client = makeFakeClient()
    await start(client, 'a')
    const b = await start(client, 'b')
    const c = await start(client, 'c')
    await pass(15_000, b, c)
    expect([b.elector.leads(), c.elector.leads(), c.problems]).toEqual([true, false, []])
    await b.stop()
    await c.stop()
  })
})

describe('a lease that is taken away from the leader', () => {
  test('ends its lead when it sees that', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a')
    client.write(leases, ref, { spec: { holderIdentity: 'b' } })
    await a.next()
    expect([a.elector.leads(), a.told]).toEqual([false, [true, false]])
    await a.stop()
    expect(holderOf(client)?.holderIdentity).toBe('b')
  })

  test('is made anew when somebody deleted it', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a')
    client.objects.clear()
    await a.next()
    expect([a.elector.leads(), holderOf(client)?.holderIdentity]).toEqual([true, 'a'])
    await a.stop()
  })
})

describe('a lease that replicas share', () => {
  const askedBy = 'example.com/asked-by'
  function sharing(state: { yields: boolean; isIdle: boolean }, seen: Lease[] = []) {
    return {
      sharing: {
        askedBy,
        marks: { 'example.com/parts': '3' },
        onSeen: (lease: Lease) => void seen.push(lease),
        yields: () => state.yields,
        isIdle: () => state.isIdle,
      },
    }
  }
  const wishOf = (client: FakeClient) =>
    client.objects.get('leases system/operator')?.metadata.annotations?.[askedBy]

  test('goes to the one who asks for it, who need not wait', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a', sharing({ yields: true, isIdle: true }))
    const b = await start(client, 'b', sharing({ yields: true, isIdle: true }))
    b.elector.ask()
    await b.next()
    expect([wishOf(client), holderOf(client)?.holderIdentity]).toEqual(['b', 'a'])
    await a.next() // hears of it
    expect([a.elector.leads(), b.elector.leads(), a.told]).toEqual([false, false, [true, false]])
    await a.next() // writes the other name
    expect(holderOf(client)).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 })
    await b.next()
    expect([a.elector.leads(), b.elector.leads(), wishOf(client)]).toEqual([false, true, undefined])
    await a.next()
    expect([a.elector.leads(), b.elector.leads()]).toEqual([false, true])
    await a.stop()
    await b.stop()
  })

  test('is held until what was begun has ended, though nobody leads any more', async () => {
    const client = makeFakeClient()
    const state = { yields: true, isIdle: false }
    const a = await start(client, 'a', {
      ...sharing(state),
      retryMs: 1, // so that it looks once for whether it is idle
    })
    const b = await start(client, 'b', sharing(state))
    b.elector.ask()
    await b.next()
    await a.next()
    await pass(60_000, a, b)
    expect([a.elector.leads(), b.elector.leads()]).toEqual([false, false])
    expect(holderOf(client)?.holderIdentity).toBe('a')
    state.isIdle = true
    await pass(2_000, a, b)
    expect([a.elector.leads(), b.elector.leads()]).toEqual([false, true])
    await a.stop()
    await b.stop()
  })

  test('stays where it is when its holder does not yield, and the wish is gone', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a', sharing({ yields: false, isIdle: true }))
    const b = await start(client, 'b', sharing({ yields: true, isIdle: true }))
    b.elector.ask()
    await b.next()
    await a.next()
    expect([a.elector.leads(), a.told, wishOf(client)]).toEqual([true, [true], undefined])
    await a.stop()
    await b.stop()
  })

  test('is given back by a holder who stops while handing it over', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a', sharing({ yields: true, isIdle: true }))
    const b = await start(client, 'b', sharing({ yields: true, isIdle: true }))
    b.elector.ask()
    await b.next()
    await a.next()
    await a.stop()
    expect(holderOf(client)?.holderIdentity).toBeUndefined()
    await b.stop()
  })

  test('is taken as ever when its holder is dead, asked or not', async () => {
    const client = makeFakeClient()
    await start(client, 'a', sharing({ yields: true, isIdle: true })) // dies at once
    const b = await start(client, 'b', sharing({ yields: true, isIdle: true }))
    b.elector.ask()
    await pass(15_000, b)
    expect(b.elector.leads()).toBe(false)
    await pass(1_000, b)
    expect(b.elector.leads()).toBe(true)
    await b.stop()
  })

  test('carries the marks of its holder, and everybody is told what it says', async () => {
    const client = makeFakeClient()
    const a = await start(client, 'a', sharing({ yields: true, isIdle: true }))
    const seen: Lease[] = []
    const b = await start(client, 'b', sharing({ yields: true, isIdle: true }, seen))
    expect(seen.map(({ metadata }) => metadata.annotations)).toEqual([{ 'example.com/parts': '3' }])
    await a.stop()
    await b.stop()
  })
})

describe('an elector', () => {
  test('goes on when its listener or a call throws', async () => {
    const client = makeFakeClient()
    client.fail = { error: refusal(500, 'InternalError') }
    const a = await start(client, 'a', {
      onChange: () => {
        throw new Error('no')
      },
    })
    expect(a.elector.leads()).toBe(false)
    await a.next()
    expect(a.elector.leads()).toBe(true)
    expect(a.problems).toEqual([
      'the lease could not be read or renewed',
      'a listener of the election threw',
    ])
    await a.stop()
  })

  test('refuses times with which two could lead', () => {
    const options = { client: makeFakeClient(), ...ref, identity: 'a' }
    expect(() => new Elector({ ...options, leaseMs: 10_000 })).toThrow(RangeError)
    expect(() => new Elector({ ...options, retryMs: 9_000 })).toThrow(RangeError)
  })
})
