// What a revocation's time went to: the edit's or the moment's way to the operator, the operator's DELETE, and the way to the first no.
import { nameOf, type Request } from './audit.ts'

/** Access that was taken away by an edit, or by time: then it was sent and written at that moment. */
export type Revocation = {
  /** Epoch ms, as in the audit log. */
  readonly sent: number
  /** The edit was answered; epoch ms. */
  readonly written: number
  /** From then until the first no was answered, in ms. */
  readonly lag: number
}

/** Each in ms after the edit was answered, or the moment. */
export type Trace = {
  readonly deleteReceived: number
  readonly deleteAnswered: number
  readonly denied: number
  /** What else the operator had in flight from the edit on until the DELETE was answered, and for how long, in ms. */
  readonly meanwhile: readonly (readonly [request: string, ms: number])[]
}

/**
 * @param what the DELETE that takes it away, as `nameOf` says it
 * @param namespace of what is deleted; empty for a ClusterRole
 * @param withinMs of the edit's answer, or the moment; later DELETEs end something else
 * @returns `undefined` where the operator sent no such DELETE
 */
export function traceOf(
  { sent, written, lag }: Revocation,
  requests: readonly Request[],
  {
    what,
    namespace = '',
    withinMs = lag,
  }: { readonly what: string; readonly namespace?: string; readonly withinMs?: number },
): Trace | undefined {
  const ending = requests.find(
    (request) =>
      nameOf(request) === what &&
      request.namespace === namespace &&
      request.received >= sent &&
      request.received <= written + withinMs,
  )
  if (!ending) return undefined
  const meanwhile = requests
    .filter((request) => request !== ending)
    .filter(({ received, answered }) => answered >= sent && received <= ending.answered)
    .map((request) => [nameOf(request), request.answered - request.received] as const)
  return {
    deleteReceived: ending.received - written,
    deleteAnswered: ending.answered - written,
    denied: lag,
    meanwhile,
  }
}
