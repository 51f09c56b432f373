// Who the operator is to the API server, and how far its clock is from the server's.

import { apiVersionOf, resources, type Subject } from '../api/resources.ts'
import { sleep, type Client } from '../runtime/index.ts'

/** The operator as the API server knows it, asked once. */
export function whoAmI(client: Client): (signal: AbortSignal) => Promise<Subject> {
  let known: Subject | undefined
  return async (signal) => {
    if (known) return known
    const review = {
      apiVersion: apiVersionOf(resources.selfReviews),
      kind: resources.selfReviews.kind,
    }
    const { status } = await client.create(signal, resources.selfReviews, review)
    const name = status?.userInfo?.username
    if (name === undefined) throw new Error('The API server does not say who the operator is.')
    known = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }
    return known
  }
}

const lookAtSkewMs = 10_000

/** A step of the skew moves every window, so everything is looked at anew. */
export async function watchSkew(
  signal: AbortSignal,
  read: () => number,
  onStep: (skewMs: number) => void,
): Promise<void> {
  let known = 0
  while (!signal.aborted) {
    const skewMs = read()
    if (skewMs !== known) onStep(skewMs)
    known = skewMs
    await sleep(signal, lookAtSkewMs).catch(() => {})
  }
}
