// The breaker of a server: what it lets through, and for how long it does not.
import { describe, expect, test } from 'vitest'
import { Breaker, type Reachable } from './breaker.ts'

const refusal = () => new Error('open')
const judge = (error: unknown): Reachable => {
  if (!(error instanceof Error) || error.message === 'aborted') return 'unknown'
  return error.message === 'away' ? 'no' : 'yes'
}
const answers = async () => 'connected'
const away = async (): Promise<string> => {
  throw new Error('away')
}

function world() {
  let [clock, backs] = [0, 0]
  const breaker = new Breaker({
    firstMs: 100,
    maxMs: 400,
    now: () => clock,
    random: () => 0.999,
    onBack: () => {
      backs += 1
    },
  })
  return {
    breaker,
    backs: () => backs,
    advance: (ms: number) => {
      clock += ms
    },
    attempt: (connect: () => Promise<string>) => breaker.attempt(connect, judge, refusal),
  }
}

describe('the breaker of a server', () => {
  test('refuses at once after a failure, without trying, until its time has passed', async () => {
    const { attempt, advance, breaker } = world()
    let tries = 0
    const counted = async () => {
      tries += 1
      return answers()
    }
    await expect(attempt(away)).rejects.toThrow('away')
    expect(breaker.reachable).toBe('no')
    await expect(attempt(counted)).rejects.toThrow('open')
    expect(tries).toBe(0)
    advance(100)
    expect(await attempt(counted)).toBe('connected')
    expect(breaker.reachable).toBe('yes')
    expect(await attempt(counted)).toBe('connected')
  })

  test('stays open longer after each failure, up to its longest', async () => {
    const { attempt, advance } = world()
    for (const lasts of [100, 200, 400, 400]) {
      await expect(attempt(away)).rejects.toThrow('away')
      advance(lasts * 0.9)
      await expect(attempt(answers)).rejects.toThrow('open')
      advance(lasts * 0.1)
    }
    expect(await attempt(answers)).toBe('connected')
    await expect(attempt(away)).rejects.toThrow('away')
    advance(100) // a success made it start anew
    expect(await attempt(answers)).toBe('connected')
  })

  test('lets one alone find out whether the server is back', async () => {
    const { attempt, advance } = world()
    await expect(attempt(away)).rejects.toThrow('away')
    advance(100)
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const finder = attempt(async () => {
      await gate
      return 'back'
    })
    await expect(attempt(answers)).rejects.toThrow('open')
    open()
    expect(await finder).toBe('back')
    expect(await attempt(answers)).toBe('connected')
  })

  test('says once that the server is back, and nothing when it was never away', async () => {
    const { attempt, advance, backs } = world()
    await attempt(answers)
    expect(backs()).toBe(0)
    await expect(attempt(away)).rejects.toThrow('away')
    advance(100)
    await attempt(answers)
    await attempt(answers)
    expect(backs()).toBe(1)
  })

  test('takes failures of the same moment as one', async () => {
    const { attempt, advance } = world()
    const failed = await Promise.allSettled([away, away, away, away].map(attempt))
    expect(failed.map(({ status }) => status)).toEqual(Array(4).fill('rejected'))
    advance(100)
    expect(await attempt(answers)).toBe('connected')
  })

  test('does not take a refused login for an outage', async () => {
    const { attempt, breaker } = world()
    const refused = async (): Promise<string> => {
      throw new Error('wrong password')
    }
    await expect(attempt(refused)).rejects.toThrow('wrong password')
    expect(breaker.reachable).toBe('yes')
    expect(await attempt(answers)).toBe('connected')
  })

  test('learns nothing from an attempt that was aborted', async () => {
    const { attempt, breaker, advance } = world()
    const aborted = async (): Promise<string> => {
      throw new Error('aborted')
    }
    await expect(attempt(aborted)).rejects.toThrow('aborted')
    expect(breaker.reachable).toBe('unknown')
    await expect(attempt(away)).rejects.toThrow('away')
    advance(100)
    await expect(attempt(aborted)).rejects.toThrow('aborted')
    expect(breaker.reachable).toBe('no')
    expect(await attempt(answers)).toBe('connected')
  })
})
