// Asks the API server who may enter a customer's namespace, as the plan's questions say. Holds PROVEN.
// An authorizer is a few milliseconds behind what was just written: no reason yet to write into status that anything is wrong.

import { sleep, type AccessAnswers } from '../runtime/index.ts'
import type { Plan } from './plan.ts'
import type { Question } from './plan-questions.ts'
import type { Ports } from './ports.ts'

/** So often an answer may be that of a cache which is behind: 70 ms. */
const missesOfLateCache = 3
/** How long somebody more urgent waits for us at most, in ms. */
const sliceMs = 10

export async function ask(
  signal: AbortSignal,
  { reviews }: Ports,
  { namespace, questions }: Plan,
  isYielding: () => boolean,
): Promise<AccessAnswers<Question>> {
  for (;;) {
    const answers = await reviews.ask(signal, namespace, questions)
    const isSettled = answers.open.length === 0 || answers.misses > missesOfLateCache
    if (isSettled || isYielding()) return answers
    for (let waitedMs = 0; waitedMs < answers.askAgainMs && !isYielding(); waitedMs += sliceMs) {
      await sleep(signal, sliceMs)
    }
  }
}
