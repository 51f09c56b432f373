// From follower to giver, in order.
import { describe, expect, test } from 'vitest'
import { Standing } from './standing.ts'

function replica() {
  const state = { leads: false, gave: 0 }
  const standing = new Standing({ leads: () => state.leads, onGives: () => (state.gave += 1) })
  return { state, standing }
}

describe('a replica', () => {
  test('that follows neither gives nor takes away what time has not ended', () => {
    const { standing } = replica()
    expect([standing.takesAway(), standing.gives()]).toEqual([false, false])
  })

  test('with the lease gives only after everything was looked at', () => {
    const { state, standing } = replica()
    state.leads = true
    standing.begin(['customers/a', 'partners/b'])
    standing.seen('customers/a')
    expect([standing.takesAway(), standing.gives(), state.gave]).toEqual([true, false, 0])
    standing.seen('partners/b')
    expect([standing.gives(), state.gave]).toEqual([true, 1])
    standing.seen('partners/b')
    expect(state.gave).toBe(1)
  })

  test('that loses the lease gives no more, and looks at everything anew when it has it again', () => {
    const { state, standing } = replica()
    state.leads = true
    standing.begin([])
    expect(standing.gives()).toBe(true)
    state.leads = false
    standing.end()
    expect(standing.gives()).toBe(false)
    state.leads = true
    expect(standing.gives()).toBe(false)
    standing.begin(['customers/a'])
    expect(standing.gives()).toBe(false)
  })
})
