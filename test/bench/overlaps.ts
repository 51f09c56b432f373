// Whether two were in at once, from what two probers were answered.
import type { Sample } from '../support/prober.ts'

export type HandOver = {
  /** Index of whose prober: who is to be let in. */
  readonly to: number
  /** Before it was written, epoch ms; in order. */
  readonly begun: number
}

/**
 * In how many hand-overs the one who leaves was told yes again after the one who comes. A yes that comes so late that the next
 * hand-over has begun counts in that one, as does whatever else breaks the order there: each counts once at most.
 */
export function countOverlaps(
  answers: readonly (readonly Sample[])[],
  handOvers: readonly HandOver[],
): number {
  const yeses = answers.map((samples) =>
    samples.filter(({ allowed }) => allowed).map(({ at }) => at),
  )
  const isOverlap = ({ to, begun }: HandOver, index: number) => {
    const next = handOvers[index + 1]?.begun ?? Infinity
    const within = (at: number) => at >= begun && at < next
    const first = yeses[to]?.find(within) ?? Infinity
    return yeses.some((times, who) => who !== to && times.some((at) => within(at) && at >= first))
  }
  return handOvers.filter(isOverlap).length
}
