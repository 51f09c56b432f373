// `npm run demo` as a person meets it: what it shows, what it offers to try, and that it goes
// without a trace however it ends.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startDemo, type Demo } from '../support/demo-process.ts'

const staying = 'Ctrl-C ends all of it'

describe('npm run demo -- --once', () => {
  test('brings every customer to what it should be, ends with 0 and leaves nothing', async () => {
    await using demo = await startDemo('--once')
    expect(await demo.exited, demo.printed()).toBe(0)
    const rows = demo.printed().split('\n')
    for (const name of ['northwind', 'contoso', 'contoso-hamburg', 'contoso-pier-7', 'tailspin']) {
      expect(rows.find((row) => row.startsWith(`${name} `))).toMatch(/ True +Ready /)
    }
    expect(rows.find((row) => row.startsWith('orphaned '))).toMatch(/ False +ParentNotFound /)
    expect(rows.filter((row) => row !== '').at(-1)).toMatch(/^ *\d+\.\d s /) // its total
    expect(demo.leftovers()).toEqual([])
  })

  test('does not end with 0 when it is interrupted, and leaves nothing', async () => {
    await using demo = await startDemo('--once')
    await demo.untilPrinted('The operator runs')
    await demo.interrupt()
    expect(await demo.exited).not.toBe(0)
    expect(demo.leftovers()).toEqual([])
  })
})

describe('npm run demo', () => {
  let demo: Demo
  beforeAll(async () => {
    demo = await startDemo()
    await demo.untilPrinted(staying)
  })
  afterAll(() => demo[Symbol.asyncDispose]())

  test('offers commands that do what the line above them says', async () => {
    const commands = demo
      .printed()
      .slice(demo.printed().indexOf('Try, in another terminal'))
      .split('\n')
      .filter((line) => /^ {2}[^ #]/.test(line))
    expect(commands).toHaveLength(5)
    const [inAtNorthwind = '', outAtContoso = '', viewer = '', database = '', handOver = ''] =
      commands
    expect(await demo.shell(inAtNorthwind)).toMatchObject({ code: 0 })
    expect((await demo.shell(outAtContoso)).stderr).toMatch(/Forbidden.*fabrikam:tina/)
    expect((await demo.shell(viewer)).stdout).toMatch(/^configmaps .*\[get list watch\]$/m)
    const asked = await demo.shell(database)
    expect(asked.stdout, asked.stderr).toMatch(/t_\w+_rw_\w+/)
    // The last one watches until Ctrl-C.
    expect((await demo.shell(handOver, 5_000)).stdout).toMatch(/^contoso +fabrikam +Active/m)
  })

  test('refuses to start, or to be started, beside another in the same directory', async () => {
    const second = await demo.shell(`'${process.execPath}' tools/demo.ts --once`)
    expect(second).toMatchObject({ code: 1, stderr: expect.stringMatching(/npm run down/) })
    const { code, stdout } = await demo.shell('ls .local/kubeconfig')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '.local/kubeconfig\n' })
  })

  test('keeps what lets others in readable by its owner alone, and leaves nothing after Ctrl-C', async () => {
    const file = (name: string) => join(demo.directory, '.local', name)
    for (const name of ['kubeconfig', 'postgres.url', 'postgres.password']) {
      expect(statSync(file(name)).mode & 0o777, name).toBe(0o600)
    }
    const client = new Client({
      connectionString: readFileSync(file('postgres.url'), 'utf8').trim(),
      ssl: { ca: readFileSync(file('postgres-ca.crt'), 'utf8') },
    })
    await client.connect()
    await client.end()

    expect(demo.leftovers().length).toBeGreaterThan(4) // else nobody would look in the right place
    await demo.interrupt()
    expect(await demo.exited).toBe(0)
    expect(demo.leftovers()).toEqual([])
  })

  test('leaves no process when it is killed', async () => {
    await using killed = await startDemo()
    await killed.untilPrinted('The operator runs')
    killed.kill()
    await killed.exited
    const processes = () => killed.leftovers().filter((name) => /^\d/.test(name))
    await expect.poll(processes, { timeout: 10_000 }).toEqual([])
  })
})
