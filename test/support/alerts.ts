// The chart's alerts on what operators really served, judged by promtool, which is the evaluator of Prometheus itself.
// The rule nobody would guess: one scrape counts as one minute, however soon the next was taken, so that an alert that waits for
// a quarter of an hour can be seen in seconds. All of them ask for more than nothing or for a count, so no threshold moves.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { runCommand } from '../../tools/control-plane/command.ts'
import type { RunningOperator } from '../../tools/local/operator.ts'
import { findPromtool } from '../../tools/prometheus/find.ts'
import { firingIn } from '../../tools/prometheus/firing.ts'
import { parseScrape, selectorsOf, type Scrape } from './prometheus.ts'

export type Alert = Readonly<
  Record<'alert' | 'expr' | 'for' | 'severity' | 'summary' | 'description', string>
>

/** By replica; one that does not answer is not in it. */
type Step = ReadonlyMap<string, Scrape>

export type Recording = {
  /** How many scrapes there are by now. */
  readonly length: number
  /** Scrapes this one too, from now on. */
  add(operator: RunningOperator): void
  /** @returns the alerts that fire, by scrape; what follows the last one is as if nothing happened any more */
  judge(signal: AbortSignal, minutesAfter: number): Promise<readonly ReadonlySet<string>[]>
  stop(): Promise<void>
}

export async function readAlerts(): Promise<readonly Alert[]> {
  const file: { readonly alerts: readonly Alert[] } = parse(
    await readFile('charts/tenantry/files/alerts.yaml', 'utf8'),
  )
  return file.alerts
}

/** Scrapes all of them, again and again. */
export function record(those: readonly RunningOperator[], everyMs: number): Recording {
  const operators = [...those]
  const steps: Step[] = []
  const ending = new AbortController()
  const loop = (async () => {
    while (!ending.signal.aborted) {
      steps.push(await scrapeAll(operators))
      await sleep(everyMs, undefined, { signal: ending.signal }).catch(() => {})
    }
  })()
  return {
    get length() {
      return steps.length
    },
    add: (operator) => operators.push(operator),
    judge: (signal, minutesAfter) => judge(signal, steps, minutesAfter),
    stop: () => {
      ending.abort()
      return loop
    },
  }
}

async function scrapeAll(operators: readonly RunningOperator[]): Promise<Step> {
  const scrapes = await Promise.all(
    operators.map(async (operator) => {
      const text = await operator.metrics(AbortSignal.timeout(1_000)).catch(() => undefined)
      return text === undefined ? [] : [[`${operator.pid}`, parseScrape(text)] as const]
    }),
  )
  return new Map(scrapes.flat())
}

async function judge(
  signal: AbortSignal,
  steps: readonly Step[],
  minutesAfter: number,
): Promise<readonly ReadonlySet<string>[]> {
  const promtool = await findPromtool(signal, console.log)
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-alerts-'))
  try {
    const alerts = await readAlerts()
    const rules = alerts.map(({ alert, expr, for: patience }) => ({ alert, expr, for: patience }))
    const last = steps.length + minutesAfter
    await writeFile(
      join(directory, 'rules.yaml'),
      stringify({ groups: [{ name: 'tenantry', rules }] }),
    )
    await writeFile(
      join(directory, 'tests.yaml'),
      stringify({
        rule_files: ['rules.yaml'],
        evaluation_interval: '1m',
        tests: [
          {
            interval: '1m',
            input_series: seriesOf(steps, alerts, minutesAfter),
            // Nothing is expected to fire, so promtool tells of each minute what does.
            promql_expr_test: Array.from({ length: last }, (_, minute) => ({
              expr: 'ALERTS{alertstate="firing"}',
              eval_time: `${minute}m`,
              exp_samples: [],
            })),
          },
        ],
      }),
    )
    const { stdout, stderr } = await runCommand(signal, promtool, ['test', 'rules', 'tests.yaml'], {
      cwd: directory,
    })
    return firingIn(`${stdout}\n${stderr}`, last)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function seriesOf(steps: readonly Step[], alerts: readonly Alert[], minutesAfter: number) {
  const wanted = new Set(alerts.flatMap(({ expr }) => selectorsOf(expr).map(({ name }) => name)))
  const found = new Map<string, string[]>()
  steps.forEach((step, at) => {
    for (const [instance, { series }] of step) {
      for (const { name, labels, value } of series) {
        if (!wanted.has(name)) continue
        const all = { job: 'tenantry', instance, ...labels }
        const inside = Object.entries(all).map(([key, text]) => `${key}=${JSON.stringify(text)}`)
        const key = `${name}{${inside.join(',')}}`
        const values = found.get(key) ?? steps.map(() => '_')
        values[at] = String(value)
        found.set(key, values)
      }
    }
  })
  return [...found].map(([series, values]) => {
    const held = values.at(-1) ?? '_'
    const after = held === '_' ? `_x${minutesAfter}` : `${held}+0x${minutesAfter}`
    return { series, values: [...values, after].join(' ') }
  })
}
