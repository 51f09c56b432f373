// What a grant gives now, and whom to ask about. Pure: the caller brings the facts and the time.
// Holds PROVEN: Active and Revoked are said only of people about whom the API server was asked.

import { access, accessNow, type Access } from '../access/access.ts'
import { impersonationVerb } from '../access/impersonation.ts'
import { endingWithin, nextWarning } from '../access/ending.ts'
import { grantWindow, type GrantAccess } from '../access/grant.ts'
import { isArmed, isLastCall, switchName } from '../access/switches.ts'
import type { Job } from '../api/resources.ts'
import { earliestOf, parseTime, type EpochMs } from '../api/time.ts'
import type { Seen } from './gather.ts'

export type Question = {
  readonly person: string
  /** Of who acts as others; else what everybody has who is let in. */
  readonly verb?: string
  readonly expected: boolean
}

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
    notArmed: ends.filter((end) => !isArmedOrOver(jobFor(jobs, end), end, now)),
    endingWithinDays: window && endingWithin(window, now),
    review: reviewBy === undefined ? 'none' : now >= reviewBy ? 'due' : 'later',
    nextChange: earliestOf([
      decided?.nextChange,
      window && nextWarning(window, now),
      reviewBy !== undefined && reviewBy > now ? reviewBy : undefined,
    ]),
  }
}

function endsOf(decided: Access | undefined): readonly number[] {
  const ends = new Set<number>()
  for (const technician of decided?.technicians ?? []) {
    if (technician.may === 'Enter' && technician.until !== 'open')
      ends.add(Math.floor(technician.until / 1000))
  }
  return [...ends]
}

/** A switch that is gone so shortly before the end has done its work. */
function isArmedOrOver(job: Job | undefined, end: number, now: EpochMs): boolean {
  return isArmed(job, end) || (!job && isLastCall(end * 1000, now))
}

function jobFor(jobs: readonly Job[], end: number): Job | undefined {
  return jobs.find(({ metadata }) => metadata.name === switchName(end))
}

/** One question per person, who may be named with two scopes: one that enters is enough. */
function questionsAbout(decided: Access | undefined): readonly Question[] {
  const entering = new Map<string, boolean>()
  const acting = new Map<string, boolean>()
  for (const { person, scope, may } of decided?.technicians ?? []) {
    const expected = scope === 'Impersonate' ? acting : entering
    expected.set(person, expected.get(person) === true || may === 'Enter')
    // Whoever only acts as others does not enter as such.
    if (!entering.has(person)) entering.set(person, false)
  }
  return [
    ...[...entering].map(([person, expected]) => ({ person, expected })),
    ...[...acting].map(([person, expected]) => ({ person, verb: impersonationVerb, expected })),
  ]
}
