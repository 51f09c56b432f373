// Which charts a run leaves: onboarding, revocation, memory. Each only when its phase was measured. Pure.
import type { PhaseResult } from './results.ts'
import { distribution, drawChart, type Series } from './chart.ts'
import { field } from '../support/world.ts'

export function chartsOf(phases: readonly PhaseResult[]): Readonly<Record<string, string>> {
  const details = (name: string): unknown => {
    const phase = phases.find((each) => each.phase === name)
    return phase?.outcome === 'measured' ? phase.details : undefined
  }
  return Object.fromEntries(
    [
      ['onboarding.svg', onboarding(details('onboarding'), details('onboarding-databases'))],
      ['revocation.svg', revocation(details('revocation'))],
      ['memory.svg', memory(details('growth'))],
    ].filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

function onboarding(plain: unknown, database: unknown): string | undefined {
  const rates = (name: string, blocks: unknown): Series => ({
    name,
    points: list(blocks).map((block, index) => [index + 1, Number(field(block, 'perSecond'))]),
  })
  const series = [
    rates('Tenantry', field(plain, 'ours')),
    rates('bare client', field(plain, 'bare')),
    rates('… with database', field(database, 'ours')),
    rates('bare, with database', field(database, 'bare')),
  ].filter(({ points }) => points.length > 0)
  if (series.length === 0) return undefined
  const title = 'Customers onboarded, in turns with a bare client that writes the same'
  return drawChart({ title, x: 'block', y: 'customers per second', series })
}

function revocation(details: unknown): string | undefined {
  const lags = (name: string, ...path: readonly string[]) =>
    distribution(name, list(field(details, ...path)).map(Number))
  const series = [
    lags('grant edited', 'idle', 'edited'),
    lags('bare deletion', 'idle', 'bare'),
    lags('grant edited, load', 'loaded', 'edited'),
    lags('bare deletion, load', 'loaded', 'bare'),
  ].filter(({ points }) => points.length > 0)
  if (series.length === 0) return undefined
  const title = 'Revocation: from the write to the first no'
  return drawChart({ title, x: 'ms', y: '% denied by then', xScale: 'log', series })
}

function memory(details: unknown): string | undefined {
  const points = list(field(details, 'points'))
  if (points.length < 2) return undefined
  const series = ['operator', 'apiserver', 'etcd'].map((name) => ({
    name,
    points: points.map(
      (point) =>
        [
          Number(field(point, 'customers')),
          Number(field(point, 'memory', name, 'residentMiB')),
        ] as const,
    ),
  }))
  return drawChart({ title: 'Memory by customers', x: 'customers', y: 'MiB resident', series })
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
