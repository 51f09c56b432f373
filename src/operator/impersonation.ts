// Whether the cluster knows constrained impersonation. No version tells it, since it can be switched off: so the operator acts,
// by that right alone, as somebody who does not exist, and asks who it is. Holds PROVEN.

import { apiVersionOf, resources } from '../api/resources.ts'
import { isForbidden, sleep, type Client } from '../runtime/index.ts'

/** Whom the operator acts as; nobody signs in by that name. */
export const nobody = 'tenantry:nobody'

const retryMs = 1_000
/** A cluster that is upgraded is noticed. */
const askAgainMs = 3_600_000

export type Offer = {
  /** Before the first answer nobody should be judged. */
  readonly known: Promise<void>
  readonly isMissing: () => boolean
  readonly stopped: Promise<void>
}

/** @param asNobody a client whose every request acts as `nobody` */
export function watchImpersonation(
  signal: AbortSignal,
  asNobody: Client,
  { onChange, onFailure }: { onChange: () => void; onFailure: (error: unknown) => void },
): Offer {
  const first = Promise.withResolvers<void>()
  let isOffered: boolean | undefined
  async function watch(): Promise<void> {
    while (!signal.aborted) {
      const answer = await ask(signal, asNobody).catch((error: unknown) => {
        if (!signal.aborted) onFailure(error)
      })
      const isNews = isOffered !== undefined && answer !== undefined && answer !== isOffered
      isOffered = answer ?? isOffered
      if (isNews) onChange()
      if (isOffered !== undefined) first.resolve()
      await sleep(signal, answer === undefined ? retryMs : askAgainMs).catch(() => {})
    }
    first.resolve()
  }
  return { known: first.promise, isMissing: () => isOffered !== true, stopped: watch() }
}

async function ask(signal: AbortSignal, asNobody: Client): Promise<boolean> {
  const review = {
    apiVersion: apiVersionOf(resources.selfReviews),
    kind: resources.selfReviews.kind,
  }
  try {
    const { status } = await asNobody.create(signal, resources.selfReviews, review)
    return status?.userInfo?.username === nobody
  } catch (error) {
    if (isForbidden(error)) return false
    throw error
  }
}
