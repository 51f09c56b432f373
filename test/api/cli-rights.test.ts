// Every command as each kind of person, in a real terminal: what answers, what says plainly that it may
// not, and that nobody is shown what is not theirs. Promises: ISOLATED.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeProgram } from '../../src/cli/program.ts'
import { startCliWorld, type CliWorld, type Who } from '../support/cli-world.ts'

let cli: CliWorld
let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-rights-'))
  await writeFile(join(directory, 'devices.csv'), 'id\np-1\n')
  cli = await startCliWorld()
})
afterAll(async () => {
  await cli[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

const people = [
  'platform',
  'partner SuperAdmin',
  'partner Admin',
  'technician',
  'partner User',
  'customer SuperAdmin',
  'customer Admin',
  'customer Viewer',
  'stranger',
] as const satisfies readonly Who[]

/** Exit codes, a column per person; changes are refused or declined, so no cell changes another. */
const table: Readonly<Record<string, string>> = {
  //                                        platform, partner: Super Admin Tech. User, customer: Super Admin Viewer, stranger
  'who acme': '0 0 0 0 4 0 0 4 4',
  where: '0 0 0 0 0 0 0 0 2',
  'where nordic:tina': '0 4 4 4 4 4 4 4 4',
  customers: '0 0 0 0 0 0 0 0 2',
  'tree acme': '0 0 0 0 0 0 0 0 2',
  'status acme': '0 0 0 0 4 0 0 0 4',
  'events acme': '0 4 4 0 4 0 0 0 4',
  'audit acme': '0 0 0 0 4 0 0 4 4',
  'explain acme': '0 0 0 0 4 0 0 4 4',
  doctor: '0 0 0 0 0 0 0 0 0',
  contexts: '0 0 0 0 0 0 0 0 2',
  'use acme': '0 0 0 0 0 0 0 0 2',
  'devices --customer acme': '0 4 4 0 4 0 0 4 4',
  'connect acme': '2 4 4 4 4 4 4 4 2',
  // 8: allowed, asked, and declined
  'grant nordic:pia --customer acme': '8 8 8 4 4 4 4 4 4',
  'end acme': '8 8 4 4 4 8 4 4 4',
  'hand-over acme --to iberia': '8 4 4 4 4 8 4 4 4',
  'invite partner nordic --customer acme-a': '8 4 4 4 4 4 4 4 4',
  'invite person nordic:new --role User --organization partner/nordic': '8 8 8 4 4 4 4 4 4',
  'confirm-delete acme': '8 4 4 4 4 4 4 4 4',
  'restore-database acme --none': '8 4 4 4 4 4 4 4 4',
  'devices assign -f devices.csv --customer acme': '8 4 4 8 4 8 8 4 4',
}

/** What nobody but the platform has to do with. */
const foreign = /globex|iberia|sven@|gamma\.example/i
const ofThePartner = /globex|sven@/i

test('every command is in the table', () => {
  const outside = () => {
    throw new Error('nothing is run here')
  }
  const named = makeProgram({ outside, exitWith: () => {} })
    .commands.map((command) => command.name())
    .filter((name) => !['completion', '__complete'].includes(name))
  for (const name of named) expect(Object.keys(table).join('\n')).toContain(name)
})

describe.each(people.map((who, at) => [who, at] as const))('as %s', (who, at) => {
  test(
    'each command answers, or says plainly that it may not, and shows nothing of others',
    { timeout: 240_000 },
    async () => {
      const expected = Object.fromEntries(
        Object.entries(table).map(([command, codes]) => [command, Number(codes.split(' ')[at])]),
      )
      const queue = Object.keys(table)
      const codes: Record<string, number> = {}
      const work = async (): Promise<void> => {
        for (let command = queue.shift(); command !== undefined; command = queue.shift()) {
          const { code, screen } = await runOnce(who, command)
          codes[command] = code
          const mine =
            who === 'platform'
              ? /^$/
              : who.startsWith('customer') || who === 'stranger'
                ? foreign
                : ofThePartner
          // What was typed may be repeated.
          const shown = screen.replaceAll(/iberia(?=[^a-z])/g, (name) =>
            command.includes(name) ? '' : name,
          )
          expect.soft(shown, `${who}: ${command}`).not.toMatch(mine)
          if (code === 4) expect.soft(screen, command).toMatch(/may not|Refused|has no login|needs/)
          if (who === 'stranger') expect.soft(screen, command).not.toMatch(/Acme|sara@|nordic:tina/)
        }
      }
      await Promise.all([work(), work(), work()])
      expect(codes).toEqual(expected)
    },
  )
})

async function runOnce(who: Who, command: string) {
  const terminal = await cli.open(who, command.split(' '), { cwd: directory })
  const declined = terminal.untilShown('[y/N]', 60_000).then(
    () => terminal.type('n\r'),
    () => {},
  )
  const code = await terminal.exited
  await declined
  return { code, screen: terminal.screen() }
}
