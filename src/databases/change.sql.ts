// One thing that differs and the statement that puts it right: what plans are made of, whatever they are about.
import { escapeIdentifier as id } from 'pg'
import type { End } from '../api/time.ts'
import type { ApplicationRole } from './names.ts'

export type DatabaseSpec = {
  readonly customerUid: string
  readonly connectionLimit: number
  readonly extensions: readonly string[]
  /** How long the other login of a pair, which no Secret names any more, still works. Left out: it is shut. */
  readonly graces?: Readonly<Partial<Record<ApplicationRole, End>>>
}

export type Change = {
  /** What is not as it should be, for a condition; object names only, and never a value. */
  readonly what: string
  readonly sql: string
}

export type Right = { readonly role: string; readonly right: string }

/**
 * What turns the rights that were found into those that are wanted.
 *
 * @param found `<role>:<privilege>`, with `*` when it may be handed on; PUBLIC is the empty name
 */
export function difference(
  wanted: readonly Right[],
  found: readonly string[],
  on: string,
): readonly Change[] {
  const keys = new Set(wanted.map(({ role, right }) => `${role}:${right}`))
  const roleOf = (key: string) => key.slice(0, key.lastIndexOf(':'))
  const tooMuch = found.filter((key) => !keys.has(key))
  const strangers = [...new Set(tooMuch.map(roleOf))]
  // All of a role that has something too much, then its own again: CASCADE, because it may have handed it on.
  const revokes = strangers.map((role) => {
    const rights = tooMuch.filter((key) => roleOf(key) === role).map((key) => key.split(':')[1])
    return {
      what: `${role || 'PUBLIC'} has ${rights.join(', ')} on ${on}`,
      sql: `REVOKE ALL ON ${on} FROM ${role === '' ? 'PUBLIC' : id(role)} CASCADE`,
    }
  })
  const grants = wanted
    .filter(({ role, right }) => strangers.includes(role) || !found.includes(`${role}:${right}`))
    .map(({ role, right }) => ({
      what: `${role} lacks ${right} on ${on}`,
      sql: `GRANT ${right} ON ${on} TO ${id(role)}`,
    }))
  return [...revokes, ...grants]
}
