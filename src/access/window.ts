// Windows of time. Holds NO-EARLY, NO-LATE: half-open, [notBefore, notAfter), so that at notAfter
// the access is already gone, and a bound that nobody can read makes a window that gives nothing.

import { earlier, parseTime, type End, type EpochMs } from '../api/time.ts'

export type Window = { readonly notBefore: EpochMs; readonly notAfter: End }

export type WindowText = { readonly notBefore?: string; readonly notAfter?: string }

export const always: Window = { notBefore: -Infinity, notAfter: 'open' }

/** `undefined` when a bound cannot be read, or the end is not after the start. */
export function windowOf(text: WindowText): Window | undefined {
  const notBefore = text.notBefore === undefined ? -Infinity : parseTime(text.notBefore)
  const notAfter = text.notAfter === undefined ? 'open' : parseTime(text.notAfter)
  if (notBefore === undefined || notAfter === undefined) return undefined
  if (notAfter !== 'open' && notAfter <= notBefore) return undefined
  return { notBefore, notAfter }
}

/** The time that lies in both; it may be empty, and then it has ended at once. */
export function both(a: Window, b: Window): Window {
  return {
    notBefore: Math.max(a.notBefore, b.notBefore),
    notAfter: earlier(a.notAfter, b.notAfter),
  }
}

/**
 * The window on our clock that another clock agrees with too: it starts late and ends early.
 *
 * @param skewMs the other clock minus ours
 */
export function byBothClocks({ notBefore, notAfter }: Window, skewMs: number): Window {
  return {
    notBefore: notBefore + Math.max(0, -skewMs),
    notAfter: notAfter === 'open' ? notAfter : notAfter - Math.max(0, skewMs),
  }
}

export type Phase = 'Before' | 'During' | 'After'

export function phaseOf(window: Window, now: EpochMs): Phase {
  if (window.notAfter !== 'open' && now >= window.notAfter) return 'After'
  if (window.notAfter !== 'open' && window.notAfter <= window.notBefore) return 'After'
  return now < window.notBefore ? 'Before' : 'During'
}

/** The next moment at which the phase changes. */
export function nextBoundary(window: Window, now: EpochMs): EpochMs | undefined {
  switch (phaseOf(window, now)) {
    case 'Before':
      return window.notBefore
    case 'During':
      return window.notAfter === 'open' ? undefined : window.notAfter
    case 'After':
      return undefined
  }
}
