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

const portal = "portalURL: 'https://portal.example'"
const hook = "name: crm, url: 'https://crm.example', secretFile: /a"
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
      'databases.servers.0: needs host and user with exactly one of passwordFile and passwordSecret',
    ],
    [
      'a server without an address',
      'databases: { servers: [{ name: one, passwordFile: /run/pw }] }',
      'databases.servers.0: needs host and user',
    ],
    [
      'a server with two ways to sign in',
      `databases: { servers: [{ ${server}, passwordFile: /a, connectionSecret: { namespace: a, name: b } }] }`,
      'or a connectionSecret',
    ],
    [
      'two servers of one name',
      `databases: { servers: [{ ${server}, passwordFile: /a }, { ${server}, passwordFile: /b }] }`,
      'two servers are named one',
    ],
    [
      'notifications without the address of the portal',
      'notifications: {}',
      'notifications: portalURL is missing',
    ],
    [
      'a user of the mail server without a password',
      `notifications: { ${portal}, smtp: { host: a, from: a@b.example, user: c } }`,
      'notifications.smtp: must have property passwordFile when property user is present',
    ],
    [
      'a sender that is two addresses',
      `notifications: { ${portal}, smtp: { host: a, from: 'a@b.example,c@d.example' } }`,
      'notifications.smtp.from: must match pattern',
    ],
    [
      'two webhooks of one name',
      `notifications: { ${portal}, webhooks: [{ ${hook} }, { ${hook} }] }`,
      'two webhooks are named crm',
    ],
    ['text that is no YAML', '{ a: [', 'config.yaml is not YAML'],
  ])('with %s is refused with the path and what to do', (_, text, message) => {
    expect(faultsOf(text)).toContain(message)
  })
})
