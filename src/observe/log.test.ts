// What gets into the log and what never does.
import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { makeLog } from './log.ts'

function start(level = 'info') {
  const lines: string[] = []
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString())
      done()
    },
  })
  const last = (): unknown => JSON.parse(lines.at(-1) ?? '{}')
  return { log: makeLog({ level }, destination), lines, last }
}

describe('a log line', () => {
  test('is JSON with a level by name, a time, and the marks of its child', () => {
    const { log, last } = start()
    log.child({ controller: 'customers' }).warn({ customer: 'northwind' }, 'release half proven')
    expect(last()).toMatchObject({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      controller: 'customers',
      customer: 'northwind',
      msg: 'release half proven',
    })
  })

  test('below the level is not written', () => {
    const { log, lines } = start('warn')
    log.info({}, 'hello')
    expect(lines).toEqual([])
  })

  test('tells an error with its cause', () => {
    const { log, last } = start()
    log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'a run failed')
    expect(last()).toMatchObject({
      err: { type: 'Error', message: 'outer: inner', stack: expect.stringContaining('inner') },
    })
  })
})

describe('a secret', () => {
  test.each([
    'password',
    'PASSWORD',
    'adminPassword',
    'uri',
    'jdbc-uri',
    'jdbcUri',
    'token',
    'bearerToken',
    'DSN',
    'authorization',
    'connectionString',
    'clientSecret',
    'scramVerifier',
  ])('called %s never gets into the log, at any depth', (name) => {
    const { log, lines } = start()
    const child = log.child({ [name]: 'hunter2', deep: { [name]: 'hunter2' } })
    child.info({ [name]: 'hunter2', list: [{ a: { b: { [name]: ['hunter2'] } } }] }, 'hello')
    child.error({ err: Object.assign(new Error('no'), { [name]: 'hunter2' }) })
    expect(lines).toHaveLength(2)
    expect(lines.join('')).not.toContain('hunter2')
    expect(lines.join('')).toContain('(secret)')
  })

  test.each([
    'connect to postgres://app:hunter2@pg-1:5432/db failed',
    'connect to https://:hunter2@proxy failed',
    'host=pg-1 password=hunter2 dbname=x',
    'jdbc:postgresql://pg-1/db?user=app&password=hunter2&ssl=true',
  ])('in a text such as "%s" does not either', (text) => {
    const { log, lines } = start()
    log.info({}, text)
    log.error({ err: new Error(text) }, text)
    expect(lines).toHaveLength(2)
    expect(lines.join('')).not.toContain('hunter2')
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
  })

  test('does not hide what only sounds like one', () => {
    const { log, last } = start()
    log.info({ secret: 'shop/database-adm', passwordSet: true, url: 'https://x/y' }, 'at a@b.c')
    expect(last()).toMatchObject({
      secret: 'shop/database-adm',
      passwordSet: true,
      url: 'https://x/y',
      msg: 'at a@b.c',
    })
  })

  test('in a value that holds itself does not stop the log', () => {
    const { log, lines } = start()
    const circle: Record<string, unknown> = { password: 'hunter2', when: new Date(0) }
    circle['self'] = circle
    log.info({ circle }, 'round')
    expect(lines[0]).toContain('1970-01-01T00:00:00.000Z')
    expect(lines[0]).not.toContain('hunter2')
  })
})
