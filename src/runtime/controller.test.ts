// The loop with a real queue and reconcilers that do what one should not.
import { describe, expect, test } from 'vitest'
import {
  Controller,
  TerminalError,
  type ControllerOptions,
  type Result,
  type RunResult,
} from './controller.ts'
import { Queue } from './queue.ts'
import { setTimer } from './timer.ts'

const done: Result = { outcome: 'done' }

async function start(
  reconcile: ControllerOptions['reconcile'],
  options: Partial<ControllerOptions> = {},
) {
  const timers = new Set<object>()
  const queue = new Queue({
    name: 'things',
    lanes: ['revoke', 'change'],
    firstRetryMs: 1,
    setTimer: (run, ms) => {
      const timer = setTimer(() => (timers.delete(timer), run()), ms)
      timers.add(timer)
      return { clear: () => (timers.delete(timer), timer.clear()) }
    },
  })
  const results: RunResult[] = []
  const errors: unknown[] = []
  const active: number[] = []
  const life = new AbortController()
  const controller = new Controller({
    name: 'things',
    queue,
    workers: 2,
    reconcile,
    onError: (_, error) => void errors.push(error),
    metrics: {
      active: (_, workers) => void active.push(workers),
      finished: (_, result) => void results.push(result),
    },
    ...options,
  })
  const ran = controller.run(life.signal)
  return {
    queue,
    timers,
    results,
    errors,
    active,
    ran,
    abort: () => life.abort(),
    async [Symbol.asyncDispose]() {
      life.abort()
      await ran
    },
  }
}

describe('a run', () => {
  test('that is done is not repeated', async () => {
    let runs = 0
    await using world = await start(async () => (runs++, done))
    world.queue.add('a', 'change')
    await expect.poll(() => world.results).toEqual(['success'])
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(runs).toBe(1)
    expect(world.active).toEqual([1, 0])
  })

  test('hears that something most urgent has come for its key, and of nothing else', async () => {
    const heard: boolean[] = []
    await using world = await start(async (_, key, run) => {
      if (key !== 'a' || heard.length > 0) return done
      heard.push(run.isOvertaken())
      world.queue.add('b', 'revoke')
      world.queue.add('a', 'change')
      heard.push(run.isOvertaken())
      world.queue.add('a', 'revoke')
      heard.push(run.isOvertaken())
      return done
    })
    world.queue.add('a', 'change')
    await expect.poll(() => world.results.length).toBe(3)
    expect(heard).toEqual([false, false, true])
  })

  test('that asks for another comes again after that time, in its lane', async () => {
    const lanes: string[] = []
    const ids = new Set<string>()
    await using world = await start(async (_, __, run) => {
      lanes.push(run.lane)
      ids.add(run.id)
      return lanes.length < 3 ? { outcome: 'again', afterMs: 5 } : done
    })
    world.queue.add('a', 'revoke')
    await expect.poll(() => world.results).toEqual(['requeue_after', 'requeue_after', 'success'])
    expect(lanes).toEqual(['revoke', 'revoke', 'revoke'])
    expect(ids.size).toBe(3)
  })

  test('that throws, even before its promise, is counted, told and tried again', async () => {
    let runs = 0
    await using world = await start(() => {
      if (++runs < 3) throw new Error(`no ${runs}`)
      return Promise.resolve(done)
    })
    world.queue.add('a', 'change')
    await expect.poll(() => world.results).toEqual(['error', 'error', 'success'])
    expect(world.errors).toEqual([new Error('no 1'), new Error('no 2')])
  })

  test('that meets a conflict is tried again and counts as no error', async () => {
    let runs = 0
    const conflict = new Error('409')
    await using world = await start(
      async () => {
        if (++runs === 1) throw conflict
        return done
      },
      { isConflict: (error) => error === conflict },
    )
    world.queue.add('a', 'change')
    await expect.poll(() => world.results).toEqual(['requeue', 'success'])
    expect(world.errors).toEqual([])
  })

  test.each([
    ['a TerminalError', new TerminalError('for good'), {}],
    ['an error that the options call terminal', new Error('final'), { isTerminal: () => true }],
  ])('that ends in %s is told and waits for a change', async (_, error, options) => {
    let runs = 0
    await using world = await start(async () => {
      runs++
      throw error
    }, options)
    world.queue.add('a', 'change')
    await expect.poll(() => world.results).toEqual(['terminal_error'])
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect([runs, world.errors]).toEqual([1, [error]])
    world.queue.add('a', 'change')
    await expect.poll(() => runs).toBe(2)
  })

  test('that asks for a time which is no number fails, and does not spin or vanish', async () => {
    let runs = 0
    await using world = await start(async () =>
      ++runs === 1 ? { outcome: 'again', afterMs: Number.NaN } : done,
    )
    world.queue.add('a', 'change')
    await expect.poll(() => world.results).toEqual(['error', 'success'])
  })

  test('that hangs is aborted by its signal and tried again', async () => {
    let runs = 0
    await using world = await start(
      (signal) =>
        ++runs > 1
          ? Promise.resolve(done)
          : new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason))
            }),
      { timeoutMs: 20 },
    )
    world.queue.add('a', 'change')
    await expect.poll(() => world.results).toEqual(['error', 'success'])
    expect(world.errors).toEqual([new Error('The run of a took longer than 20 ms.')])
  })

  test('of one key is never beside another of the same key', async () => {
    let running = 0
    let most = 0
    let runs = 0
    await using world = await start(
      async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, 2))
        running--
        runs++
        return done
      },
      { workers: 4 },
    )
    for (let n = 0; n < 10; n++) {
      world.queue.add('a', n % 2 ? 'revoke' : 'change')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await expect.poll(() => running).toBe(0)
    expect(most).toBe(1)
    expect(runs).toBeGreaterThan(1)
  })

  test('whose error cannot even be told does not end the loop', async () => {
    let runs = 0
    await using world = await start(
      async () => {
        if (++runs === 1) throw new Error('once')
        return done
      },
      {
        onError: () => {
          throw new Error('the log is full')
        },
      },
    )
    world.queue.add('a', 'change')
    await expect.poll(() => world.results).toEqual(['error', 'success'])
  })
})

