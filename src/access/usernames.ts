// Whose pattern fits a user name, and whose patterns overlap. Holds ONE-HOME.
// Two prefixes overlap when one begins the other, two suffixes when one ends the other: a name
// that fits both would belong to two organizations. The later organization gets nothing.

import type { EpochMs } from '../api/time.ts'
import { sameOrganization, type OrganizationRef } from './organization.ts'

export type Pattern = {
  readonly organization: OrganizationRef
  readonly since: EpochMs
  readonly uid: string
  readonly prefix: string
  readonly suffix: string
}

type Patterns = {
  /** Organizations whose pattern fits the name, in no particular order. */
  readonly fitting: (name: string) => readonly OrganizationRef[]
  /** True when an older organization's pattern overlaps this one's. */
  readonly isLater: (organization: OrganizationRef) => boolean
}

/** Looks up by every beginning and ending of a name: its cost does not grow with organizations. */
export function patternsOf(patterns: readonly Pattern[]): Patterns {
  const byPrefix = groupBy(patterns, (pattern) => pattern.prefix)
  const bySuffix = groupBy(patterns, (pattern) => pattern.suffix)
  const later = new Set<string>()
  for (const pattern of patterns) {
    const rivals = [
      ...overlapping(byPrefix, beginnings(pattern.prefix)),
      ...overlapping(bySuffix, endings(pattern.suffix)),
    ]
    for (const rival of rivals) {
      if (sameOrganization(rival.organization, pattern.organization)) continue
      later.add(idOf(isOlder(rival, pattern) ? pattern.organization : rival.organization))
    }
  }
  return {
    fitting: (name) => [
      ...overlapping(byPrefix, beginnings(name))
        .filter(({ suffix }) => name.endsWith(suffix))
        .map(({ organization }) => organization),
      ...overlapping(bySuffix, endings(name))
        .filter(({ prefix }) => prefix === '')
        .map(({ organization }) => organization),
    ],
    isLater: (organization) => later.has(idOf(organization)),
  }
}

function overlapping(
  index: ReadonlyMap<string, readonly Pattern[]>,
  parts: readonly string[],
): readonly Pattern[] {
  return parts.flatMap((part) => index.get(part) ?? [])
}

function beginnings(text: string): readonly string[] {
  return Array.from({ length: text.length }, (_, at) => text.slice(0, at + 1))
}

function endings(text: string): readonly string[] {
  return Array.from({ length: text.length }, (_, at) => text.slice(at))
}

function isOlder(a: Pattern, b: Pattern): boolean {
  return a.since < b.since || (a.since === b.since && a.uid < b.uid)
}

function idOf(organization: OrganizationRef): string {
  return `${organization.kind}/${organization.name}`
}

function groupBy(
  patterns: readonly Pattern[],
  keyOf: (pattern: Pattern) => string,
): ReadonlyMap<string, readonly Pattern[]> {
  const groups = new Map<string, Pattern[]>()
  for (const pattern of patterns) {
    const key = keyOf(pattern)
    if (key === '') continue
    const group = groups.get(key)
    if (group) group.push(pattern)
    else groups.set(key, [pattern])
  }
  return groups
}
