// The tutorials, as a reader would follow them: every manifest is saved under the name that the text gives it, every command is
// run, and every line that it prints is compared. An ellipsis stands for anything.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type World } from '../support/world.ts'

type Step =
  | { readonly file: string; readonly content: string }
  | { readonly command: string; readonly prints: readonly string[] }

// In the order in which a reader comes to them: each goes on from the one before.
const tutorials = ['first-customer', 'a-window'].map((name) => `docs/tutorials/${name}.md`)
const anHour = new Date(Date.now() + 3_600_000).toISOString()

let world: World
let directory: string
beforeAll(async () => {
  world = await startWorld()
  directory = await mkdtemp(join(tmpdir(), 'tenantry-tutorial-'))
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

describe.each(tutorials)('%s', (page) => {
  test('says what happens', async () => {
    const steps = stepsOf(await readFile(page, 'utf8'))
    expect(steps.length).toBeGreaterThan(2)
    for (const step of steps) {
      if ('file' in step) await writeFile(join(directory, step.file), step.content)
      else await run(step)
    }
  }, 90_000)
})

async function run({ command, prints }: Extract<Step, { command: string }>): Promise<void> {
  const [program, ...args] = command.split(/\s+/)
  expect(program).toBe('kubectl')
  const inPlace = args.map((arg) => (arg.endsWith('.yaml') ? join(directory, arg) : arg))
  const { stdout, stderr } = await world.kubectl(...inPlace)
  const lines = stdout.trimEnd().split('\n')
  const expected = new RegExp(`^${prints.map(patternOf).join('\\n')}$`)
  const said = lines.map((line) => line.replaceAll(/\s+/g, ' ').trim()).join('\n')
  expect(said, `${command}\n${stdout}${stderr}`).toMatch(expected)
}

/** Columns are as wide as what is in them; a line that is an ellipsis is any number of lines. */
function patternOf(line: string): string {
  if (line.trim() === '…') return '[^]*'
  return line
    .replaceAll(/\s+/g, ' ')
    .trim()
    .split('…')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*')
}

function stepsOf(text: string): readonly Step[] {
  const steps: Step[] = []
  let before = 0
  for (const block of text.matchAll(/^```(yaml|console)\n([^]*?)^```$/gm)) {
    const [all, kind, body = ''] = block
    const said = text.slice(before, block.index)
    before = block.index + all.length
    if (kind === 'yaml') {
      const file = [...said.matchAll(/`([\w-]+\.yaml)`/g)].at(-1)?.[1]
      if (file === undefined) throw new Error(`Nothing says where to save:\n${body}`)
      steps.push({ file, content: body.replaceAll('<in an hour>', anHour) })
    } else {
      for (const part of body.split(/^\$ /m).slice(1)) {
        const [command = '', ...prints] = part.trimEnd().split('\n')
        steps.push({ command, prints })
      }
    }
  }
  return steps
}
