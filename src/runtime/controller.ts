// The loop around a reconciler: takes keys, runs them, and decides what a result or an error leads
// to. It alone retries. A reconciler that throws never takes the process along; one that hangs is
// aborted, and one that does not listen keeps its worker, because two runs of a key at once would be
// worse, but never the stop.

import { randomUUID } from 'node:crypto'
import type { Queue } from './queue.ts'
import { startDeadline, whileWaiting } from './sleep.ts'

/**
 * What a run came to. `done`: until something changes. `again`: after so many ms, for what sends no
 * event. `failed` is a throw whose retry belongs into another lane, because what was urgent is done.
 * A throw is retried with back-off; a `TerminalError` is counted and not retried.
 */
export type Result =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'again'; readonly afterMs: number }
  | { readonly outcome: 'failed'; readonly error: unknown; readonly lane: string }

/** Trying again cannot help: only a change can. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError'
}

export type Run = {
  readonly id: string
  readonly lane: string
  /** Something most urgent has come for this key: the sooner this run ends, the sooner it is done. */
  readonly isOvertaken: () => boolean
}

export type RunResult = 'success' | 'requeue_after' | 'requeue' | 'error' | 'terminal_error'

export type ControllerMetrics = {
  readonly active: (controller: string, workers: number) => void
  readonly finished: (controller: string, result: RunResult, seconds: number) => void
  /** How many runs there can be at once; called when it starts. */
  readonly workers?: (controller: string, workers: number) => void
}

export type ControllerOptions = {
  readonly name: string
  /** Stopped with the controller: nobody else takes from it. */
  readonly queue: Queue
  /** Runs at once; rounded up. */
  readonly workers: number
  readonly reconcile: (signal: AbortSignal, key: string, run: Run) => Promise<Result>
  /** A run that takes longer is aborted and retried, in ms. Default 60,000. */
  readonly timeoutMs?: number
  /** How long running keys may go on after the end was asked for, in ms. Default 10,000. */
  readonly graceMs?: number
  /** How long an aborted run may take to notice, before the stop goes on, in ms. Default 1,000. */
  readonly partingMs?: number
  /** Errors that mean only that the cache was behind: retried and not counted. Default: none. */
  readonly isConflict?: (error: unknown) => boolean
  /** Errors that are as final as a `TerminalError`. Default: none. */
  readonly isTerminal?: (error: unknown) => boolean
  readonly onError?: (key: string, error: unknown, run: Run) => void
  readonly metrics?: ControllerMetrics
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number
}

export class Controller {
  readonly #options: Required<ControllerOptions>
  #active = 0

  constructor(options: ControllerOptions) {
    this.#options = {
      timeoutMs: 60_000,
      graceMs: 10_000,
      partingMs: 1_000,
      isConflict: () => false,
      isTerminal: () => false,
      onError: () => {},
      metrics: { active() {}, finished() {} },
      now: () => performance.now(),
      ...options,
    }
  }

  /** Works until the signal; takes no new key then, and lets running ones end within `graceMs`. */
  async run(signal: AbortSignal): Promise<void> {
    const { name, queue, workers, graceMs, partingMs, metrics } = this.#options
    metrics.workers?.(name, Math.ceil(workers))
    const runs = new AbortController()
    const parting = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const part = () => {
      runs.abort(new Error('The grace of the stop is over.'))
      timer = setTimeout(() => parting.abort(new Error('A run does not listen.')), partingMs)
    }
    const end = () => {
      timer = setTimeout(part, graceMs)
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
    const signals = { takes: signal, runs: runs.signal, parts: parting.signal }
    await Promise.all(Array.from({ length: Math.ceil(workers) }, () => this.#work(signals)))
    clearTimeout(timer)
    queue.stop()
  }

  async #work(signals: Record<'takes' | 'runs' | 'parts', AbortSignal>): Promise<void> {
    const { queue } = this.#options
    for (;;) {
      const taken = await queue.take(signals.takes)
      if (!taken) return
      const isOvertaken = () => queue.comesAgainFirst(taken.key)
      const run: Run = { id: randomUUID().slice(0, 8), lane: taken.lane, isOvertaken }
      try {
        this.#count(1)
        await whileWaiting(signals.parts, this.#runOnce(signals.runs, taken.key, run))
      } catch (error) {
        this.#report(taken.key, error, run)
      } finally {
        queue.done(taken.key)
        this.#count(-1)
      }
    }
  }

  async #runOnce(runs: AbortSignal, key: string, run: Run): Promise<void> {
    const { queue, name, reconcile, timeoutMs, metrics, now } = this.#options
    const begun = now()
    const finished = (result: RunResult) => metrics.finished(name, result, (now() - begun) / 1000)
    const late = () => new Error(`The run of ${key} took longer than ${timeoutMs} ms.`)
    using deadline = startDeadline(runs, timeoutMs, late)
    try {
      const result = await reconcile(deadline.signal, key, run)
      if (result.outcome === 'failed') {
        return finished(this.#decide(key, result.error, { ...run, lane: result.lane }))
      }
      if (result.outcome === 'again') queue.addAfter(key, run.lane, result.afterMs)
      queue.forget(key)
      return finished(result.outcome === 'again' ? 'requeue_after' : 'success')
    } catch (error) {
      if (runs.aborted) return
      finished(this.#decide(key, error, run))
    }
  }

  #decide(key: string, error: unknown, run: Run): RunResult {
    const { queue, isConflict, isTerminal } = this.#options
    if (error instanceof TerminalError || isTerminal(error)) {
      queue.forget(key)
      this.#report(key, error, run)
      return 'terminal_error'
    }
    queue.retry(key, run.lane)
    if (isConflict(error)) return 'requeue'
    this.#report(key, error, run)
    return 'error'
  }

  #report(key: string, error: unknown, run: Run): void {
    try {
      this.#options.onError(key, error, run)
    } catch {
      // A log that fails must not end the loop; the metric counts the error all the same.
    }
  }

  #count(change: 1 | -1): void {
    this.#active += change
    this.#options.metrics.active(this.#options.name, this.#active)
  }
}
