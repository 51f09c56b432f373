// `npm test`: every check and every tier; `npm run test:<tier>`: that tier alone.
// The last line is always `N passed, N failed, N skipped`, over checks and tests together.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checks, passes } from './checks.ts'
import { findControlPlane } from './control-plane/find.ts'
import type { Log } from './control-plane/programs.ts'
import { findHelm } from './helm/find.ts'
import { findPromtool } from './prometheus/find.ts'
import { compareRights, rightsDirectory } from './rights.ts'

const needControlPlane = ['api', 'e2e', 'chaos']
const needHelm = ['api', 'e2e']

type Counts = { passed: number; failed: number; skipped: number }

const tier = process.argv[2]
const total: Counts = { passed: 0, failed: 0, skipped: 0 }

if (tier === undefined) {
  for (const check of checks) {
    if (passes(check)) total.passed += 1
    else total.failed += 1
  }
}
if (tier === undefined || needControlPlane.includes(tier)) await fetch(findControlPlane)
if (tier === undefined || needHelm.includes(tier)) await fetch(findHelm)
if (tier === undefined || tier === 'chaos') await fetch(findPromtool)
const rights = mkdtempSync(join(tmpdir(), 'tenantry-rights-'))
add(runVitest(tier))
if (tier === undefined) {
  if (everyRightIsNeeded()) total.passed += 1
  else total.failed += 1
}
rmSync(rights, { recursive: true, force: true })

const { passed, failed, skipped } = total
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

/** Once and here, so that its progress is seen: inside a test's hook it would look like a hang, and take the cores from the tests. */
async function fetch(find: (signal: AbortSignal, log: Log) => Promise<unknown>): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  await find(stop.signal, (line) => console.log(line))
}

/** Over all tiers: a right that one file does not need another one may. */
function everyRightIsNeeded(): boolean {
  const { unused, refused } = compareRights(rights)
  for (const right of unused) console.log(`  no test needs the operator's right to ${right}`)
  for (const right of refused) console.log(`  the operator wanted to ${right} and may not`)
  const isExact = unused.length + refused.length === 0
  console.log(`${isExact ? '✓' : '✗'} the operator may do what it does, and nothing else`)
  return isExact
}

function add(counts: Counts): void {
  total.passed += counts.passed
  total.failed += counts.failed
  total.skipped += counts.skipped
}

/** A run that broke before it could count is one failure: it must never look like "nothing failed". */
function runVitest(project: string | undefined): Counts {
  const directory = mkdtempSync(join(tmpdir(), 'tenantry-test-'))
  const file = join(directory, 'result.json')
  try {
    const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    if (project !== undefined) args.push('--project', project)
    const env = { ...process.env, [rightsDirectory]: rights }
    const { status } = spawnSync('vitest', args, { stdio: 'inherit', env })
    const counts = existsSync(file) ? countsOf(readFileSync(file, 'utf8')) : undefined
    if (!counts) return { passed: 0, failed: 1, skipped: 0 }
    // A file that fails to load, or an error between tests, fails the run without a failed test.
    return status !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function countsOf(json: string): Counts | undefined {
  const result: unknown = JSON.parse(json)
  const passed = numberIn(result, 'numPassedTests')
  const failed = numberIn(result, 'numFailedTests')
  const pending = numberIn(result, 'numPendingTests')
  const todo = numberIn(result, 'numTodoTests')
  if (passed === undefined || failed === undefined) return undefined
  return { passed, failed, skipped: (pending ?? 0) + (todo ?? 0) }
}

function numberIn(value: unknown, name: string): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const found: unknown = Reflect.get(value, name)
  return typeof found === 'number' ? found : undefined
}
