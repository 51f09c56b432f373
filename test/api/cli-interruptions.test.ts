// Imports that something happens to: whatever it is, the command says what was done and what to do next, and
// the same command goes on from there. Promises: NOTHING-LOST.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { assignedToAcme, startCliWorld, type CliWorld } from '../support/cli-world.ts'
import { startWire } from '../support/severed-wire.ts'

let cli: CliWorld
let cwd = ''
let imports = 0
beforeAll(async () => {
  cli = await startCliWorld()
})
afterAll(() => cli[Symbol.asyncDispose]())
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tenantry-interrupted-'))
  imports += 1
  return () => rm(cwd, { recursive: true })
})

const assign = ['devices', 'assign', '-f', 'devices.csv', '--customer', 'acme']

/** Of this test alone. */
async function writeFileOf(count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, at) => `i${imports}-${at},Pump ${at},X2\n`)
  await writeFile(join(cwd, 'devices.csv'), `id,name,model\n${lines.join('')}`)
}

const held = () => assignedToAcme(cli, `i${imports}-`)

/** The lines of the file that the result file tells of. */
async function told(directory = cwd): Promise<readonly string[]> {
  const text = await readFile(join(directory, 'devices.assign.result.csv'), 'utf8')
  const rows = text.trimEnd().split('\n').slice(1)
  return rows.map((row) => row.split(',')[0] ?? '')
}

async function goesOn(rows: number, kubeconfig?: string): Promise<void> {
  const again = await cli.run('technician', [...assign, '--yes'], {
    cwd,
    ...(kubeconfig !== undefined && { kubeconfig }),
  })
  expect(again.code, again.screen).toBe(7) // without a registry all of them wait
  const lines = await told()
  expect([lines.length, new Set(lines).size]).toEqual([rows, rows])
  const ids = await held()
  expect([ids.length, new Set(ids).size]).toEqual([rows, rows])
}

describe('an import', () => {
  test('that loses its connection says what is done, and goes on once it is back', async () => {
    await writeFileOf(8_000)
    const config = parse(await readFile(await cli.kubeconfig('technician'), 'utf8'))
    const server = new URL(config.clusters[0].cluster.server)
    await using wire = await startWire(Number(server.port))
    server.port = String(wire.port)
    config.clusters[0].cluster.server = server.href
    const kubeconfig = join(cwd, 'wire.kubeconfig')
    await writeFile(kubeconfig, stringify(config), { mode: 0o600 })

    const terminal = await cli.open('technician', [...assign, '--yes'], { cwd, kubeconfig })
    await terminal.untilShown(/\d of 8,000 rows/, 60_000)
    wire.cut()
    expect(await terminal.exited, terminal.screen()).toBe(5)
    expect(terminal.screen()).toMatch(/of 8,000 are done .* Run the same command again to go on/)
    expect((await told()).length).toBeLessThan(8_000)
    wire.mend()
    await goesOn(8_000, kubeconfig)
  })

  test('whose sign-in ends before the answer is given writes nothing, and says so', async () => {
    await writeFileOf(3)
    const kubeconfig = await signInForAWhile()
    const terminal = await cli.open('platform', assign, { cwd, kubeconfig })
    await terminal.untilShown('[y/N]', 60_000)
    await cli.world.kubectl('delete', 'serviceaccount', 'importer', '-n', 'default')
    await cli.world.until(
      'the token is not accepted any more',
      async () => (await cli.run('platform', ['customers'], { kubeconfig })).code === 4,
      60_000,
    )
    terminal.type('y\r')
    expect(await terminal.exited, terminal.screen()).toBe(4)
    expect(terminal.screen()).toContain('0 rows of 3 are done')
    expect(terminal.screen()).toContain('Sign in again')
    expect(await held()).toEqual([])
    await goesOn(3)
  })

  test('that was killed goes on where it was, in spite of its lock', async () => {
    await writeFileOf(8_000)
    const terminal = await cli.open('technician', [...assign, '--yes'], { cwd })
    await terminal.untilShown(/\d of 8,000 rows/, 60_000)
    process.kill(terminal.pid, 'SIGKILL')
    await terminal.exited
    await goesOn(8_000)
  })

  test('of the same file from two machines at once makes each assignment once', async () => {
    await writeFileOf(4_000)
    await using other = await elsewhere()
    const runs = await Promise.all(
      [cwd, other.directory].map((directory) =>
        cli.run('technician', [...assign, '--yes'], { cwd: directory }),
      ),
    )
    expect(runs.map(({ code }) => code)).toEqual([7, 7])
    for (const directory of [cwd, other.directory]) {
      expect(new Set(await told(directory)).size).toBe(4_000)
    }
    const ids = await held()
    expect([ids.length, new Set(ids).size]).toEqual([4_000, 4_000])
  })
})

/** As somebody whose token ends when the account does. */
async function signInForAWhile(): Promise<string> {
  const { kubectl, platform } = cli.world
  await kubectl('create', 'serviceaccount', 'importer', '-n', 'default')
  await kubectl(
    'create',
    'clusterrolebinding',
    'importer',
    '--clusterrole=cluster-admin',
    '--serviceaccount=default:importer',
  )
  const { stdout } = await kubectl('create', 'token', 'importer', '-n', 'default')
  return platform.plane.kubeconfigForToken('importer', stdout.trim())
}

async function elsewhere() {
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-elsewhere-'))
  await cp(join(cwd, 'devices.csv'), join(directory, 'devices.csv'))
  return {
    directory,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  }
}
