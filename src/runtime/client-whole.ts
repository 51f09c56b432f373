// One answer as a whole. undici's `request` makes a stream of each, which costs a small call as much as everything else about it.

import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'

export type Whole = {
  readonly statusCode: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** Rejects with the signal's reason as soon as it is aborted, also before the call has a connection. */
export function askWhole(
  signal: AbortSignal,
  agent: Dispatcher,
  call: Dispatcher.DispatchOptions,
): Promise<Whole> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    let abort: ((reason: Error) => void) | undefined
    let head: Omit<Whole, 'text'> | undefined
    const chunks: Buffer[] = []
    const giveUp = () => {
      abort?.(signal.reason)
      reject(signal.reason)
    }
    const isOver = () => signal.removeEventListener('abort', giveUp)
    signal.addEventListener('abort', giveUp, { once: true })
    agent.dispatch(call, {
      onRequestStart(controller) {
        if (signal.aborted) controller.abort(signal.reason)
        else abort = (reason) => controller.abort(reason)
      },
      onResponseStart(_, statusCode, headers) {
        head = { statusCode, headers }
      },
      onResponseData(_, chunk) {
        chunks.push(chunk)
      },
      onResponseEnd() {
        isOver()
        if (head) resolve({ ...head, text: textOf(chunks) })
      },
      onResponseError(_, error) {
        isOver()
        reject(error)
      },
    })
  })
}

function textOf(chunks: readonly Buffer[]): string {
  const [only] = chunks
  return (chunks.length === 1 && only ? only : Buffer.concat(chunks)).toString('utf8')
}
