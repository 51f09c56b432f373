// `npm run bench:cli`: how long a person waits for `kubectl tenantry` where there is much to see, as it is built and shipped, beyond
// what Node itself takes to start in the same run; and what memory an import of a million rows takes.
// TENANTRY_CUSTOMERS (default 1000), TENANTRY_DEVICES (100000), TENANTRY_ROUNDS (30) and TENANTRY_ROWS (1000000) say how much.
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../test/bench/statistics.ts'
import { runCommand } from '../control-plane/command.ts'
import { untilAsked } from '../local/signals.ts'
import { customerName, startCliBench, type CliBench, type Person } from './cli/world.ts'

const customers = Number(process.env['TENANTRY_CUSTOMERS'] ?? 1_000)
const devices = Number(process.env['TENANTRY_DEVICES'] ?? 100_000)
const rounds = Number(process.env['TENANTRY_ROUNDS'] ?? 30)
const rows = Number(process.env['TENANTRY_ROWS'] ?? 1_000_000)
const perAssignment = 1_000
const goals = { beyondMs: 300, memoryMiB: 150 } as const

const program = resolve('dist/cli/main.js')
const signal = untilAsked()
const say = (line: string) => console.log(line)

const built = await runCommand(signal, 'tsc', ['-p', 'tsconfig.build.json'])
if (built.code !== 0) throw new Error(`The command does not build:\n${built.stdout}`)
await using bench = await startCliBench(signal, customers, say)
const lines = [
  await imported(bench, 'devices.csv', devices),
  ...(await measured(bench)),
  ...(rows > 0 ? [await imported(bench, 'million.csv', rows)] : []),
]
say(`\n${customers} customers, ${devices} devices, ${rounds} rounds; Node ${process.version}`)
for (const line of lines) say(line)

type Case = { readonly person: Person; readonly args: readonly string[]; readonly isGoal: boolean }

async function measured({ people }: CliBench): Promise<readonly string[]> {
  const one = customerName(0)
  const { technician, parent, platform } = people
  const cases: readonly Case[] = [
    ...[technician, parent, platform].flatMap((person): readonly Case[] => [
      { person, args: ['customers'], isGoal: true },
      { person, args: ['who', one], isGoal: true },
    ]),
    { person: technician, args: ['devices', '--customer', one], isGoal: false },
    { person: technician, args: ['devices', '--all', 'devices-000042'], isGoal: false },
    { person: technician, args: ['devices', '--all'], isGoal: false },
  ]
  const beyond = cases.map((): number[] => [])
  for (let round = -1; round < rounds; round += 1) {
    for (const [at, { person, args }] of cases.entries()) {
      // Node alone right before and right after: whatever else the machine does falls on both.
      const before = await timed(['-e', '0'])
      const took = await timed([program, ...args, '--kubeconfig', person.kubeconfig])
      const after = await timed(['-e', '0'])
      // The first round fills Node's cache of what it has compiled.
      if (round >= 0) beyond[at]?.push(took - (before + after) / 2)
    }
    if (round % 5 === 0) say(`round ${round} of ${rounds}`)
  }
  return cases.map(({ person, args, isGoal }, at) => {
    const values = beyond[at] ?? []
    const [p50, p99] = [50, 99].map((percent) => Math.round(percentile(values, percent)))
    const goal = isGoal ? `, goal ${goals.beyondMs} ms` : ''
    return `${args.join(' ')}, as ${person.name}: p50 ${p50} ms, p99 ${p99} ms beyond Node${goal}`
  })
}

async function timed(args: readonly string[]): Promise<number> {
  const begun = performance.now()
  const { code, stderr } = await runCommand(signal, process.execPath, args)
  if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
  return performance.now() - begun
}

/** @returns how fast it went, and what memory it took at most */
async function imported(
  { directory, people }: CliBench,
  name: string,
  count: number,
): Promise<string> {
  say(`importing ${count} devices`)
  const file = join(directory, name)
  await pipeline(Readable.from(csvOf(name.replace('.csv', ''), count)), createWriteStream(file))
  const args = ['devices', 'assign', '-f', file, '--yes', '--timeout', '10m']
  const begun = performance.now()
  const child = spawn(
    process.execPath,
    [program, ...args, '--kubeconfig', people.platform.kubeconfig],
    { stdio: ['ignore', 'ignore', 'inherit'], signal },
  )
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  let highest = 0
  while (child.exitCode === null && child.signalCode === null) {
    highest = Math.max(highest, await highWaterMiB(child.pid))
    await sleep(100, undefined, { signal })
  }
  if ((await ended) !== 0) throw new Error('The import has failed.')
  const seconds = (performance.now() - begun) / 1000
  const rate = Math.round(count / seconds)
  return `import of ${count} rows: ${rate} rows a second, ${highest} MiB at most, goal ${goals.memoryMiB} MiB`
}

/** An assignment is one customer's. */
function* csvOf(prefix: string, count: number): Generator<string> {
  yield 'customer,id,name,model,labels\n'
  for (let at = 0; at < count; at += 1) {
    const id = `${prefix}-${String(at).padStart(7, '0')}`
    const owner = customerName(Math.floor(at / perAssignment) % customers)
    yield `${owner},${id},Pump ${at},X${at % 50},site=site-${at % 1_000}\n`
  }
}

async function highWaterMiB(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Math.ceil(Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024)
}
