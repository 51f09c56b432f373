// Every command as each kind of person: what answers, what says plainly that it may
// not, and that nobody is shown what is not theirs. Promises: ISOLATED.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeProgram } from '../../src/cli/program.ts'
import { startCliWorld, type CliWorld, type Who } from '../support/cli-world.ts'
import { customer } from '../support/manifests.ts'
import { field } from '../support/world.ts'

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

/** Answers, or says plainly that it may not, and shows nothing of others. */
function check(who: Who, command: string, { code, screen }: { code: number; screen: string }) {
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

function expectedOf(codes: string, at: number): number {
  return Number(codes.split(' ')[at])
}

async function inTurns<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const queue = [...all]
  const one = async (): Promise<void> => {
    for (let each = queue.shift(); each !== undefined; each = queue.shift()) await work(each)
  }
  await Promise.all([one(), one(), one(), one()])
}

describe.each(people.map((who, at) => [who, at] as const))('as %s', (who, at) => {
  test('each command answers, or says plainly that it may not, and shows nothing of others', async () => {
    const codes: Record<string, number> = {}
    await inTurns(Object.keys(table), async (command) => {
      const words = command.replace('devices.csv', join(directory, 'devices.csv')).split(' ')
      const ended = await cli.runHere(who, words, { answers: 'n\r' })
      codes[command] = ended.code
      check(who, command, ended)
    })
    const expected = Object.entries(table).map(([command, each]) => [command, expectedOf(each, at)])
    expect(codes).toEqual(Object.fromEntries(expected))
  })
})

test('in a real terminal each command ends in the same way', { timeout: 120_000 }, async () => {
  const runs = Object.entries(table).map(([command, codes], index) => {
    const at = index % people.length
    return { command, who: people[at] ?? 'stranger', code: expectedOf(codes, at) }
  })
  await inTurns(runs, async ({ who, command, code }) => {
    const terminal = await cli.open(who, command.split(' '), { cwd: directory })
    const declined = terminal.untilShown('[y/N]', 60_000).then(
      () => terminal.type('n\r'),
      () => {},
    )
    const ended = { code: await terminal.exited, screen: terminal.screen() }
    await declined
    check(who, command, ended)
    expect.soft([command, ended.code]).toEqual([command, code])
  })
})

test('who looks from above sees every level, and knows where there is none further down', async () => {
  const { world } = cli
  const below = async () => {
    const link = await world.get('clink', 'acme-a', 'customer-acme')
    return field(link, 'status', 'hasNested')
  }
  expect(await below()).toBe(false)
  await world.apply(
    customer('acme-a-1', { parentRef: { name: 'acme-a' }, database: { enabled: false } }),
  )
  await world.until('it is told', async () => (await below()) === true)
  await world.until('it is listed', async () => {
    const { screen } = await cli.runHere('customer SuperAdmin', ['customers', '-o', 'name'])
    return screen.trim().split(/\s+/).join() === 'acme,acme-a,acme-a-1' || screen
  })
})

test('whoever examines a platform in shards hears which of them nobody works on', async () => {
  const { world } = cli
  const lease = (name: string, holderIdentity: string, sinceMs: number) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'sharded', annotations: { 'tenantry.dev/shards': '3' } },
    spec: {
      holderIdentity,
      leaseDurationSeconds: 60,
      renewTime: new Date(Date.now() - sinceMs).toISOString().replace('Z', '000Z'),
    },
  })
  const operator = async () => {
    const words = ['doctor', '--system-namespace', 'sharded']
    const { screen } = await cli.runHere('platform', words)
    return screen.split('\n').find((line) => line.startsWith('Operator'))
  }
  await world.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'sharded' } },
    lease('tenantry', 'one', 0),
    lease('tenantry-1', 'two', 120_000),
  )
  expect(await operator()).toMatch(/ fault .*no replica leads tenantry-1 since/)
  await world.apply(lease('tenantry-1', 'two', 0))
  expect(await operator()).toMatch(/ fault .*there is no lease tenantry-2 in sharded/)
  await world.apply(lease('tenantry-2', 'one', 0))
  expect(await operator()).toMatch(/ ok .*one, two lead/)
})
