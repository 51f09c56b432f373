// The heap by itself: order, sleeps, jumps of the clock, and a model that agrees with it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeFakeTime } from '../../test/support/fake-time.ts'
import { Deadlines } from './deadlines.ts'

const day = 86_400_000

type Options = { at?: number; afterMs?: number; maxSleepMs?: number; onDue?: (key: string) => void }

function start(options: Options = {}) {
  const time = makeFakeTime(options.at ?? 1_000_000)
  const due: string[] = []
  const deadlines = new Deadlines({
    now: time.now,
    setTimer: time.setTimer,
    onDue: options.onDue ?? ((key) => due.push(key)),
    ...(options.afterMs !== undefined && { afterMs: options.afterMs }),
    ...(options.maxSleepMs !== undefined && { maxSleepMs: options.maxSleepMs }),
  })
  const set = (key: string, inMs: number | undefined) =>
    deadlines.set(key, inMs === undefined ? undefined : time.now() + inMs)
  return { time, due, deadlines, set }
}

describe('a deadline', () => {
  test('comes at its moment and not before', () => {
    const { time, due, deadlines, set } = start()
    set('a', 500)
    time.advance(499)
    expect(due).toEqual([])
    time.advance(1)
    expect(due).toEqual(['a'])
    expect(deadlines.size).toBe(0)
    expect(time.pending()).toBe(0)
  })

  test('that has passed already comes at once, but never from within set', () => {
    const { time, due, set } = start()
    set('late', -5)
    expect(due).toEqual([])
    time.advance(0)
    expect(due).toEqual(['late'])
  })

  test('in 30 days does not come after a millisecond, as a timer would', () => {
    const { time, due, set } = start()
    set('month', 30 * day)
    expect(Math.max(...time.asked)).toBeLessThanOrEqual(60_000)
    time.advance(30 * day - 1)
    expect(due).toEqual([])
    time.advance(1)
    expect(due).toEqual(['month'])
  })

  test('that is moved or taken away leaves nothing at its old moment', () => {
    const { time, due, deadlines, set } = start()
    set('moved', 100)
    set('gone', 100)
    set('moved', 300)
    set('gone', undefined)
    time.advance(200)
    expect(due).toEqual([])
    expect(deadlines.get('gone')).toBeUndefined()
    time.advance(100)
    expect(due).toEqual(['moved'])
  })

  test('may be due some ms after its moment, which others have to themselves', () => {
    const { time, due, set } = start({ afterMs: 5 })
    set('a', 500)
    time.advance(504)
    expect(due).toEqual([])
    time.advance(1)
    expect(due).toEqual(['a'])
  })

  test('that is no number is refused, since it would never come', () => {
    const { deadlines } = start()
    expect(() => deadlines.set('a', Number.NaN)).toThrow(RangeError)
    expect(deadlines.size).toBe(0)
  })

  test('that is set again while it is told waits for the next wake-up', () => {
    const told: string[] = []
    const { time, set } = start({
      onDue: (key) => {
        told.push(key)
        if (told.length < 3) set(key, 0)
      },
    })
    set('a', 10)
    time.advance(10)
    expect(told).toEqual(['a', 'a', 'a'])
    expect(time.pending()).toBe(0)
  })

  test('among thousands lets others have their turn in between, and all are told', () => {
    const { time, due, set } = start()
    for (let at = 0; at < 5_000; at++) set(`key-${at}`, 10)
    const toldAtMyTurn: number[] = []
    time.setTimer(() => toldAtMyTurn.push(due.length), 10)
    time.advance(10)
    expect(toldAtMyTurn).toEqual([100])
    expect(new Set(due).size).toBe(5_000)
    expect(time.pending()).toBe(0)
  })

  test('is not lost when the one before it throws', () => {
    const told: string[] = []
    const { time, set } = start({
      onDue: (key) => {
        if (key === 'bad') throw new Error('no')
        told.push(key)
      },
    })
    set('bad', 10)
    set('good', 10)
    expect(() => time.advance(10)).toThrow('no')
    time.advance(0)
    expect(told).toEqual(['good'])
  })
})

describe('a clock that jumps', () => {
  test('forward, as after a suspend, is noticed within the longest sleep', () => {
    const { time, due, set } = start({ maxSleepMs: 1_000 })
    set('a', day)
    time.jump(day)
    time.advance(1_000)
    expect(due).toEqual(['a'])
  })

  test('back makes nothing come early', () => {
    const { time, due, set } = start({ maxSleepMs: 1_000 })
    set('a', 5_000)
    time.jump(-10_000)
    time.advance(14_999)
    expect(due).toEqual([])
    time.advance(1)
    expect(due).toEqual(['a'])
  })

  test('forward does not delay what is set after it', () => {
    const { time, due, set } = start({ maxSleepMs: 60_000 })
    set('far', 10 * day)
    time.jump(day)
    set('near', 500)
    time.advance(500)
    expect(due).toEqual(['near'])
  })
})

describe('stopped deadlines', () => {
  test('tell nothing and hold no timer', () => {
    const { time, due, deadlines, set } = start()
    set('a', 10)
    deadlines.stop()
    set('b', 10)
    expect(time.pending()).toBe(0)
    time.advance(20)
    expect(due).toEqual([])
  })
})

describe('many deadlines', () => {
  type Step = { readonly key: string; readonly inMs: number | undefined; readonly pass: number }
  const step: fc.Arbitrary<Step> = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'),
    inMs: fc.option(fc.integer({ min: -5, max: 60 }), { nil: undefined, freq: 4 }),
    pass: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30 })),
  })

  test('come as a sorted list says, whatever is set, moved and taken away', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const { time, due, deadlines } = start({ maxSleepMs: 7 })
        const model = new Map<string, number>()
        for (const { key, inMs, pass } of steps) {
          const at = inMs === undefined ? undefined : time.now() + inMs
          deadlines.set(key, at)
          if (at === undefined) model.delete(key)
          else model.set(key, at)
          time.advance(pass)
          const told = due.splice(0)
          const moments = told.map((each) => model.get(each) ?? Number.NaN)
          for (const each of told) model.delete(each)
          const early = moments.some((moment) => !(moment <= time.now()))
          const missing = [...model.values()].some((moment) => moment <= time.now())
          const unordered = moments.some((moment, index) => moment < (moments[index - 1] ?? moment))
          const next = model.size === 0 ? undefined : Math.min(...model.values())
          const differs = deadlines.size !== model.size || deadlines.next !== next
          // One assertion a step: 10,000 runs of several take seconds.
          if (early || missing || unordered || differs) {
            expect({ early, missing, unordered, differs, told }).toBe('as the model')
          }
        }
      }),
      { numRuns: 10_000 },
    )
  }, 60_000)
})
