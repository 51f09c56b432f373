// Imports of devices: what is written, what the result file says, and that an import that was interrupted
// goes on where it was. Promises: NOTHING-LOST.
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { assignedToAcme, startCliWorld, type CliWorld } from '../support/cli-world.ts'

let cli: CliWorld
let cwd = ''
let file = ''
let imports = 0
beforeAll(async () => {
  cli = await startCliWorld()
})
afterAll(() => cli[Symbol.asyncDispose]())
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tenantry-devices-'))
  file = join(cwd, 'devices.csv')
  imports += 1
  return () => rm(cwd, { recursive: true })
})

/** Ids of this test alone. */
function lines(count: number): string {
  return Array.from({ length: count }, (_, at) => `d${imports}-${at},Pump ${at},X2\n`).join('')
}

const header = 'id,name,model\n'
const assign = ['devices', 'assign', '-f', 'devices.csv', '--customer', 'acme']

const held = () => assignedToAcme(cli, `d${imports}-`)

async function results(verb = 'assign'): Promise<readonly string[]> {
  const text = await readFile(join(cwd, `devices.${verb}.result.csv`), 'utf8')
  return text.trimEnd().split('\n').slice(1)
}

const isThere = (name: string) =>
  access(join(cwd, name)).then(
    () => true,
    () => false,
  )

describe('an import', () => {
  test('writes batches of a thousand, and says of each row what became of it', async () => {
    await writeFile(file, header + lines(2_500))
    const { code, screen } = await cli.run('technician', assign, { cwd, answers: 'y\r' })
    expect(screen).toContain('assign 2,500 devices in 3 batches')
    expect(screen).toContain('100 %, 2,500 of 2,500 rows')
    expect(code, screen).toBe(7) // the operator of this test has no registry: all of them wait
    expect(new Set(await held()).size).toBe(2_500)
    const said = await results()
    expect(new Set(said.map((line) => line.split(',')[0])).size).toBe(2_500)
    expect(said[0]).toMatch(/^\d+,acme,d\d+-\d+,pending,RegistryMissing,/)
    expect(await isThere('devices.csv.assign.journal')).toBe(false)
  })

  test('that was stopped by Ctrl-C goes on, and writes no row twice', async () => {
    await writeFile(file, header + lines(12_000))
    const terminal = await cli.open('technician', [...assign, '--yes'], { cwd })
    await terminal.untilShown(/\d of 12,000 rows/, 60_000)
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(130)
    expect(terminal.screen()).toMatch(/rows of 12,000 are done .* Run the same command again/)
    const before = (await results()).length
    expect(before).toBeLessThan(12_000)
    const again = await cli.run('technician', [...assign, '--yes'], { cwd })
    expect(again.screen).toMatch(/An earlier run has done [\d,]+ rows/)
    expect(new Set((await results()).map((line) => line.split(',')[0])).size).toBe(12_000)
    expect((await results()).length).toBe(12_000)
    expect((await held()).length).toBe(12_000)
  })

  test('of a file that was changed meanwhile does not go on', async () => {
    await writeFile(file, header + lines(3))
    await writeFile(
      `${file}.assign.journal`,
      `${JSON.stringify({ sha256: 'other', command: 'devices assign acme' })}\n`,
    )
    const { code, screen } = await cli.run('technician', [...assign, '--yes'], { cwd })
    expect([code, screen]).toEqual([2, expect.stringContaining('of another content')])
    expect(await held()).toEqual([])
  })

  test('runs once at a time on one file', async () => {
    await writeFile(file, header + lines(3))
    const first = await cli.open('technician', assign, { cwd })
    await first.untilShown('[y/N]', 60_000)
    const second = await cli.run('technician', [...assign, '--yes'], { cwd })
    expect([second.code, second.screen]).toEqual([
      2,
      expect.stringContaining(`process ${first.pid}`),
    ])
    first.type('n\r')
    expect(await first.exited).toBe(8)
    expect(await isThere('devices.assign.result.csv')).toBe(false)
    expect(await held()).toEqual([])
  })

  test('with a line that cannot be used writes nothing, unless it is to be left out', async () => {
    await writeFile(file, `${header}${lines(2)},nobody,X2\n`)
    const refused = await cli.run('technician', [...assign, '--yes'], { cwd })
    expect([refused.code, refused.screen]).toEqual([
      2,
      expect.stringContaining('line 4: neither id nor unitId'),
    ])
    expect(await held()).toEqual([])
    const done = await cli.run('technician', [...assign, '--yes', '--skip-broken'], { cwd })
    expect(done.code).toBe(7)
    expect(await held()).toHaveLength(2)
    expect(await results()).toContainEqual('4,,,broken,Broken,neither id nor unitId')
  })

  test('in another encoding is refused until it is said', async () => {
    await writeFile(file, Buffer.from(`${header}d${imports}-0,Tür,X2\n`, 'latin1'))
    const refused = await cli.run('technician', [...assign, '--yes'], { cwd })
    expect([refused.code, refused.screen]).toEqual([
      2,
      expect.stringContaining('--encoding windows-1252'),
    ])
    await cli.run('technician', [...assign, '--yes', '--encoding', 'windows-1252'], { cwd })
    const shown = await cli.run('technician', [
      'devices',
      'tür',
      '--customer',
      'acme',
      '-o',
      'json',
    ])
    expect(JSON.parse(shown.screen)).toMatchObject({
      items: [{ device: `d${imports}-0`, name: 'Tür' }],
    })
  })
})

describe('a release', () => {
  test('takes devices out of the assignments that hold them, and leaves the others', async () => {
    await writeFile(file, header + lines(5))
    await cli.run('technician', [...assign, '--yes'], { cwd })
    await writeFile(file, `id\nd${imports}-1\nd${imports}-3\nd${imports}-99\n`)
    const release = ['devices', 'release', '-f', 'devices.csv', '--customer', 'acme', '--yes']
    const { code } = await cli.run('technician', release, { cwd })
    expect(code).toBe(7)
    expect(await held()).toEqual([0, 2, 4].map((at) => `d${imports}-${at}`))
    expect(await results('release')).toEqual([
      `2,acme,d${imports}-1,released,,`,
      `3,acme,d${imports}-3,released,,`,
      `4,acme,d${imports}-99,rejected,NotAssigned,No assignment of acme names this device.`,
    ])
  })
})

describe('a move', () => {
  test('names who has the devices now', async () => {
    await writeFile(file, header + lines(2))
    const move = [
      'devices',
      'move',
      '-f',
      'devices.csv',
      '--customer',
      'acme-a',
      '--from',
      'acme',
      '--yes',
    ]
    const { code, screen } = await cli.run('customer SuperAdmin', move, { cwd })
    expect(code, screen).toBe(7)
    const { stdout } = await cli.world.kubectl(
      'get',
      'devas',
      '-n',
      'customer-acme-a',
      '-o',
      'jsonpath={.items[*].spec.from.customer}',
    )
    expect(stdout).toBe('acme')
  })
})
