// The manifests of examples/, applied as a person or a GitOps tool would: again, until all of them
// are accepted, since some need a namespace that the operator makes; and what is to become of them.
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ControlPlane } from '../control-plane/start.ts'

const tries = 60
const pauseMs = 250

export const exampleFiles: readonly string[] = readdirSync('examples')
  .filter((name) => name.endsWith('.yaml'))
  .sort()
  .map((name) => `examples/${name}`)

/** @throws Error with kubectl's words when a manifest is still refused after 15 s */
export async function applyExamples(
  signal: AbortSignal,
  plane: ControlPlane,
  files: readonly string[] = exampleFiles,
): Promise<void> {
  let waiting = files
  for (let attempt = 1; ; attempt += 1) {
    const refused: { readonly file: string; readonly why: string }[] = []
    for (const file of waiting) {
      const { code, stderr } = await plane.run(signal, ['apply', '-f', file], {
        allowFailure: true,
      })
      if (code !== 0) refused.push({ file, why: stderr.trim() })
    }
    if (refused.length === 0) return
    if (attempt === tries) {
      throw new Error(refused.map(({ file, why }) => `${file} is refused: ${why}`).join('\n'))
    }
    waiting = refused.map(({ file }) => file)
    await sleep(pauseMs, undefined, { signal })
  }
}

type Row = {
  readonly name: string
  readonly fresh: boolean
  readonly ready: string
  readonly reason: string
}

/** What customers of the examples come to that are not Ready, and why. */
export const expected: Readonly<Record<string, string>> = {
  'CustomerOrganization/orphaned': 'ParentNotFound',
}

/** @throws Error that names what is not as it should be after `withinMs` */
export async function untilExamplesStand(
  signal: AbortSignal,
  plane: ControlPlane,
  withinMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const rows = await readAll(signal, plane)
    const wrong = rows.filter(({ name, fresh, ready, reason }) => {
      const wanted = expected[name]
      return !fresh || (wanted === undefined ? ready !== 'True' : reason !== wanted)
    })
    if (rows.length > 0 && wrong.length === 0) return
    if (performance.now() > deadline) {
      const what = wrong.map(({ name, reason }) => `${name}: ${reason || 'no status'}`).join(', ')
      throw new Error(
        `Not as it should be after ${withinMs / 1000} s: ${what}. The operator's log says why.`,
      )
    }
    await sleep(100, undefined, { signal })
  }
}

/** Whoever has a status: the generation that it speaks of, and its Ready. */
async function readAll(signal: AbortSignal, plane: ControlPlane): Promise<readonly Row[]> {
  const ready = '{.status.conditions[?(@.type=="Ready")]'
  const generations = '{.metadata.generation} {.status.observedGeneration}'
  const line = `{.kind}/{.metadata.name} ${generations} ${ready}.status} ${ready}.reason}{"\\n"}`
  const { stdout } = await plane.run(signal, [
    'get',
    'corg,porg,pag,member,devas',
    '-A',
    '-o',
    `jsonpath={range .items[*]}${line}{end}`,
  ])
  return stdout
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => {
      const [name = '', generation = '', observed = '', state = '', reason = ''] = text.split(' ')
      return { name, fresh: generation === observed, ready: state, reason }
    })
}
