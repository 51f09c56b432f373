// `npm run figures`: what this machine measures of the figures that Tenantry promises. No test,
// since a slow machine is no defect; it ends with 1 when a figure is over its bound all the same.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { resources } from '../src/api/resources.ts'
import { Client, connectKubeconfig } from '../src/runtime/index.ts'
import { customer } from '../test/support/manifests.ts'
import { field, startWorld } from '../test/support/world.ts'
import { runCommand } from './control-plane/command.ts'
import { startGuardian, startServer } from './control-plane/servers.ts'
import { applyExamples, untilExamplesStand } from './local/examples.ts'
import { nodeFlags } from './local/operator.ts'
import { untilAsked } from './local/signals.ts'

type Figure = {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** Left out: told, and held to nothing. */
  readonly atMost?: number
}

const signal = untilAsked()
const customers = 20
const settleMs = 3_000

const figures: Figure[] = []
figures.push(await warmDemo())
await using world = await startWorld({ replicas: 0 })
const { plane, configFile, operatorKubeconfig } = world.platform
figures.push(...(await builtMemory()))
await world.startOperator()
await sleep(settleMs, undefined, { signal })
figures.push(...(await memory('from source', world.operators[0]?.pid)))
figures.push(await secondApply())
figures.push(...(await readiness()))

console.log()
for (const { what, value, unit, atMost } of figures) {
  const bound = atMost === undefined ? '' : `  at most ${atMost} ${unit}`
  const verdict = isOver({ what, value, unit, atMost: atMost ?? Infinity }) ? '  OVER' : ''
  console.log(
    `${what.padEnd(56)}${value.toFixed(1).padStart(8)} ${unit.padEnd(6)}${bound}${verdict}`,
  )
}
process.exitCode = figures.some(isOver) ? 1 : 0

function isOver({ value, atMost = Infinity }: Figure): boolean {
  return value > atMost
}

/** Twice, and the second counts: the first fetches what is missing and warms the disk's cache. */
async function warmDemo(): Promise<Figure> {
  let seconds = NaN
  for (const run of ['first', 'second']) {
    say(`npm run demo -- --once, the ${run} time ...`)
    const begun = performance.now()
    const { code, stderr } = await runCommand(signal, 'npm', ['run', 'demo', '--', '--once'])
    if (code !== 0) throw new Error(`The demo ended with ${code}: ${stderr.trim()}`)
    seconds = (performance.now() - begun) / 1000
  }
  return { what: 'npm run demo -- --once, warm', value: seconds, unit: 's', atMost: 25 }
}

/** The operator as it ships: from source, Node's own compiler takes 40 MiB beside it. */
async function builtMemory(): Promise<readonly Figure[]> {
  say('Building the operator ...')
  const { code, stdout } = await runCommand(signal, 'npm', ['run', 'build'])
  if (code !== 0) throw new Error(`npm run build ended with ${code}:\n${stdout}`)
  const guardian = startGuardian()
  const operator = startServer(guardian, {
    name: 'operator',
    program: process.execPath,
    args: [
      ...nodeFlags,
      'dist/main.js',
      '--config',
      configFile,
      '--kubeconfig',
      operatorKubeconfig,
    ],
    logFile: join(dirname(configFile), 'operator-built.log'),
  })
  try {
    say('A platform runs. Applying examples/ ...')
    await applyExamples(signal, plane)
    await untilExamplesStand(signal, plane)
    await sleep(settleMs, undefined, { signal })
    return await memory('built', operator.pid, 128)
  } finally {
    await operator.kill('SIGTERM')
    await guardian.stop()
  }
}

async function memory(
  how: string,
  pid: number | undefined,
  atMost?: number,
): Promise<readonly Figure[]> {
  const file = `/proc/${pid}/status`
  if (!existsSync(file)) {
    say("This machine has no /proc: the operator's memory is not measured.")
    return []
  }
  const status = await readFile(file, 'utf8')
  const mib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
  const what = `operator with examples/, ${how}`
  const bound = atMost === undefined ? {} : { atMost }
  return [
    { what: `${what}, resident`, value: mib('VmRSS'), unit: 'MiB', ...bound },
    { what: `${what}, highest resident`, value: mib('VmHWM'), unit: 'MiB' },
  ]
}

async function secondApply(): Promise<Figure> {
  say('Applying examples/ again ...')
  const before = (await world.writes()).length
  // An audit log that is not the right one would also show no write.
  if (before === 0) throw new Error('The audit log shows no write of the operator at all.')
  await applyExamples(signal, plane)
  await sleep(settleMs, undefined, { signal })
  const added = (await world.writes()).slice(before)
  for (const { verb, resource, namespace, name } of added) {
    say(`written: ${verb} ${resource} ${namespace}/${name}`)
  }
  return {
    what: 'writes of a second apply of examples/',
    value: added.length,
    unit: 'writes',
    atMost: 0,
  }
}

async function readiness(): Promise<readonly Figure[]> {
  const connection = await connectKubeconfig(signal, plane.kubeconfig)
  const client = new Client(connection)
  say(`${customers} customers, one after another ...`)
  const alone: number[] = []
  for (let index = 0; index < customers; index += 1) {
    alone.push(...(await untilReady(client, [`single-${index}`])))
  }
  say(`${customers} customers at once ...`)
  const together = await untilReady(
    client,
    Array.from({ length: customers }, (_, index) => `crowd-${index}`),
  )
  await connection.stop()
  const single = `${customers} customers one after another, manifest to Ready`
  const crowd = `${customers} customers at once, manifest to Ready`
  return [
    { what: `${single}, p50`, value: percentile(alone, 50), unit: 'ms' },
    { what: `${single}, p99`, value: percentile(alone, 99), unit: 'ms', atMost: 1_000 },
    { what: `${crowd}, p50`, value: percentile(together, 50), unit: 'ms' },
    { what: `${crowd}, p99`, value: percentile(together, 99), unit: 'ms' },
  ]
}

/** For each name, from sending its manifest until a watch shows it Ready; in ms. */
async function untilReady(client: Client, names: readonly string[]): Promise<readonly number[]> {
  const { resourceVersion } = await client.list(signal, resources.customers)
  const enough = AbortSignal.any([signal, AbortSignal.timeout(60_000)])
  const sent = new Map(names.map((name) => [name, performance.now()]))
  const creating = Promise.all(
    names.map((name) => client.create(enough, resources.customers, customer(name))),
  )
  const took: number[] = []
  const waiting = new Set(names)
  const events = client.watch(enough, resources.customers, { resourceVersion, timeoutSeconds: 60 })
  for await (const { object } of events) {
    const name = String(field(object, 'metadata', 'name'))
    if (!waiting.has(name) || !isReady(object)) continue
    waiting.delete(name)
    took.push(performance.now() - (sent.get(name) ?? NaN))
    if (waiting.size === 0) break
  }
  await creating
  if (waiting.size > 0) {
    throw new Error(`Not Ready within a minute: ${[...waiting].join(', ')}.`)
  }
  return took
}

function isReady(object: unknown): boolean {
  const conditions = field(object, 'status', 'conditions')
  return (
    Array.isArray(conditions) &&
    conditions.some((one) => field(one, 'type') === 'Ready' && field(one, 'status') === 'True')
  )
}

/** Nearest rank. */
function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? NaN
}

function say(line: string): void {
  console.log(`${(performance.now() / 1000).toFixed(1).padStart(6)} s  ${line}`)
}
