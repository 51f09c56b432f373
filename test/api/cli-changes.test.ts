// What the commands that change something do when it does not go straight: somebody says no, presses
// Ctrl-C, is not there to be asked, has an old token, or is slower than somebody else. The effect is asked
// of the API server. Promises: PROVEN, NO-LATE.
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { startCliWorld, type CliWorld, type Who } from '../support/cli-world.ts'
import { field } from '../support/world.ts'

let cli: CliWorld
let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-changes-'))
  cli = await startCliWorld()
})
afterAll(async () => {
  await cli[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

const entersAcme = (person: string) => cli.world.can(person, 'get', 'pods', 'customer-acme')
const technicians = async () =>
  field(await cli.world.get('pag', 'partner', 'customer-acme'), 'spec', 'technicians')

/** As a script: no terminal at all. */
async function script(who: Who, args: readonly string[], kubeconfig?: string) {
  const env = { ...process.env, KUBECONFIG: kubeconfig ?? (await cli.kubeconfig(who)) }
  const all = ['--no-warnings', resolve('src/cli/main.ts'), ...args]
  return promisify(execFile)(process.execPath, all, { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
}

describe('a grant', () => {
  test('is proven when the command comes back: the person enters (PROVEN)', async () => {
    expect(await entersAcme('nordic:pia')).toBe(false)
    const { code, screen, raw } = await cli.run(
      'partner Admin',
      ['grant', 'nordic:pia', '--customer', 'acme'],
      { answers: 'y\r' },
    )
    expect(await entersAcme('nordic:pia')).toBe(true)
    expect([code, screen]).toEqual([
      0,
      expect.stringContaining('Proven: the API server lets nordic:pia enter.'),
    ])
    expect(raw).toContain('\u001B[') // the live view, and colours
  })

  test.each([
    ['no', 'n\r', 8, 'Nothing was changed.'],
    ['nothing', '\r', 8, 'Nothing was changed.'],
    ['Ctrl-C', '\u0003', 130, 'Stopped. Nothing was changed.'],
    ['Ctrl-D', '\u0004', 130, 'Stopped. Nothing was changed.'],
  ])('changes nothing when the answer is %s', async (_, answers, exit, says) => {
    const before = await technicians()
    const { code, screen } = await cli.run(
      'partner Admin',
      ['grant', 'nordic:anna', '--customer', 'acme'],
      { answers },
    )
    expect([code, screen]).toEqual([exit, expect.stringContaining(says)])
    expect(await technicians()).toEqual(before)
  })

  test('in a script needs --yes, and with --wait=false does not wait', async () => {
    const asked = await script('partner Admin', ['grant', 'nordic:paul', '--customer', 'acme'])
    expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining('or add --yes') })
    const done = await script('partner Admin', [
      'grant',
      'nordic:paul',
      '--customer',
      'acme',
      '--yes',
      '--wait=false',
    ])
    expect(done).toMatchObject({ code: 0, stdout: '' })
    expect(done.stderr).toContain('Written. The operator carries it out.')
    expect(done.stderr).not.toContain('\u001B')
    await cli.world.until('it is carried out', () => entersAcme('nordic:paul'))
  })

  test('that somebody else has changed meanwhile is not overwritten', async () => {
    const terminal = await cli.open('partner Admin', ['grant', 'nordic:anna', '--customer', 'acme'])
    await terminal.untilShown('[y/N]', 60_000)
    const patch = JSON.stringify({
      spec: { technicians: [{ name: 'nordic:tina', scope: 'Full' }] },
    })
    await cli.world.kubectl(
      'patch',
      'pag',
      'partner',
      '-n',
      'customer-acme',
      '--type=merge',
      '-p',
      patch,
    )
    terminal.type('y\r')
    expect(await terminal.exited).toBe(1)
    expect(terminal.screen()).toContain(
      'Somebody else has changed it at the same time. Nothing of yours was written.',
    )
    expect(await technicians()).toMatchObject([{ name: 'nordic:tina' }])
  })

  test('asks for an end that can be understood', async () => {
    const run = (...args: string[]) =>
      script('partner Admin', ['grant', 'nordic:pia', '--customer', 'acme', ...args])
    expect(await run('--until', '1 May')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('RFC 3339'),
    })
    expect(await run('--for', 'long')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('8h or 14d'),
    })
    expect(await run('--scope', 'Root')).toMatchObject({ code: 2 })
  })
})

describe('an end', () => {
  test('is proven: nobody of the partner enters when the command comes back (NO-LATE)', async () => {
    const { code, screen } = await cli.run('partner SuperAdmin', ['end', 'gamma', '--yes'])
    expect([code, screen]).toEqual([
      0,
      expect.stringContaining('Proven: partner nordic is out of customer gamma.'),
    ])
    expect(
      await cli.world.can(
        'nordic:anna',
        'patch',
        'partneraccessgrants.tenantry.dev',
        'customer-gamma',
      ),
    ).toBe(false)
    // Its place in the list goes after the proof; the next test ends the operator, which would leave it there.
    await cli.world.until(
      'gamma is off the list of the partner',
      async () => (await cli.world.get('clink', 'gamma', 'partner-nordic')) === undefined,
    )
  })

  test('that the operator cannot carry out says so in time, and Ctrl-C only stops the watching', async () => {
    const [operator] = cli.world.operators
    await operator?.kill()
    const late = await script('partner Admin', [
      'end',
      'acme',
      '--technician',
      'nordic:tina',
      '--yes',
      '--timeout',
      '1s',
    ])
    expect(late).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('Written, but not proven within 1 s.'),
    })
    const terminal = await cli.open('partner Admin', [
      'grant',
      'nordic:tina',
      '--customer',
      'acme',
      '--yes',
    ])
    await terminal.untilShown('Waiting:', 60_000)
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(130)
    expect(terminal.screen()).toContain('The change is written, and the operator carries it out.')
    await cli.world.startOperator()
    await cli.world.until('it is carried out', () => entersAcme('nordic:tina'))
  })
})

