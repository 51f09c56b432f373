// `npm run bench:devices`: what is promised of devices, measured with fsync on, beside bare statements in the same run. Three parts, or
// those that are named: `-- claims registry operator`. TENANTRY_ASSIGNMENTS (default 1000, of 1,000 devices each) and TENANTRY_TRIES
// (default 1000000) say how much. A missed goal is a result and no failure. How long: 15 to 25 minutes on two quiet cores.
import { terminalTable } from '../../test/bench/results.ts'
import { untilAsked } from '../local/signals.ts'
import { benchClaims } from './devices/claims.ts'
import { benchOperator } from './devices/operator.ts'
import { benchRegistry } from './devices/registry.ts'

const assignments = Number(process.env['TENANTRY_ASSIGNMENTS'] ?? 1_000)
const tries = Number(process.env['TENANTRY_TRIES'] ?? 1_000_000)
const signal = untilAsked()

const parts = {
  claims: () => benchClaims(signal, tries, say),
  registry: () => benchRegistry(signal, assignments, say),
  operator: () => benchOperator(signal, assignments, say),
} as const

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !Object.hasOwn(parts, name))
if (unknown.length > 0) {
  throw new RangeError(
    `There is no part ${unknown.join(', ')}. There are: ${Object.keys(parts).join(', ')}.`,
  )
}
for (const [name, measure] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  for await (const figures of measure()) console.log(`\n${name}\n${terminalTable(figures)}\n`)
}

function say(line: string): void {
  console.log(`${(performance.now() / 1000).toFixed(1).padStart(7)} s  ${line}`)
}
