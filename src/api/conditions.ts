// Conditions as plans state them, before they are merged into an object's status.

import type { Reason } from './reasons.ts'

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
