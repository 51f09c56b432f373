// When so many customers are deleted at once that somebody should look first: a wrong path in Git, a script, a CRD that goes.
// Holds NOTHING-LOST. Pure. People are taken out all the same; what waits is everything that cannot be taken back.

import type { Verdict } from '../api/reasons.ts'
import { annotations } from '../api/names.ts'
import type { EpochMs } from '../api/time.ts'

const windowMs = 600_000
const always = 5
const share = 0.1

export type Deletions = {
  /** When each customer was deleted that is on its way out or just gone. */
  readonly times: readonly EpochMs[]
  /** All customers, these among them. */
  readonly total: number
}

/** More than 5 customers or 10 %, whichever is more, within 10 minutes of which `deletedAt` is one. */
export function isMassDeletion(deletedAt: EpochMs, { times, total }: Deletions): boolean {
  const most = Math.max(always, total * share)
  const near = times.filter((at) => Math.abs(at - deletedAt) < windowMs).toSorted((a, b) => a - b)
  // Each window begins with a deletion, and holds `deletedAt` when it begins at or before it.
  let end = 0
  for (const [first, start] of near.entries()) {
    if (start > deletedAt) break
    while ((near[end] ?? Infinity) < start + windowMs) end += 1
    if (end - first > most) return true
  }
  return false
}

/** Without numbers: they would change with every deletion, and each change is a write. */
export function massDeletion(name: string): Verdict {
  return {
    reason: 'MassDeletion',
    message: `The people of ${name} are out, and nothing else happens yet: many customers were deleted within a few minutes. If that is meant, annotate each with ${annotations.confirmDelete}=<its name>.`,
  }
}
