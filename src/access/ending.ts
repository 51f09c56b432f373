// How near the end of a window is, in the steps in which people are warned: 30, 7 and 1 days before.

import { earliestOf, type EpochMs } from '../api/time.ts'
import { phaseOf, type Window } from './window.ts'

const dayMs = 86_400_000
const warnedDays = [1, 7, 30]

/** The moments of the warnings, but for those before the window itself: a short one has none. */
function warningsOf({ notBefore, notAfter }: Window): readonly { days: number; at: EpochMs }[] {
  if (notAfter === 'open') return []
  return warnedDays
    .map((days) => ({ days, at: notAfter - days * dayMs }))
    .filter(({ at }) => at > notBefore)
}

/** `undefined` while the end is far, when there is none, and before and after the window. */
export function endingWithin(window: Window, now: EpochMs): number | undefined {
  if (phaseOf(window, now) !== 'During') return undefined
  return warningsOf(window).find(({ at }) => now >= at)?.days
}

export function nextWarning(window: Window, now: EpochMs): EpochMs | undefined {
  return earliestOf(warningsOf(window).map(({ at }) => (at > now ? at : undefined)))
}
