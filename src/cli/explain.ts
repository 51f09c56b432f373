// Why each person may enter a customer, or may not, in words. The decision is the operator's own.

import { access, type Access } from '../access/access.ts'
import { ancestryIn, knownAbout, type Directory } from '../access/facts.ts'
import { formatTime, type EpochMs } from '../api/time.ts'

export type Explained = {
  readonly person: string
  readonly as: string
  readonly may: 'Enter' | 'Later' | 'Not'
  readonly when: string
  readonly why: string
}

/** @throws RangeError when there is no such customer */
export function explain(
  directory: Directory,
  customer: string,
  now: EpochMs,
): readonly Explained[] {
  const object = directory.customer(customer)
  if (!object) {
    throw new RangeError(
      `There is no customer ${customer} in these manifests. Add its file with -f.`,
    )
  }
  const ancestry = ancestryIn(directory, customer)
  const decided = access(knownAbout(directory, object), now)
  if (ancestry.outcome === 'found') return linesOf(decided)
  // A customer whose parents cannot be followed is not open to anybody.
  return linesOf(decided).map((line) => ({
    ...line,
    may: 'Not',
    when: '',
    why: `${ancestry.why.reason}: ${ancestry.why.message}`,
  }))
}

/** Everybody who is named anywhere, and what each may. */
export function linesOf({ own, ancestors, technicians }: Access): readonly Explained[] {
  return [
    ...own.map((person): Explained => {
      if (person.may === 'Not') return refused(person.person, 'own person', person.why)
      return entering(person.person, person.role, 'open')
    }),
    ...ancestors.map((person) => entering(person, 'Admin of a parent', 'open')),
    ...technicians.map((technician): Explained => {
      const as = `technician ${technician.scope}`
      switch (technician.may) {
        case 'Enter':
          return entering(technician.person, as, technician.until)
        case 'Later':
          return {
            person: technician.person,
            as,
            may: 'Later',
            when: `from ${formatTime(technician.from)}`,
            why: 'Scheduled: the window has not begun.',
          }
        case 'Not':
          return refused(technician.person, as, technician.why)
      }
    }),
  ]
}

function entering(person: string, as: string, until: EpochMs | 'open'): Explained {
  const when = until === 'open' ? '' : `until ${formatTime(until)}`
  return { person, as, may: 'Enter', when, why: '' }
}

function refused(person: string, as: string, why: { reason: string; message: string }): Explained {
  return { person, as, may: 'Not', when: '', why: `${why.reason}: ${why.message}` }
}

/** Columns for a terminal. */
export function tableOf(lines: readonly Explained[]): string {
  const rows = [
    ['PERSON', 'AS', 'MAY', 'WHEN', 'WHY'],
    ...lines.map(({ person, as, may, when, why }) => [person, as, may, when, why]),
  ]
  const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
