// Time as the code speaks of it: milliseconds since the epoch, UTC. Nothing here reads a clock.

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number

/** A moment, or `'open'`: no end. */
export type End = EpochMs | 'open'

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/

/**
 * Reads an RFC 3339 time with an offset. What it cannot read is `undefined`: the caller objects,
 * since a window that nobody can read must give nothing.
 *
 * @example parseTime('2026-12-01T08:00:00+01:00') // 1796108400000
 */
export function parseTime(text: string): EpochMs | undefined {
  if (!rfc3339.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

/** RFC 3339 in UTC with whole seconds, as Kubernetes writes `metav1.Time`; rounds down. */
export function formatTime(time: EpochMs): string {
  return new Date(Math.floor(time / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}

/** The earlier of two ends. */
export function earlier(a: End, b: End): End {
  if (a === 'open') return b
  if (b === 'open') return a
  return Math.min(a, b)
}

/** The first of the moments that are known. */
export function earliestOf(moments: readonly (EpochMs | undefined)[]): EpochMs | undefined {
  return moments.reduce<EpochMs | undefined>(
    (first, at) => (at === undefined || (first !== undefined && first <= at) ? first : at),
    undefined,
  )
}

const secondsIn = new Map([
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
])

/**
 * Seconds of a duration as the CRDs allow it.
 *
 * @throws RangeError when it is none
 * @example parseDuration('1h30m') // 5400
 */
export function parseDuration(text: string): number {
  if (!/^([0-9]+[hms])+$/.test(text)) throw new RangeError(`Not a duration: ${text}`)
  return [...text.matchAll(/([0-9]+)([hms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (secondsIn.get(unit ?? '') ?? 0),
    0,
  )
}

const tolerableSkewMs = 5_000
const skewStepMs = 10_000

/**
 * How much of a difference between two clocks is acted upon: none up to 5 s, and then the next full 10 s. In steps, so that a clock that drifts does not move every end at every look.
 *
 * @param skewMs the other clock minus ours; `undefined` while it is not known
 */
export function countedSkew(skewMs: number | undefined): number {
  if (skewMs === undefined || Math.abs(skewMs) <= tolerableSkewMs) return 0
  return Math.sign(skewMs) * Math.ceil(Math.abs(skewMs) / skewStepMs) * skewStepMs
}
