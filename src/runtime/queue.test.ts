// The queue by itself, on a clock that the test moves. What holds whatever happens is beside it, in
// queue.property.test.ts.
import { describe, expect, test } from 'vitest'
import { makeFakeTime } from '../../test/support/fake-time.ts'
import { Queue, type QueueOptions } from './queue.ts'

const lanes = ['revoke', 'change', 'new', 'resync'] as const
const { signal } = new AbortController()

function start(options: Partial<QueueOptions> = {}) {
  const time = makeFakeTime()
  const queue = new Queue({
    name: 'things',
    lanes,
    now: time.now,
    setTimer: time.setTimer,
    random: () => 0,
    ...options,
  })
  const take = async () => (await queue.take(signal))?.key
  /** Takes and finishes all that wait now. */
  const drain = async () => {
    const keys: string[] = []
    while (queue.depth > 0) {
      const key = (await take()) ?? ''
      queue.done(key)
      keys.push(key)
    }
    return keys
  }
  /** Fails the key once and tells after how many ms it comes again. */
  const failOnce = async (key: string, lane: string) => {
    queue.add(key, lane)
    await take()
    queue.retry(key, lane)
    queue.done(key)
    const from = time.now()
    while (queue.depth === 0) time.advance(Math.max(1, time.asked.at(-1) ?? 1))
    await drain()
    return time.now() - from
  }
  return { time, queue, take, drain, failOnce }
}

describe('a queue that lets its keys settle', () => {
  test('makes one run of what comes meanwhile, in the most urgent lane, and the first addition counts', async () => {
    const { time, queue } = start({ settleMs: 25 })
    queue.add('a', 'change')
    time.advance(24)
    queue.add('a', 'revoke')
    expect(queue.depth).toBe(0)
    time.advance(1)
    expect(await queue.take(signal)).toEqual({ key: 'a', lane: 'revoke' })
    queue.done('a')
    time.advance(1_000)
    expect(queue.depth).toBe(0)
  })

  test('comes again after a run that the addition fell into', async () => {
    const { time, queue, take } = start({ settleMs: 25 })
    queue.add('a', 'change')
    time.advance(25)
    await take()
    queue.add('a', 'change')
    time.advance(25)
    expect(queue.depth).toBe(0)
    queue.done('a')
    expect(await take()).toBe('a')
  })
})

describe('a key', () => {
  test('that is added many times runs once', async () => {
    const { queue, drain } = start()
    for (let times = 0; times < 5; times++) queue.add('a', 'change')
    expect(queue.depth).toBe(1)
    expect(await drain()).toEqual(['a'])
  })

  test('that is added while it runs comes again when the run is over, not before', async () => {
    const { queue, take, drain } = start()
    queue.add('a', 'change')
    await take()
    queue.add('a', 'resync')
    queue.add('a', 'change')
    expect(queue.depth).toBe(0)
    queue.done('a')
    expect(await queue.take(signal)).toEqual({ key: 'a', lane: 'change' })
    queue.done('a')
    expect(await drain()).toEqual([])
  })

  test('waits in the most urgent lane that it was added with', async () => {
    const { queue, take } = start()
    queue.add('a', 'resync')
    queue.add('b', 'change')
    queue.add('a', 'revoke')
    queue.add('a', 'new')
    expect(queue.depth).toBe(2)
    expect(await queue.take(signal)).toEqual({ key: 'a', lane: 'revoke' })
    expect(await take()).toBe('b')
  })

  test('in a lane that does not exist is refused', () => {
    const { queue } = start()
    expect(() => queue.add('a', 'urgent')).toThrow('Queue things has no lane urgent')
  })
})

describe('a key that was added for later', () => {
  test('comes at the earliest of its times', async () => {
    const { time, queue, drain } = start()
    queue.addAfter('a', 'change', 500)
    queue.addAfter('a', 'change', 100)
    queue.addAfter('a', 'change', 900)
    time.advance(99)
    expect(queue.depth).toBe(0)
    time.advance(1)
    expect(await drain()).toEqual(['a'])
    time.advance(1_000)
    expect(queue.depth).toBe(0)
  })

  test('comes at once when it is added meanwhile, and not again', async () => {
    const { time, queue, drain } = start()
    queue.addAfter('a', 'change', 500)
    queue.add('a', 'change')
    expect(await drain()).toEqual(['a'])
    time.advance(500)
    expect(queue.depth).toBe(0)
  })

  test('still comes in time when only something less urgent was added', async () => {
    const { time, queue, drain } = start()
    queue.addAfter('a', 'revoke', 500)
    queue.add('a', 'resync')
    expect(await drain()).toEqual(['a'])
    time.advance(500)
    expect(await queue.take(signal)).toEqual({ key: 'a', lane: 'revoke' })
  })

  test('in 40 days does not come now, as a timer would', () => {
    const { time, queue } = start()
    queue.addAfter('a', 'change', 40 * 86_400_000)
    time.advance(39 * 86_400_000)
    expect(queue.depth).toBe(0)
    time.advance(86_400_000)
    expect(queue.depth).toBe(1)
  })

  test('is refused when the delay is no number, since it would never come', () => {
    const { queue } = start()
    expect(() => queue.addAfter('a', 'change', Number.NaN)).toThrow(RangeError)
  })
})

