// How long a broken watch waits before it dials again. The figures are client-go's
// (tools/cache/reflector.go); the jitter keeps a fleet from coming back in step.

export type BackoffOptions = {
  /** First delay, in ms; doubles per failure. Default 800. */
  readonly firstMs?: number
  /** Longest delay, in ms. Default 30,000. */
  readonly maxMs?: number
  /** After this long without a failure, in ms, it starts at `firstMs` again. Default 120,000. */
  readonly resetAfterMs?: number
  /** Monotonic milliseconds; wall clocks jump. Default `performance.now`. */
  readonly now?: () => number
  /** In [0, 1); spreads a fleet. Default `Math.random`. */
  readonly random?: () => number
}

const defaults: Required<BackoffOptions> = {
  firstMs: 800,
  maxMs: 30_000,
  resetAfterMs: 120_000,
  now: () => performance.now(),
  random: Math.random,
}

/** Each call gives the next delay, in ms. The caller sleeps, with its signal. */
export function backoff(options: BackoffOptions = {}): () => number {
  const { firstMs, maxMs, resetAfterMs, now, random } = { ...defaults, ...options }
  let failures = 0
  let lastFailure = -Infinity
  return () => {
    if (now() - lastFailure > resetAfterMs) failures = 0
    lastFailure = now()
    return (Math.min(maxMs, firstMs * 2 ** Math.min(failures++, 40)) * (1 + random())) / 2
  }
}
