// `npm run bench`: everything that is promised of speed, measured on the local control plane with fsync on,
// beside a bare client in the same run. `-- --quick` shows within minutes that it all works;
// `-- --only growth,restart` runs some phases, which take their place in the full run that lies there,
// `-- --customers 2000` grows that far however long it takes, `-- --at-once 5000` ends so many windows in
// one instant, `-- --out <folder>` says where JSON, page and charts go. Ctrl-C stops in order and keeps
// what was measured.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCommand } from '../../tools/control-plane/command.ts'
import { untilAsked } from '../../tools/local/signals.ts'
import type { Bench, Phase, Sizes } from './bench.ts'
import { chartsOf } from './charts.ts'
import { describeMachine, type Machine } from './machine.ts'
import { deletion } from './phases/deletion.ts'
import { drift } from './phases/drift.ts'
import { endsAtOnce } from './phases/ends-at-once.ts'
import { growth } from './phases/growth.ts'
import { handOver } from './phases/hand-over.ts'
import { idle } from './phases/idle.ts'
import { onboardingPhases } from './phases/onboarding.ts'
import { paced } from './phases/paced.ts'
import { restart } from './phases/restart.ts'
import { revocation } from './phases/revocation.ts'
import { session } from './phases/session.ts'
import { installBareKinds, recordCustomer } from './recording.ts'
import {
  missedIn,
  modelIn,
  parseResults,
  renewed,
  resultsPage,
  terminalTable,
  type PhaseResult,
  type Results,
} from './results.ts'
import { startBenchWorld, type BenchWorld } from './world.ts'

const small = [...onboardingPhases, paced, drift, revocation, session, handOver, deletion]
/** In this order: what comes later needs the customers of `growth`. */
const large = [growth, endsAtOnce, restart, idle]
const needDatabases = new Set(['onboarding-databases', 'session'])
const phases: readonly Phase[] = [...small, ...large]

const full: Sizes = {
  recorded: 3,
  blocks: 5,
  block: { plain: 300, database: 50 },
  paced: 150,
  drifts: 100,
  revocations: 100,
  handOvers: 1_000,
  sessions: 50,
  deletions: 50,
  steps: [250, 1_000, 2_500, 5_000, 7_500, 10_000],
  growMs: 10 * 60_000,
  atOnce: 1_000,
  idleMs: 7 * 60_000,
}

const quick: Sizes = {
  recorded: 1,
  blocks: 1,
  block: { plain: 20, database: 5 },
  paced: 3,
  drifts: 3,
  revocations: 2,
  handOvers: 3,
  sessions: 3,
  deletions: 5,
  steps: [10, 20, 30],
  growMs: 45_000,
  atOnce: 10,
  idleMs: 2_000,
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    customers: { type: 'string' },
    'at-once': { type: 'string' },
    out: { type: 'string' },
  },
})
const how = values.quick ? 'quick' : 'full'
const sizes = sizesWanted()
const out = values.out ?? (values.quick ? 'dist/bench' : 'docs/performance')
const wanted = phasesWanted()
const signal = untilAsked()
const results: PhaseResult[] = []
let machine: Machine = {}

try {
  say('building the operator')
  const { code, stdout } = await runCommand(signal, 'tsc', ['-p', 'tsconfig.build.json'])
  if (code !== 0) throw new Error(`The operator does not build:\n${stdout}`)
  await runWorld('small')
  await runWorld('large')
} catch (error) {
  if (!signal.aborted) throw error
  say('stopped; what was measured until now is kept')
  process.exitCode = 1
}
await publish()

async function runWorld(which: Phase['world']): Promise<void> {
  const here = wanted.filter(({ world }) => world === which)
  if (here.length === 0) return
  say(`starting a platform for ${here.map(({ name }) => name).join(', ')}`)
  const pooled = which === 'small' && here.some(({ name }) => needDatabases.has(name))
  await using world = await startBenchWorld(signal, {
    ...(pooled && { warmPool: sizes.block.database }),
    say,
  })
  const described = await describeMachine(signal, world)
  machine = { ...described, ...machine }
  const recordings = which === 'small' ? await record(world, pooled) : undefined
  for (const phase of here) await runPhase(phase, { signal, sizes, world, recordings, say })
  say('stopping the platform')
}

