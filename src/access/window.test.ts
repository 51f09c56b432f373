import { describe, expect, it } from 'vitest'
import { always, both, byBothClocks, nextBoundary, phaseOf, windowOf } from './window.ts'

const start = Date.parse('2026-12-01T08:00:00Z')
const end = Date.parse('2026-12-01T18:00:00Z')
const window = { notBefore: start, notAfter: end }

describe('a window of access', () => {
  it('has not begun one millisecond before notBefore (NO-EARLY)', () => {
    expect(phaseOf(window, start - 1)).toBe('Before')
    expect(phaseOf(window, start)).toBe('During')
  })

  it('is over at notAfter itself, not one millisecond later (NO-LATE)', () => {
    expect(phaseOf(window, end - 1)).toBe('During')
    expect(phaseOf(window, end)).toBe('After')
  })

  it('is read with the offset that was written', () => {
    const read = windowOf({
      notBefore: '2026-12-01T09:00:00+01:00',
      notAfter: '2026-12-01T18:00:00Z',
    })
    expect(read).toEqual(window)
  })

  it.each([
    ['a bound without an offset', { notBefore: '2026-12-01T08:00:00' }],
    ['a date alone', { notAfter: '2026-12-01' }],
    ['a day that the calendar lacks', { notAfter: '2026-13-01T00:00:00Z' }],
    [
      'an end at its start',
      { notBefore: '2026-12-01T08:00:00Z', notAfter: '2026-12-01T08:00:00Z' },
    ],
  ])('cannot be read when it has %s, and then gives nothing', (_, text) => {
    expect(windowOf(text)).toBeUndefined()
  })

  it('tells the next moment at which the answer changes', () => {
    expect(nextBoundary(window, start - 1)).toBe(start)
    expect(nextBoundary(window, start)).toBe(end)
    expect(nextBoundary(window, end)).toBeUndefined()
    expect(nextBoundary(always, start)).toBeUndefined()
  })

  it('is never wider than either of two that apply together', () => {
    expect(both(window, always)).toEqual(window)
    const later = { notBefore: end + 1, notAfter: 'open' } as const
    expect(phaseOf(both(window, later), end + 2)).toBe('After')
  })

  it('starts late and ends early when another clock disagrees (NO-EARLY, NO-LATE)', () => {
    const ahead = byBothClocks(window, 10_000)
    expect([phaseOf(ahead, start), phaseOf(ahead, end - 10_000)]).toEqual(['During', 'After'])
    const behind = byBothClocks(window, -10_000)
    expect([phaseOf(behind, start), phaseOf(behind, start + 10_000)]).toEqual(['Before', 'During'])
    expect(byBothClocks(always, 10_000)).toEqual(always)
  })
})
