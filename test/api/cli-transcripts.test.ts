// docs/cli, command by command, in a real terminal against a real control plane, as the person whom the
// page names. TENANTRY_RECORD=1 writes the pages anew; without it what they show must be what happens.
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { persons, startCliWorld, type CliWorld, type Who } from '../support/cli-world.ts'

const pages = ['look', 'scope', 'devices', 'connect', 'change'] as const
const records = process.env['TENANTRY_RECORD'] === '1'

let cli: CliWorld
let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-pages-'))
  await copyFile('src/cli/fixtures/platform.yaml', join(directory, 'platform.yaml'))
  await writeFile(
    join(directory, 'devices.csv'),
    'id,name,model,labels\np-1,Pump,X2,site=hamburg\np-2,Fan,F9,site=bremen\n',
  )
  await writeFile(join(directory, 'broken.csv'), 'id,name\np-3,Pump\n,Fan\np-4,"Valve\n')
  cli = await startCliWorld()
})
afterAll(async () => {
  await cli[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

const block = /<!-- transcript: ([\w ]+) -->\n\n```console\n(.*?)```\n/gs

/** Times, ids, ports and the name of this machine, which differ each time; widths stay. */
function normalised(text: string): string {
  return text
    .replaceAll(/\b20(?!3\d)\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '2026-01-31T08:00:00Z')
    .replaceAll(
      /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
      '01234567-89ab-cdef-0123-456789abcdef',
    )
    .replaceAll(/\S+_[0-9a-f]{8} leads/g, 'tenantry-0 leads')
    .replaceAll(/[\d,]+ a second/g, '1,000 a second')
}

describe.each(pages)('docs/cli/%s.md', (page) => {
  test('shows what happens', { timeout: 240_000 }, async () => {
    const file = `docs/cli/${page}.md`
    const text = await readFile(file, 'utf8')
    let recorded = text
    for (const [whole, who = '', shown = ''] of text.matchAll(block)) {
      const real = await play(whoIn(who), commandsIn(shown))
      recorded = recorded.replace(whole, () => whole.replace(shown, () => real))
      if (!records) expect.soft(shown, `as ${who}`).toBe(real)
    }
    if (records) await writeFile(file, recorded)
  })
})

function whoIn(name: string): Who {
  const who = Object.keys(persons).find((each): each is Who => each === name)
  if (!who) throw new Error(`there is no person ${name}`)
  return who
}

function commandsIn(shown: string): readonly string[] {
  return [...shown.matchAll(/^\$ (.*)$/gm)].map(([, command = '']) => command)
}

async function play(who: Who, commands: readonly string[]): Promise<string> {
  const kubeconfig = await cli.kubeconfig(who)
  let shown = ''
  for (const command of commands) {
    const [program, ...words] = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, plain]) => quoted ?? plain ?? '',
    )
    if (program === 'cat') {
      shown += `$ ${command}\n${await readFile(join(directory, words[0] ?? ''), 'utf8')}`
      continue
    }
    const terminal = await cli.open(who, words.slice(1), { kubeconfig, cwd: directory })
    const asked = terminal.untilShown('[y/N]', 60_000).then(
      () => terminal.type('y\r'),
      () => {}, // not every command asks
    )
    const code = await terminal.exited
    await asked
    const screen = terminal.screen()
    shown += `$ ${command}\n${screen === '' ? '' : `${normalised(screen)}\n`}`
    if (code !== 0) shown += `# exit code ${code}\n`
  }
  return shown
}
