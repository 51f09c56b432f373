// What a grant gives now, and whom to ask about. Pure: the caller brings the facts and the time.
// Holds PROVEN: Active and Revoked are said only of people about whom the API server was asked.

import { access, accessNow, type Access } from '../access/access.ts'
import { grantWindow, type GrantAccess } from '../access/grant.ts'
import { isArmed, switchName } from '../access/switches.ts'
import { phaseOf, type Window } from '../access/window.ts'
import type { Job } from '../api/resources.ts'
import { earliestOf, parseTime, type EpochMs } from '../api/time.ts'
import type { Seen } from './gather.ts'

export type Question = { readonly person: string; readonly expected: boolean }

export type Plan = {
  readonly access: Access | undefined
  /** `None` also while the partner is not linked. */
  readonly column: GrantAccess
  readonly until: EpochMs | undefined
  readonly questions: readonly Question[]
  /** Ends of windows that are open now, in seconds, and those whose switch is not armed. */
  readonly ends: readonly number[]
  readonly notArmed: readonly number[]
  /** How near the end of the grant's window is; `undefined` while it is far, or has none. */
  readonly endingWithinDays: number | undefined
  readonly review: 'none' | 'due' | 'later'
  readonly nextChange: EpochMs | undefined
}

export function planGrantStatus({ object, known, jobs }: Seen, now: EpochMs): Plan {
  const decided = known && access(known, now)
  const ends = endsOf(decided)
  const grant = known?.grant
  const window = grant && grantWindow(grant)
  const reviewBy = object.spec.reviewBy === undefined ? undefined : parseTime(object.spec.reviewBy)
  return {
    access: decided,
    column: known ? accessNow(known, now) : 'None',
    until: window && window.notAfter !== 'open' ? window.notAfter : undefined,
    questions: questionsAbout(decided),
    ends,
    notArmed: ends.filter((end) => !isArmed(jobFor(jobs, end), end)),
    endingWithinDays: window && endingWithin(window, now),
    review: reviewBy === undefined ? 'none' : now >= reviewBy ? 'due' : 'later',
    nextChange: earliestOf([
      decided?.nextChange,
      window && nextWarning(window, now),
      reviewBy !== undefined && reviewBy > now ? reviewBy : undefined,
    ]),
  }
}

const dayMs = 86_400_000
const warnedDays = [1, 7, 30]

/** The moments of the warnings, but for those before the window itself: a short one has none. */
function warningsOf({ notBefore, notAfter }: Window): readonly { days: number; at: EpochMs }[] {
  if (notAfter === 'open') return []
  return warnedDays
    .map((days) => ({ days, at: notAfter - days * dayMs }))
    .filter(({ at }) => at > notBefore)
}

function endingWithin(window: Window, now: EpochMs): number | undefined {
  if (phaseOf(window, now) !== 'During') return undefined
  return warningsOf(window).find(({ at }) => now >= at)?.days
}

function nextWarning(window: Window, now: EpochMs): EpochMs | undefined {
  return earliestOf(warningsOf(window).map(({ at }) => (at > now ? at : undefined)))
}

function endsOf(decided: Access | undefined): readonly number[] {
  const ends = new Set<number>()
  for (const technician of decided?.technicians ?? []) {
    if (technician.may === 'Enter' && technician.until !== 'open')
      ends.add(Math.floor(technician.until / 1000))
  }
  return [...ends]
}

function jobFor(jobs: readonly Job[], end: number): Job | undefined {
  return jobs.find(({ metadata }) => metadata.name === switchName(end))
}

/** One question per person, who may be named with two scopes: one that enters is enough. */
function questionsAbout(decided: Access | undefined): readonly Question[] {
  const expected = new Map<string, boolean>()
  for (const { person, may } of decided?.technicians ?? []) {
    expected.set(person, expected.get(person) === true || may === 'Enter')
  }
  return [...expected].map(([person, enters]) => ({ person, expected: enters }))
}
