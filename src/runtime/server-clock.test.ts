import { describe, expect, test } from 'vitest'
import { ServerClock } from './server-clock.ts'

function clocks() {
  const time = { monotonic: 0, wall: Date.UTC(2026, 0, 1) }
  const clock = new ServerClock({ now: () => time.monotonic, wallClock: () => time.wall })
  return { clock, time }
}

describe("the server's clock", () => {
  test('is unknown before the first answer, and after one without a readable date', () => {
    const { clock } = clocks()
    clock.saw(undefined, 0)
    clock.saw('yesterday', 0)
    expect(clock.skewMs()).toBeUndefined()
  })

  test('is known to half a second, whole seconds being all that a header has', () => {
    const { clock } = clocks()
    clock.saw('Thu, 01 Jan 2026 00:01:00 GMT', 0)
    expect(clock.skewMs()).toBe(60_500)
  })

  test('shows a jump of our own clock, also between two answers', () => {
    const { clock, time } = clocks()
    clock.saw('Thu, 01 Jan 2026 00:00:00 GMT', 0)
    time.monotonic += 5_000
    time.wall += 5_000
    expect(clock.skewMs()).toBe(500)
    time.wall += 3_600_000
    expect(clock.skewMs()).toBe(500 - 3_600_000)
  })
})
