// The checks that need no server: generated files, types, lint, format. Each is one command and counts as one test.
import { spawnSync } from 'node:child_process'

export type Check = { readonly name: string; readonly command: readonly [string, ...string[]] }

export const checks: readonly Check[] = [
  { name: 'generated', command: ['node', 'tools/generate.ts', '--check'] },
  { name: 'types', command: ['tsc', '-p', '.', '--noEmit'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
]

/** Runs one check with its output on this terminal; says whether it passed. */
export function passes({ name, command: [program, ...args] }: Check): boolean {
  const started = performance.now()
  const { status } = spawnSync(program, args, { stdio: 'inherit' })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${status === 0 ? '✓' : '✗'} ${name} (${seconds} s)`)
  return status === 0
}
