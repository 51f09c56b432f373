// What the commands' definitions share: their options, how each is added, and how it is run.

import type { Command } from 'commander'
import type { CommonOptions, Session } from './session.ts'

/** Of all commands; commander refuses what a command does not have. */
export type Options = CommonOptions & {
  readonly all?: boolean
  readonly asMe?: boolean
  readonly customer?: string
  readonly databaseLogin?: boolean
  readonly dataPolicy?: 'Retain' | 'Migrate' | 'Purge'
  readonly encoding?: string
  readonly file?: string
  readonly for?: string
  readonly from?: string
  readonly maxScope?: 'Full' | 'ReadOnly'
  readonly none?: boolean
  readonly printEnv?: boolean
  readonly reason?: string
  readonly role?: string
  readonly scope?: 'Full' | 'ReadOnly'
  readonly selector?: string
  readonly skipBroken?: boolean
  readonly sku?: string
  readonly systemNamespace?: string
  readonly technician?: readonly string[]
  readonly timeout?: string
  readonly to?: string
  readonly until?: string
  readonly wait?: boolean
  readonly yes?: boolean
}

export type Work = (session: Session, options: Options, args: readonly string[]) => Promise<void>

export type Described = { readonly name: string; readonly says: string; readonly scope: string }

export type Building = {
  readonly add: (parent: Command, described: Described) => Command
  readonly online: (work: Work) => (...given: readonly unknown[]) => Promise<void>
}

/** For an option that may be repeated. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}
