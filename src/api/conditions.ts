// Conditions as plans state them, before they are merged into an object's status.

import type { Condition } from './object.ts'
import { eventTypeOf, type Reason } from './reasons.ts'
import { formatTime, type EpochMs } from './time.ts'

/** A condition without its times: `lastTransitionTime` is added where status is written. */
export type Finding = {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: Reason
  readonly message: string
}

export function isTrue(type: string, reason: Reason, message: string): Finding {
  return { type, status: 'True', reason, message }
}

export function isFalse(type: string, reason: Reason, message: string): Finding {
  return { type, status: 'False', reason, message }
}

export function isUnknown(type: string, reason: Reason, message: string): Finding {
  return { type, status: 'Unknown', reason, message }
}

/** `Ready` from the others: the first of `needed` that is not True says why. */
export function readyFrom(findings: readonly Finding[], needed: readonly string[]): Finding {
  for (const type of needed) {
    const finding = findings.find((candidate) => candidate.type === type)
    if (!finding || finding.status === 'True') continue
    return { type: 'Ready', status: 'False', reason: finding.reason, message: finding.message }
  }
  return isTrue('Ready', 'Ready', 'Everything that the spec asks for is in place and was checked.')
}

/**
 * Findings as `status.conditions`. `lastTransitionTime` moves only when `status` does, so that an
 * unchanged object yields an equal list and nothing is written (QUIET).
 */
export function conditionsFrom(
  findings: readonly Finding[],
  before: readonly Condition[] | undefined,
  { now, generation }: { readonly now: EpochMs; readonly generation: number | undefined },
): Condition[] {
  return findings.map(({ type, status, reason, message }) => {
    const old = before?.find((condition) => condition.type === type)
    return {
      type,
      status,
      reason,
      message,
      lastTransitionTime: old?.status === status ? old.lastTransitionTime : formatTime(now),
      ...(generation !== undefined && { observedGeneration: generation }),
    }
  })
}

export type News = {
  readonly type: 'Normal' | 'Warning'
  readonly reason: Reason
  /** The type of the condition that has changed. */
  readonly action: string
  readonly note: string
  /** What tells it from others of the same reason and action. */
  readonly of?: string
}

/** What an Event is made for: findings that differ from before, as far as they are `worth` one. */
export function newsOf(
  findings: readonly Finding[],
  before: readonly Condition[] | undefined,
  worth: (finding: Finding) => boolean,
): readonly News[] {
  return findings
    .filter(
      ({ type, status, reason }) =>
        !before?.some((old) => old.type === type && old.status === status && old.reason === reason),
    )
    .filter(worth)
    .map(({ type, reason, message }) => {
      return { type: eventTypeOf(reason), reason, action: type, note: message }
    })
}
