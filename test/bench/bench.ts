// What a phase gets and what it gives back. One phase has one subject and one file.
import type { GoalName } from './goals.ts'
import type { Recording } from './recording.ts'
import type { BenchWorld } from './world.ts'
import type { Shape } from './customers.ts'

export type Sizes = {
  /** Customers whose writes are taken down, of each shape: the one that took the fewest is the plan. */
  readonly recorded: number
  /** Pairs of blocks, ours and bare in turns. */
  readonly blocks: number
  /** Customers of one block, without and with a database. */
  readonly block: Readonly<Record<Shape, number>>
  /** Customers that come one by one. */
  readonly paced: number
  readonly drifts: number
  /** Revocations one by one, idle and under load each. */
  readonly revocations: number
  readonly handOvers: number
  readonly sessions: number
  readonly deletions: number
  /** How many customers there are when memory is looked at; the last is how far it grows. */
  readonly steps: readonly number[]
  /** Growth stops here, however far it came. */
  readonly growMs: number
  /** Customers of one partner whose access ends at one instant. */
  readonly atOnce: number
  readonly idleMs: number
}

export type Bench = {
  readonly signal: AbortSignal
  readonly sizes: Sizes
  readonly world: BenchWorld
  readonly recordings: Readonly<Partial<Record<Shape, Recording>>> | undefined
  /** Progress, for whoever waits at the terminal. */
  readonly say: (line: string) => void
}

export type Figure = {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** The same of the bare client in the same run. */
  readonly bare?: number
  readonly goal?: GoalName
}

export type Findings = {
  readonly figures: readonly Figure[]
  /** Everything that was measured, for the JSON and the charts. */
  readonly details: Readonly<Record<string, unknown>>
}

export type Phase = {
  readonly name: string
  /** `small`: few customers, databases, a bare client. `large`: as many customers as there shall be, no databases. */
  readonly world: 'small' | 'large'
  run(bench: Bench): Promise<Findings>
}