describe('a controller that is stopped', () => {
  test('lets what runs end and takes nothing new', async () => {
    const begun: string[] = []
    const ended: string[] = []
    const world = await start(
      async (_, key) => {
        begun.push(key)
        await new Promise((resolve) => setTimeout(resolve, 20))
        ended.push(key)
        return done
      },
      { workers: 1 },
    )
    world.queue.add('a', 'change')
    world.queue.add('b', 'change')
    await expect.poll(() => begun).toEqual(['a'])
    world.abort()
    await world.ran
    expect([begun, ended]).toEqual([['a'], ['a']])
  })

  test('aborts what does not end within the grace', async () => {
    let reason: unknown
    const world = await start(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reason = signal.reason
            reject(signal.reason)
          })
        }),
      { graceMs: 10 },
    )
    world.queue.add('a', 'change')
    await expect.poll(() => world.active).toEqual([1])
    world.abort()
    await world.ran
    expect(reason).toEqual(new Error('The grace of the stop is over.'))
    expect(world.results).toEqual([])
  })

  test('does not wait for a run that ignores its signal', async () => {
    const world = await start(() => new Promise(() => {}), { graceMs: 5, partingMs: 5 })
    world.queue.add('stuck', 'change')
    await expect.poll(() => world.active).toEqual([1])
    world.abort()
    await world.ran
    expect(world.errors).toEqual([new Error('A run does not listen.')])
  })

  test('leaves no retry behind that would keep the process alive', async () => {
    const world = await start(() => Promise.reject(new Error('no')))
    world.queue.add('a', 'change')
    await expect.poll(() => world.results.length).toBeGreaterThan(2)
    world.abort()
    await world.ran
    const runs = world.results.length
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(world.results.length).toBe(runs)
    expect(world.timers.size).toBe(0)
  })
})
