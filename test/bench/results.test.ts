import { describe, expect, test } from 'vitest'
import { distribution, drawChart } from './chart.ts'
import { missedIn, parseResults, renewed, resultsPage, shown, terminalTable } from './results.ts'
import { median, pairedRatios, percentile } from './statistics.ts'

const met = { what: 'throughput', value: 0.95, unit: '×', goal: 'onboarding' } as const
const missed = { what: 'drift', value: 51, unit: 'ms', bare: 17, goal: 'driftP99' } as const
const measured = {
  phase: 'drift',
  seconds: 1,
  outcome: 'measured',
  figures: [met, missed],
  details: {},
} as const

describe('results', () => {
  test('name each goal that is missed, and no other', () => {
    expect(missedIn({ phases: [measured] })).toEqual([missed])
  })

  test('call a figure that was not measured a missed goal', () => {
    const nothing = { ...measured, figures: [{ ...met, value: NaN }] }
    expect(missedIn({ phases: [nothing] })).toHaveLength(1)
  })

  test('say of a phase that failed why it did', () => {
    const failed = { phase: 'idle', seconds: 2, outcome: 'failed', why: 'no lease' } as const
    const page = resultsPage({ machine: {}, how: 'full', phases: [failed], model: undefined })
    expect(page).toContain('Not measured: no lease')
  })

  test('of some phases take the place of those of the full run, and say what was not the same', () => {
    const machine = { node: 'v24', commit: 'before' }
    const idle = { ...measured, phase: 'idle', figures: [{ ...met, value: NaN }] }
    const full = { machine, how: 'full', phases: [idle, measured], model: undefined } as const
    const read = parseResults(JSON.stringify(full))
    expect(read).toEqual(full)
    const anew = { ...measured, seconds: 5, figures: [met] }
    const both = renewed(full, {
      ...full,
      machine: { ...machine, commit: 'after' },
      phases: [anew],
    })
    expect(both.phases).toEqual([idle, { ...anew, otherwise: { commit: 'after' } }])
    expect(resultsPage(both)).toMatch(/## drift, 5 s\n\nMeasured anew .*: commit after\./)
  })

  test('of a quick run are no full run that others could stand in', () => {
    expect(parseResults('{"how":"quick","phases":[]}')).toBeUndefined()
    expect(parseResults('[]')).toBeUndefined()
  })

  test('stand beside the bare client, with the ratio', () => {
    const line = terminalTable([missed]).split('\n')[1]
    expect(line?.split(/ {2,}/)).toEqual(['drift', '51 ms', '17 ms', '3', '≤ 50 ms', 'missed'])
  })

  test('are rounded to what can be known', () => {
    expect([1234.5, 56.78, 3.456, 7, NaN].map(shown)).toEqual(['1235', '56.8', '3.46', '7', '–'])
  })
})

describe('percentiles', () => {
  test('are values that were measured', () => {
    expect([50, 99, 100].map((percent) => percentile([4, 1, 3, 2], percent))).toEqual([2, 4, 4])
    expect(median([])).toBeNaN()
  })

  test('of ratios compare each block with the one beside it', () => {
    expect(pairedRatios([10, 40, 9], [20, 40])).toEqual([0.5, 1])
  })
})

describe('a chart', () => {
  const title = 'Lag & "load"'

  test('is one SVG that draws every series', () => {
    const series = [distribution('ours', [3, 1, 2]), distribution('bare', [1, 1, 1])]
    const svg = drawChart({ title, x: 'ms', y: '%', xScale: 'log', series })
    expect(svg.startsWith('<svg xmlns=')).toBe(true)
    expect(svg.match(/stroke-linejoin/g)).toHaveLength(2)
    expect(svg).toContain('Lag &amp; "load"'.replaceAll('"', '&quot;'))
    expect(svg).not.toContain('NaN')
  })

  test('stands also where all values are the same', () => {
    const points = [[5, 0]] as const
    expect(drawChart({ title, x: 'x', y: 'y', series: [{ name: 'one', points }] })).not.toMatch(
      /NaN|Infinity/,
    )
  })
})
