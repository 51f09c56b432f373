// `npm run bench:idle`: what the operator asks and writes while nothing happens, from the audit log,
// and what it costs. TENANTRY_MINUTES (default 10) says how long. Ends with 1 when anything but the
// lease was asked.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { applyExamples, untilExamplesStand } from '../local/examples.ts'
import { operatorUser } from '../local/platform.ts'
import { untilAsked } from '../local/signals.ts'
import { field, startWorld, text } from '../../test/support/world.ts'

const minutes = Number(process.env['TENANTRY_MINUTES'] ?? 10)
const settleMs = 5_000
const ticksPerSecond = 100 // USER_HZ, as /proc counts

const signal = untilAsked()
await using world = await startWorld()
const [operator] = world.operators
if (!operator) throw new Error('The operator did not start.')
await applyExamples(signal, world.platform.plane)
await untilExamplesStand(signal, world.platform.plane)
await sleep(settleMs, undefined, { signal })

const before = await requests()
const cpuBefore = await cpuSeconds(operator.pid)
await sleep(minutes * 60_000, undefined, { signal })
const asked = (await requests()).slice(before.length)
const cpu = (await cpuSeconds(operator.pid)) - cpuBefore

const counts = new Map<string, number>()
for (const what of asked) counts.set(what, (counts.get(what) ?? 0) + 1)
console.log(`idle for ${minutes} min with examples/:`)
for (const what of [...counts.keys()].toSorted()) {
  console.log(`  ${String(counts.get(what)).padStart(6)}  ${what}`)
}
console.log(`  CPU ${cpu.toFixed(2)} s, ${((cpu / (minutes * 60)) * 100).toFixed(2)} % of a core`)
// Watches end by the server's time and are dialled anew: no request about anything.
const more = [...counts.keys()].filter((what) => !/^(watch |\w+ leases)/.test(what))
console.log(more.length === 0 ? 'nothing but the lease' : `more than the lease: ${more.join(', ')}`)
process.exitCode = more.length === 0 ? 0 : 1

async function requests(): Promise<readonly string[]> {
  const log = await readFile(world.platform.plane.auditLog ?? '', 'utf8')
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line))
    .filter((event) => text(field(event, 'user', 'username')) === operatorUser)
    .map((event) => `${text(field(event, 'verb'))} ${text(field(event, 'objectRef', 'resource'))}`)
}

async function cpuSeconds(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}