describe('the command', () => {
  test('with a token that is not accepted any more says how to go on', async () => {
    const { plane } = cli.world.platform
    const file = await plane.kubeconfigForToken('expired', 'eyJhbGciOiJSUzI1NiJ9.e30.bm90aGluZw')
    const { code, stderr } = await script('platform', ['customers'], file)
    expect([code, stderr]).toEqual([4, expect.stringContaining('Sign in again')])
    expect(stderr).not.toContain('eyJ')
  })

  test('without a server says that it cannot be reached', async () => {
    const config = parse(await readFile(await cli.kubeconfig('platform'), 'utf8'))
    config.clusters[0].cluster.server = 'https://127.0.0.1:1'
    const file = join(directory, 'nowhere.kubeconfig')
    await writeFile(file, stringify(config))
    const { code, stderr } = await script('platform', ['customers'], file)
    expect([code, stderr]).toEqual([5, expect.stringContaining('Check the network')])
  })

  test('works as a plugin of kubectl, which then is in the same scope', async () => {
    const plugin = join(directory, 'kubectl-tenantry')
    await writeFile(
      plugin,
      `#!/bin/sh\nexec ${process.execPath} --no-warnings ${resolve('src/cli/main.ts')} "$@"\n`,
    )
    await chmod(plugin, 0o755)
    const { kubectl } = cli.world.platform.plane
    const kubeconfig = await cli.kubeconfig('technician')
    const path = [directory, dirname(kubectl), process.env['PATH']].join(delimiter)
    const shell = (line: string) =>
      promisify(execFile)('bash', ['-c', line], {
        env: { ...process.env, PATH: path, KUBECONFIG: kubeconfig },
      })
    const { stdout } = await shell(
      'kubectl tenantry use acme && kubectl config current-context && kubectl config view --minify -o jsonpath={..namespace} && echo && kubectl get pag -o name && kubectl tenantry who -o name',
    )
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining([
        'customer-acme@tenantry',
        'customer-acme',
        'partneraccessgrant.tenantry.dev/partner',
        'nordic:tina',
      ]),
    )
    const completed = await shell(
      'source <(kubectl-tenantry completion bash); COMP_WORDS=(kubectl-tenantry who ac); COMP_CWORD=2; _kubectl_tenantry; echo "${COMPREPLY[@]}"; COMP_WORDS=(kubectl-tenantry ha); COMP_CWORD=1; _kubectl_tenantry; echo "${COMPREPLY[@]}"',
    )
    expect(completed.stdout).toBe('acme\nhand-over\n')
  })

  test('watches until Ctrl-C, and shows what changes', async () => {
    const terminal = await cli.open('platform', ['who', 'acme', '--watch'])
    await terminal.untilShown('nordic:tina', 60_000)
    await cli.world.kubectl('delete', 'member', 'vera-acme-example', '-n', 'customer-acme')
    await cli.world.until(
      'it is gone from the screen',
      async () => !terminal.screen().includes('vera@'),
      60_000,
    )
    terminal.type('\u0003')
    expect(await terminal.exited).toBe(130)
  })

  test('acts as somebody else only where the server lets it', async () => {
    const platform = await script('platform', [
      'where',
      '--as',
      'nordic:tina',
      '--organization',
      'partner/nordic',
      '-o',
      'json',
    ])
    expect(JSON.parse(platform.stdout)).toMatchObject({
      items: [{ customer: 'acme', may: 'Enter' }],
    })
    const technician = await script('technician', ['customers', '--as', 'admin'])
    expect(technician).toMatchObject({ code: 4, stderr: expect.stringContaining('impersonate') })
  })
})
