// `npm test`: every check and every tier; `npm run test:<tier>`: that tier alone.
// The last line is always `N passed, N failed, N skipped`, over checks and tests together.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checks, passes } from './checks.ts'
import { findControlPlane } from './control-plane/find.ts'

const needControlPlane = ['api', 'e2e', 'chaos']

type Counts = { passed: number; failed: number; skipped: number }

const tier = process.argv[2]
const total: Counts = { passed: 0, failed: 0, skipped: 0 }

if (tier === undefined) {
  for (const check of checks) {
    if (passes(check)) total.passed += 1
    else total.failed += 1
  }
}
if (tier === undefined || needControlPlane.includes(tier)) await fetchControlPlane()
add(runVitest(tier))

const { passed, failed, skipped } = total
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

/** Once and here, so that its progress is seen: inside a test's hook it would look like a hang. */
async function fetchControlPlane(): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  await findControlPlane(stop.signal, (line) => console.log(line))
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
    const { status } = spawnSync('vitest', args, { stdio: 'inherit' })
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