async function record(world: BenchWorld, pooled: boolean): Promise<Bench['recordings']> {
  await installBareKinds(signal, world)
  say('taking down what the operator writes for one customer')
  return {
    plain: await recordCustomer(signal, world, 'plain', sizes.recorded),
    ...(pooled && { database: await recordCustomer(signal, world, 'database', sizes.recorded) }),
  }
}

/** One that fails is told, and the others are measured all the same. */
async function runPhase(phase: Phase, bench: Bench): Promise<void> {
  const begun = performance.now()
  const seconds = () => (performance.now() - begun) / 1000
  try {
    const findings = await phase.run(bench)
    const result = {
      phase: phase.name,
      seconds: seconds(),
      outcome: 'measured',
      ...findings,
    } as const
    results.push(result)
    console.log(`\n${terminalTable(result.figures)}\n`)
  } catch (error) {
    if (signal.aborted) throw error
    const why = error instanceof Error ? error.message : String(error)
    results.push({ phase: phase.name, seconds: seconds(), outcome: 'failed', why })
    say(`${phase.name} failed: ${why}`)
  }
}

async function publish(): Promise<void> {
  if (results.length === 0) return
  await mkdir(out, { recursive: true })
  const whole = await withFullRun({ machine, how, phases: results, model: modelIn(results) })
  await writeFile(join(out, 'bench.json'), `${JSON.stringify(whole, undefined, 1)}\n`)
  await writeFile(join(out, 'bench.md'), resultsPage(whole))
  for (const [name, svg] of Object.entries(chartsOf(whole.phases))) {
    await writeFile(join(out, name), svg)
  }
  const missed = missedIn(whole)
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  say(`written to ${out}: bench.json, bench.md, charts`)
  say(`${missed.length} goals missed${missed.length > 0 ? ':' : ''}`)
  for (const { what } of missed) console.log(`          ${what}`)
  for (const { phase } of failed) console.log(`          not measured: ${phase}`)
  // A missed goal is a result; a phase that was not measured, or stopped, is none.
  process.exitCode = failed.length > 0 || signal.aborted ? 1 : 0
}

/** Some phases alone take their place in the full run that is there; without one they are all there is. */
async function withFullRun(now: Results): Promise<Results> {
  if (values.only === undefined || values.quick) return now
  const json = await readFile(join(out, 'bench.json'), 'utf8').catch(() => undefined)
  const full = json === undefined ? undefined : parseResults(json)
  return full ? renewed(full, now) : now
}

function sizesWanted(): Sizes {
  const base = values.quick ? quick : full
  const atOnce = Number(values['at-once'] ?? base.atOnce)
  if (values.customers === undefined) return { ...base, atOnce }
  const most = Number(values.customers)
  if (!Number.isInteger(most) || most < 4) {
    throw new RangeError(`--customers ${values.customers} is no whole number of at least 4.`)
  }
  const steps = [...base.steps.filter((step) => step < most), most]
  return { ...base, steps, growMs: Infinity, atOnce: Math.min(atOnce, most) }
}

function phasesWanted(): readonly Phase[] {
  if (values.only === undefined) return phases
  const names = values.only.split(',')
  const unknown = names.filter((name) => !phases.some((phase) => phase.name === name))
  if (unknown.length > 0) {
    const known = phases.map(({ name }) => name).join(', ')
    throw new RangeError(`--only names no phase ${unknown.join(', ')}. There are: ${known}.`)
  }
  return phases.filter(({ name }) => names.includes(name))
}

function say(line: string): void {
  console.log(`${(performance.now() / 1000).toFixed(1).padStart(7)} s  ${line}`)
}
