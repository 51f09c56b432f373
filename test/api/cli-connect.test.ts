// `connect` with a real PostgreSQL: psql as oneself, and a password that is nowhere to be seen.
// Promises: ISOLATED.
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCliWorld, type CliWorld } from '../support/cli-world.ts'

let cli: CliWorld
beforeAll(async () => {
  cli = await startCliWorld({ postgres: true })
})
afterAll(() => cli[Symbol.asyncDispose]())

const connect = ['connect', 'acme']

describe('connecting to the database of a customer', () => {
  test('signs a technician in with the own login, over TLS', async () => {
    const query = 'SELECT current_user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
    await cli.world.until(
      'there is a login',
      async () => {
        const { code, screen } = await cli.run('technician', [...connect, '--', '-Atc', query])
        if (code !== 0) throw new Error(screen)
        expect(screen).toMatch(/\S+_g_\S+\|t/)
        return true
      },
      60_000,
    )
  })

  test('gives the terminal to psql, Ctrl-C too, and comes back with its exit code', async () => {
    const terminal = await cli.open('technician', connect)
    await terminal.untilShown(/=>$/, 60_000)
    terminal.type('SELECT pg_sleep(100), 1 AS began;\r')
    await terminal.untilShown('began;')
    terminal.type('\u0003') // psql's, as long as it runs
    await terminal.untilShown('canceling statement')
    terminal.type('\\q\r')
    expect(await terminal.exited).toBe(0)
    const failed = await cli.run('technician', [...connect, '--', '-c', 'SELECT nonsense'])
    expect(failed.code).toBe(1)
  })

  test('never shows the password: not to other processes, not on the screen', async () => {
    const terminal = await cli.open('technician', connect)
    await terminal.untilShown(/=>$/, 60_000)
    const { stdout: processes } = await promisify(execFile)('ps', ['-eo', 'args'])
    const password = await passwordOf()
    expect(password.length).toBeGreaterThan(15)
    expect(processes).not.toContain(password)
    expect(terminal.raw()).not.toContain(password)
    terminal.type('\\q\r')
    await terminal.exited
    const shown = await cli.run('technician', [...connect, '--print-env'])
    expect(shown.code).toBe(2)
    expect(shown.screen).not.toContain(password)
  })

  test('prints the environment for another program', async () => {
    const env = { ...process.env, KUBECONFIG: await cli.kubeconfig('technician') }
    const line = `eval "$(${process.execPath} --no-warnings ${resolve('src/cli/main.ts')} connect acme --print-env)" && psql -Atc 'SELECT 1'; rm -r "$(dirname "$PGSSLROOTCERT")"`
    const { stdout } = await promisify(execFile)('bash', ['-c', line], { env })
    expect(stdout).toBe('1\n')
  })

  test('is not for whoever has no login there', async () => {
    for (const who of ['partner Admin', 'customer Viewer'] as const) {
      const { code, screen } = await cli.run(who, connect)
      expect([code, screen]).toEqual([
        4,
        expect.stringContaining('has no login in the database of acme'),
      ])
    }
  })
})

async function passwordOf(): Promise<string> {
  const { stdout } = await cli.world.kubectl(
    'get',
    'secrets',
    '-n',
    'partner-nordic',
    '-o',
    'jsonpath={.items[*].data.password}',
  )
  return Buffer.from(stdout.split(' ')[0] ?? '', 'base64').toString('utf8')
}
