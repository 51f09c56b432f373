// What came of a run, for the terminal, for the page in docs/performance and for whoever reads JSON. Pure.
import { field } from '../support/world.ts'
import type { Figure, Findings } from './bench.ts'
import { goals, isMissed } from './goals.ts'
import type { Machine } from './machine.ts'
import { ceilings, modelOf, scaleOf, type Model, type SizePoint } from './model.ts'

export type Outcome =
  | ({ readonly outcome: 'measured' } & Findings)
  | { readonly outcome: 'failed'; readonly why: string }

export type PhaseResult = Outcome & {
  readonly phase: string
  readonly seconds: number
  /** What is not as the page's head says: the phase was measured anew by a later run. */
  readonly otherwise?: Machine
}

export type Results = {
  readonly machine: Machine
  readonly how: 'full' | 'quick'
  readonly phases: readonly PhaseResult[]
  readonly model: Model | undefined
}

const sizesOfScale = [10_000, 100_000, 1_000_000]

/** @returns `undefined` for what is no full run's `bench.json` */
export function parseResults(json: string): Results | undefined {
  // A figure that was not measured is written as null.
  const value: unknown = JSON.parse(json, (_, each: unknown) => (each === null ? NaN : each))
  return isFullRun(value) ? value : undefined
}

function isFullRun(value: unknown): value is Results {
  return field(value, 'how') === 'full' && Array.isArray(field(value, 'phases'))
}

/** The phases of a run take the place of a full run's, and each says what was not as it was then. */
export function renewed(full: Results, { machine, phases }: Results): Results {
  const otherwise = Object.fromEntries(
    Object.entries(machine).filter(([name, value]) => full.machine[name] !== value),
  )
  const all = full.phases.map((before) => {
    const now = phases.find(({ phase }) => phase === before.phase)
    return now ? { ...now, otherwise } : before
  })
  return { ...full, phases: all, model: modelIn(all) }
}

/** The model, when the run has seen enough sizes. */
export function modelIn(phases: readonly PhaseResult[]): Model | undefined {
  const growth = phases.find(({ phase }) => phase === 'growth')
  if (growth?.outcome !== 'measured') return undefined
  const points = growth.details['points']
  return isPoints(points) && points.length >= 3 ? modelOf(points) : undefined
}

/** They went into `details` as such; there they are anything. */
function isPoints(value: unknown): value is readonly SizePoint[] {
  return Array.isArray(value)
}

export function missedIn({ phases }: Pick<Results, 'phases'>): readonly Figure[] {
  return phases
    .flatMap((phase) => (phase.outcome === 'measured' ? phase.figures : []))
    .filter(({ goal, value }) => goal !== undefined && isMissed(goal, value))
}

export function shown(value: number): string {
  if (Number.isNaN(value)) return '–'
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toFixed(digits)
}

type Row = readonly [
  what: string,
  value: string,
  bare: string,
  ratio: string,
  goal: string,
  verdict: string,
]

function rowOf({ what, value, unit, bare, goal }: Figure): Row {
  const withUnit = (number: number) => `${shown(number)} ${unit}`.trim()
  return [
    what,
    withUnit(value),
    bare === undefined ? '' : withUnit(bare),
    bare === undefined ? '' : shown(value / bare),
    goal === undefined ? '' : goals[goal].says,
    goal === undefined ? '' : isMissed(goal, value) ? 'missed' : 'met',
  ]
}

const heads: Row = ['', 'Tenantry', 'bare', 'ratio', 'goal', '']

export function terminalTable(figures: readonly Figure[]): string {
  const rows = [heads, ...figures.map(rowOf)]
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0
          return column === 0 || column > 3 ? cell.padEnd(width) : cell.padStart(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The page that a full run leaves in docs/performance. */
export function resultsPage(results: Results): string {
  const { machine, phases, model } = results
  const missed = missedIn(results)
  return [
    '<!-- Made by `npm run bench`; what is written here by hand is lost by the next run. -->',
    '',
    '# What the benchmark measured',
    '',
    'How it is measured, and how to read it: [method.md](method.md). Compare ratios, not rates: *bare* is a client that sent the',
    'same writes to the same servers in the same run.',
    '',
    ...markdown(
      ['Machine', ''],
      Object.entries(machine).map(([name, value]) => [name, value]),
    ),
    '',
    missed.length === 0 ? 'Every goal is met.' : `Goals missed: ${missed.length}.`,
    ...missed.map(({ what, value, unit, goal }) => {
      return `- **${what}**: ${shown(value)} ${unit}`.trim() + `, goal ${goal && goals[goal].says}`
    }),
    '',
    '![Onboarding](onboarding.svg)',
    '![Revocation](revocation.svg)',
    '![Memory](memory.svg)',
    ...phases.flatMap((phase) => [
      '',
      `## ${phase.phase}, ${Math.round(phase.seconds)} s`,
      '',
      ...renewalOf(phase),
      ...(phase.outcome === 'failed'
        ? [`Not measured: ${phase.why}`]
        : markdown(heads, phase.figures.map(rowOf))),
    ]),
    ...(model ? ['', ...scaleSection(model)] : []),
    '',
  ].join('\n')
}

function renewalOf({ otherwise }: PhaseResult): readonly string[] {
  if (!otherwise) return []
  const what = Object.entries(otherwise).map(([name, value]) => `${name} ${value}`)
  return [`Measured anew by a run of its own: ${what.join(', ') || 'all else the same'}.`, '']
}

function scaleSection(model: Model): readonly string[] {
  const table = sizesOfScale.map((customers) => {
    const scale = scaleOf(model, customers)
    return [
      shown(customers),
      shown(scale.clusters),
      shown(scale.postgresServers),
      `${shown(scale.operatorMiB)} MiB`,
      `${shown(scale.apiserverMiB)} MiB`,
      `${shown(scale.postgresGiB)} GiB`,
      `${shown(scale.onboardingMinutes)} min`,
    ]
  })
  return [
    '## Scale on paper',
    '',
    'Lines fitted to the sizes of the growth phase but the last, and asked for the last.',
    '',
    ...markdown(
      ['', 'for none', 'for 1,000 more', 'asked for', 'predicted', 'measured', 'off by'],
      model.checks.map(({ what, unit, line, at, predicted, measured, error }) => [
        what,
        `${shown(line.base)} ${unit}`,
        `${shown(line.perCustomer * 1000)} ${unit}`,
        shown(at),
        `${shown(predicted)} ${unit}`,
        `${shown(measured)} ${unit}`,
        `${shown(100 * error)} %`,
      ]),
    ),
    '',
    `What follows from them with ${shown(ceilings.customersPerCluster)} customers per cluster and ${shown(ceilings.databasesPerServer)} databases per server; memory is that of one operator and one API server in a full cluster, time is for two cores per cluster. Where each ceiling comes from and what lies beyond: [scale.md](scale.md).`,
    '',
    ...markdown(
      [
        'customers',
        'clusters',
        'PostgreSQL servers',
        'operator',
        'API server',
        'databases, empty',
        'onboarding',
      ],
      table,
    ),
  ]
}

function markdown(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|')
}
