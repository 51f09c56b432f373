// Asks the API server what a person may do in a namespace, and remembers what it has answered.
// A written binding is no proof: an authorizer has caches, and somebody else may have bound the
// person too. Only what changed is asked again; an answer that is not the expected one always is.

import type { Client } from './client.ts'
import type { ResourceOf } from './object.ts'

export type AccessQuestion = {
  readonly person: string
  readonly groups?: readonly string[]
  /** Default: that of the options. */
  readonly verb?: string
  readonly expected: boolean
}

export type AccessAnswers<Q extends AccessQuestion> = {
  /** Questions whose answer is not the expected one. */
  readonly open: readonly Q[]
  /** How often one of them was answered so, at most. A cache that is behind needs few. */
  readonly misses: number
  /** How long to wait before asking again, in ms, when some are open. */
  readonly askAgainMs: number
}

export type AccessReviewsOptions = {
  /** What is asked about: an action that everybody who is let in has. */
  readonly attributes: {
    readonly verb: string
    readonly version: string
    readonly resource: string
  }
  /** First wait before an open question is asked again, in ms; doubles per miss. Default 5. */
  readonly firstWaitMs?: number
  /** Longest wait, in ms. Default 60,000. */
  readonly longestWaitMs?: number
}

type Answer = { readonly allowed: boolean; readonly misses: number }

type SubjectAccessReview = { readonly status?: { readonly allowed?: boolean } }

const reviews: ResourceOf<SubjectAccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  namespaced: false,
}

export class AccessReviews {
  readonly #client: Pick<Client, 'create'>
  readonly #options: Required<AccessReviewsOptions>
  readonly #answered = new Map<string, Map<string, Answer>>()

  constructor(client: Pick<Client, 'create'>, options: AccessReviewsOptions) {
    this.#client = client
    this.#options = { firstWaitMs: 5, longestWaitMs: 60_000, ...options }
  }

  async ask<Q extends AccessQuestion>(
    signal: AbortSignal,
    namespace: string,
    questions: readonly Q[],
  ): Promise<AccessAnswers<Q>> {
    const known = this.#answered.get(namespace) ?? new Map<string, Answer>()
    this.#answered.set(namespace, known)
    const isOpen = (question: Q) => known.get(keyOf(question))?.allowed !== question.expected
    await Promise.all(
      questions.filter(isOpen).map(async (question) => {
        const { expected } = question
        const key = keyOf(question)
        const allowed = await this.#mayAct(signal, namespace, question)
        const before = known.get(key)?.misses ?? 0
        known.set(key, { allowed, misses: allowed === expected ? 0 : before + 1 })
      }),
    )
    const open = questions.filter(isOpen)
    const misses = Math.max(0, ...open.map((question) => known.get(keyOf(question))?.misses ?? 0))
    const { firstWaitMs, longestWaitMs } = this.#options
    return { open, misses, askAgainMs: Math.min(longestWaitMs, firstWaitMs * 2 ** misses) }
  }

  /** A binding changed: what was answered about the namespace proves nothing any more. */
  forget(namespace: string): void {
    this.#answered.delete(namespace)
  }

  async #mayAct(
    signal: AbortSignal,
    namespace: string,
    { person, groups = [], verb = this.#options.attributes.verb }: AccessQuestion,
  ): Promise<boolean> {
    const resourceAttributes = { namespace, ...this.#options.attributes, verb }
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: { user: person, groups, resourceAttributes },
    }
    const answer = await this.#client.create(signal, reviews, review)
    return answer.status?.allowed === true
  }
}

function keyOf({ person, verb = '' }: AccessQuestion): string {
  return `${verb} ${person}`
}
