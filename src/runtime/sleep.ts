// Waiting that a signal ends: a pause, and a deadline around a call.
// AbortSignal.any and AbortSignal.timeout would leave a timer and a reference per call on a signal
// that lives as long as the process; a deadline here is taken down when the call ends.

import { setTimeout as pause } from 'node:timers/promises'

/** Rejects when the signal is aborted. */
export type Sleep = (signal: AbortSignal, ms: number) => Promise<void>

export const sleep: Sleep = async (signal, ms) => {
  await pause(ms, undefined, { signal })
}

export type Deadline = Disposable & {
  readonly signal: AbortSignal
  /** Starts the time anew: something came. */
  renew(): void
  /** Time is up, or the caller's signal was aborted; the first of both is the reason. */
  readonly passed: boolean
}

/** A signal that is aborted with the parent, or after `ms` with the error that `reason` makes. */
export function startDeadline(parent: AbortSignal, ms: number, reason: () => Error): Deadline {
  const controller = new AbortController()
  let passed = false
  const follow = () => controller.abort(parent.reason)
  const timer = setTimeout(() => {
    passed = !controller.signal.aborted
    controller.abort(reason())
  }, ms)
  if (parent.aborted) follow()
  else parent.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    renew: () => void timer.refresh(),
    get passed() {
      return passed
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
      parent.removeEventListener('abort', follow)
    },
  }
}

/** Gives up waiting when the signal is aborted; what others wait for too goes on. */
export function whileWaiting<T>(signal: AbortSignal, shared: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason)
    if (signal.aborted) return giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    void shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
  })
}