describe('a key that fails', () => {
  test('comes again later each time, and at once again after a success', async () => {
    const { queue, failOnce } = start()
    const delays = []
    for (let times = 0; times < 4; times++) delays.push(await failOnce('a', 'change'))
    expect(delays).toEqual([5, 10, 20, 40])
    queue.forget('a')
    expect(await failOnce('a', 'change')).toBe(5)
  })

  test('in the revoke lane never waits longer than a quarter of a second', async () => {
    const { failOnce } = start({ perLane: { revoke: { maxRetryMs: 250 } }, random: () => 0.99 })
    const delays = []
    for (let times = 0; times < 20; times++) delays.push(await failOnce('a', 'revoke'))
    expect(Math.max(...delays)).toBe(250)
  })

  test('waits for the bucket that all share, but not in the first lane', async () => {
    const { queue, time, take } = start({ retryRate: 10, retryBurst: 2 })
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key, 'change')
    queue.add('urgent', 'revoke')
    for (let times = 0; times < 5; times++) {
      const taken = await queue.take(signal)
      if (!taken) break
      queue.retry(taken.key, taken.lane)
      queue.done(taken.key)
    }
    time.advance(5)
    expect([await take(), await take(), await take()]).toEqual(['urgent', 'a', 'b'])
    expect(queue.depth).toBe(0)
    time.advance(95)
    expect(await take()).toBe('c')
    time.advance(100)
    expect(await take()).toBe('d')
  })
})

describe('a flood of urgent keys', () => {
  test('in the first lane holds back everything else', async () => {
    const { queue, take } = start()
    queue.add('slow', 'resync')
    for (let n = 0; n < 100; n++) queue.add(`r${n}`, 'revoke')
    for (let n = 0; n < 100; n++) expect(await take()).toBe(`r${n}`)
    expect(await take()).toBe('slow')
  })

  test('in another lane starves nobody below it', async () => {
    const { queue } = start()
    const served = new Map<string, number>()
    for (const lane of ['new', 'resync'])
      for (let n = 0; n < 20; n++) queue.add(`${lane}${n}`, lane)
    for (let n = 0; n < 320; n++) {
      queue.add(`c${n}`, 'change') // as fast as they are taken
      const taken = await queue.take(signal)
      if (!taken) break
      served.set(taken.lane, (served.get(taken.lane) ?? 0) + 1)
      queue.done(taken.key)
    }
    expect(Object.fromEntries(served)).toEqual({ change: 300, new: 10, resync: 10 })
  })
})

describe('a worker that waits', () => {
  test('has its key run from the taking until it is done', async () => {
    const { queue, take } = start()
    queue.add('one', 'change')
    expect(queue.isRunning('one')).toBe(false)
    await take()
    expect(queue.isRunning('one')).toBe(true)
    queue.done('one')
    expect(queue.isRunning('one')).toBe(false)
  })

  test('gets the next key, in order of coming', async () => {
    const { queue } = start()
    const waiting = [queue.take(signal), queue.take(signal)]
    queue.add('a', 'change')
    queue.add('b', 'change')
    expect(await Promise.all(waiting)).toMatchObject([{ key: 'a' }, { key: 'b' }])
  })

  test('leaves with its signal, and the key that woke it goes to another', async () => {
    const { queue } = start()
    const leaving = new AbortController()
    const first = queue.take(leaving.signal)
    const second = queue.take(signal)
    queue.add('a', 'change')
    leaving.abort()
    expect(await first).toBeUndefined()
    expect(await second).toMatchObject({ key: 'a' })
  })

  test('leaves when the queue is stopped, and nothing sleeps on', async () => {
    const { time, queue } = start()
    const waiting = queue.take(signal)
    queue.addAfter('a', 'change', 100)
    queue.stop()
    expect(await waiting).toBeUndefined()
    expect(time.pending()).toBe(0)
    queue.add('b', 'change')
    expect(await queue.take(signal)).toBeUndefined()
  })
})

describe('the metrics of a queue', () => {
  test('tell additions, depth, waits, runs and retries', async () => {
    const told: (string | number)[][] = []
    let running: () => readonly number[] = () => []
    const { time, queue, take } = start({
      metrics: {
        added: () => told.push(['added']),
        depth: (_, depth) => told.push(['depth', depth]),
        waited: (_, seconds) => told.push(['waited', seconds]),
        worked: (_, seconds) => told.push(['worked', seconds]),
        retried: () => told.push(['retried']),
        watch: (_, read) => {
          running = read
        },
      },
    })
    queue.add('a', 'new')
    queue.add('a', 'change')
    time.advance(2_000)
    await take()
    time.advance(3_000)
    expect(running()).toEqual([3])
    queue.retry('a', 'change')
    queue.done('a')
    expect(running()).toEqual([])
    expect(told).toEqual([
      ['added'],
      ['depth', 1],
      ['depth', 0],
      ['waited', 2],
      ['retried'],
      ['worked', 3],
    ])
  })
})
