// The configuration file: what is taken, and how faults are told.
import { describe, expect, test } from 'vitest'
import { parseConfiguration } from './configuration.ts'

function faultsOf(text: string): string {
  try {
    parseConfiguration(text, 'config.yaml')
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
}

const server = 'name: one, host: db.example, user: operator'

describe('a configuration file', () => {
  test('may be empty: everything has a default', () => {
    expect(parseConfiguration('', 'config.yaml')).toMatchObject({
      namespace: 'tenantry-system',
      workers: 8,
      databases: { servers: [], allowedExtensions: [] },
    })
  })

  test('fills in what a server leaves out', () => {
    const text = `databases: { servers: [{ ${server}, passwordFile: /run/pw }] }`
    expect(parseConfiguration(text, 'config.yaml').databases.servers[0]).toMatchObject({
      port: 5432,
      pools: ['default'],
      maxDatabases: 1000,
    })
  })

  test.each([
    ['an unknown key', 'databse: {}', 'the file: unknown key databse. Remove it'],
    ['a wrong type', 'workers: many', 'workers: must be of type integer'],
    ['a value out of range', 'workers: 0', 'workers: must be >= 1'],
    ['a level that does not exist', 'log: { level: loud }', 'log.level: must be one of debug'],
    [
      'a server without a password',
      `databases: { servers: [{ ${server} }] }`,
      'databases.servers.0: needs exactly one of passwordFile and passwordSecret',
    ],
    [
      'two servers of one name',
      `databases: { servers: [{ ${server}, passwordFile: /a }, { ${server}, passwordFile: /b }] }`,
      'two servers are named one',
    ],
    ['text that is no YAML', '{ a: [', 'config.yaml is not YAML'],
  ])('with %s is refused with the path and what to do', (_, text, message) => {
    expect(faultsOf(text)).toContain(message)
  })
})
