// A clock that stands still until a test moves it, and timers that run by it.

import type { SetTimer } from '../../src/runtime/timer.ts'

export type FakeTime = {
  readonly now: () => number
  readonly setTimer: SetTimer
  /** Delays that were asked for, oldest first. */
  readonly asked: number[]
  readonly pending: () => number
  /** Time passes: timers run, each at its moment. */
  readonly advance: (ms: number) => void
  /** Only the clock moves, as when somebody sets it; timers do not notice. */
  readonly jump: (ms: number) => void
}

export function makeFakeTime(start = 0): FakeTime {
  let clock = start
  let elapsed = 0
  const timers = new Map<object, { readonly at: number; readonly run: () => void }>()
  const asked: number[] = []
  return {
    now: () => clock,
    asked,
    setTimer: (run, ms) => {
      const timer = { clear: () => void timers.delete(timer) }
      asked.push(ms)
      timers.set(timer, { at: elapsed + ms, run })
      return timer
    },
    pending: () => timers.size,
    advance: (ms) => {
      const end = elapsed + ms
      const pass = (to: number) => {
        clock += to - elapsed
        elapsed = to
      }
      for (;;) {
        const [first] = [...timers].sort(([, a], [, b]) => a.at - b.at)
        if (!first || first[1].at > end) return pass(end)
        const [timer, { at, run }] = first
        timers.delete(timer)
        pass(Math.max(elapsed, at))
        run()
      }
    },
    jump: (ms) => {
      clock += ms
    },
  }
}
