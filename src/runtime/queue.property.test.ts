// The queue against a model of lists: a key runs once at a time, nothing that was added is lost, the
// first lane goes first, the earliest of several times counts.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeFakeTime } from '../../test/support/fake-time.ts'
import { Queue } from './queue.ts'

const lanes = ['revoke', 'change', 'new', 'resync'] as const
const { signal } = new AbortController()

describe('whatever is added, taken and finished', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const lane = fc.nat({ max: lanes.length - 1 })
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ does: fc.constant('add' as const), key, lane }) },
    {
      weight: 2,
      arbitrary: fc.record({
        does: fc.constant('addAfter' as const),
        key,
        lane,
        ms: fc.integer({ min: -1, max: 30 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ does: fc.constant('take' as const) }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constant('done' as const), key }) },
    {
      weight: 2,
      arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.nat({ max: 20 }) }),
    },
  )

  test('the queue does as a simple model does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const time = makeFakeTime()
        const { now, setTimer } = time
        const queue = new Queue({ name: 'things', lanes, now, setTimer, random: () => 0 })
        const model = makeModel()
        for (const each of steps) {
          switch (each.does) {
            case 'add':
              queue.add(each.key, lanes[each.lane] ?? '')
              model.add(each.key, each.lane)
              break
            case 'addAfter':
              queue.addAfter(each.key, lanes[each.lane] ?? '', each.ms)
              model.addAfter(each.key, each.lane, time.now(), each.ms)
              break
            case 'take': {
              if (queue.depth === 0) break
              const taken = await queue.take(signal)
              model.take(
                taken?.key ?? '',
                lanes.findIndex((name) => name === taken?.lane),
              )
              break
            }
            case 'done':
              queue.done(each.key)
              model.done(each.key)
              break
            case 'pass':
              for (let ms = 0; ms < each.ms; ms++) {
                time.advance(1)
                model.pass(time.now())
              }
          }
          if (queue.depth !== model.depth()) expect(queue.depth).toBe(model.depth())
        }
      }),
      { numRuns: 10_000 },
    )
  }, 60_000)
})

/** Lists and linear search; takes the choice of the queue and objects when it was not allowed. */
function makeModel() {
  let waiting: { key: string; lane: number; since: number }[] = []
  let asleep: { key: string; lane: number; due: number }[] = []
  const running = new Map<string, number | undefined>()
  let moment = 0

  function add(key: string, lane: number, since = ++moment): void {
    asleep = asleep.filter((each) => each.key !== key || each.lane < lane)
    if (running.has(key)) {
      running.set(key, Math.min(running.get(key) ?? lane, lane))
      return
    }
    if (waiting.some((each) => each.key === key && each.lane <= lane)) return
    waiting = [...waiting.filter((each) => each.key !== key), { key, lane, since }]
  }

  return {
    add,
    addAfter(key: string, lane: number, now: number, ms: number): void {
      if (ms <= 0) return add(key, lane)
      const all = [...asleep.filter((each) => each.key === key), { key, lane, due: now + ms }]
      const due = Math.min(...all.map((each) => each.due))
      const urgent = Math.min(...all.map((each) => each.lane))
      asleep = [...asleep.filter((each) => each.key !== key), { key, lane: urgent, due }]
    },
    take(key: string, lane: number): void {
      const taken = waiting.find((each) => each.key === key && each.lane === lane)
      const older = waiting.filter((each) => each.lane === lane && each.since < (taken?.since ?? 0))
      const fault =
        (running.has(key) && 'it runs already') ||
        (!taken && 'it did not wait in that lane') ||
        (older.length > 0 && 'others of its lane are older') ||
        (lane > 0 && waiting.some((each) => each.lane === 0) && 'the first lane goes first')
      if (fault) expect.fail(`${key} was taken, but ${fault}`)
      waiting = waiting.filter((each) => each.key !== key)
      running.set(key, undefined)
    },
    done(key: string): void {
      const again = running.get(key)
      running.delete(key)
      if (again !== undefined) add(key, again)
    },
    /** What is due at the same moment comes in any order. */
    pass(now: number): void {
      moment++
      for (const { key, lane } of asleep.filter((each) => each.due <= now)) add(key, lane, moment)
    },
    depth: () => waiting.length,
  }
}
