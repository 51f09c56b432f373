// Which devices are shown: a text in id, name or model, and labels as kubectl's -l has them. Pure. What the
// registry can find by an index it is asked for; the rest is left out here, by the same rule for all sources.

import { Failure } from './failures.ts'

export type Device = {
  readonly device: string
  readonly name: string
  readonly model: string
  readonly customer: string
  readonly state: string
  readonly reason: string
  readonly labels: Readonly<Record<string, string>>
}

export type Filter = {
  readonly fits: (device: Device) => boolean
  /** What every device that fits has. */
  readonly labels: Readonly<Record<string, string>>
  readonly text: string
}

export function filterOf(selector = '', text = ''): Filter {
  const terms = selector
    .split(',')
    .filter((term) => term !== '')
    .map(termOf)
  const wanted = text.toLowerCase()
  return {
    text,
    labels: Object.fromEntries(terms.flatMap(({ equals }) => (equals ? [equals] : []))),
    fits: (device) =>
      terms.every(({ fits }) => fits(device.labels)) &&
      [device.device, device.name, device.model].some((cell) =>
        cell.toLowerCase().includes(wanted),
      ),
  }
}

type Labels = Device['labels']
type Term = {
  readonly fits: (labels: Labels) => boolean
  readonly equals?: readonly [string, string]
}

/** `key`, `!key`, `key=value`, `key!=value`. */
function termOf(term: string): Term {
  const [, not = '', key = '', operator, value = ''] =
    /^(!?)([\w./-]+)(?:(!=|==?)([\w.-]*))?$/.exec(term.trim()) ?? []
  if (key === '' || (not !== '' && operator !== undefined)) {
    throw new Failure(
      'WRONG_USE',
      `-l ${term} is no selector. Write key=value, key!=value, key or !key.`,
    )
  }
  if (operator === undefined) return { fits: (labels) => key in labels === (not === '') }
  if (operator === '!=') return { fits: (labels) => labels[key] !== value }
  return { fits: (labels) => labels[key] === value, equals: [key, value] }
}
