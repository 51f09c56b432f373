// Secrets of applications: what a program that reads them connects to.
import { describe, expect, test } from 'vitest'
import { credentialsOf } from './credentials.ts'
import { databaseName, loginName } from './names.ts'
import { newPassword } from './password.ts'

const uid = '7b0f5a9e-1c0d-4a57-9b7e-0c5d0f6f2a11'
const server = {
  name: 'main',
  host: '10.0.0.1',
  port: 5432,
  user: 'postgres',
  password: async () => 'of the operator',
  tls: { ca: 'PEM' },
  maxDatabases: 1,
  pools: [],
} as const
const login = { username: loginName(uid, 'rw', 'a'), password: newPassword() }

describe('the Secret of an application', () => {
  test('says the same in its fields, its URI and its JDBC URI', () => {
    const keys = credentialsOf(server, uid, 'rw', login)
    const uri = new URL(keys['uri'] ?? '')
    expect(uri.hostname).toBe(keys['host'])
    expect(uri.port).toBe(keys['port'])
    expect(uri.pathname).toBe(`/${databaseName(uid)}`)
    expect(uri.username).toBe(login.username)
    expect(decodeURIComponent(uri.password)).toBe(login.password)
    const jdbc = new URL((keys['jdbc-uri'] ?? '').replace('jdbc:', ''))
    expect(jdbc.searchParams.get('password')).toBe(login.password)
    expect(keys).toMatchObject({ type: 'postgresql', provider: 'tenantry', sslmode: 'verify-full' })
    expect(keys['ca.crt']).toBe('PEM')
  })

  test('names the address that customers use, IPv6 in brackets', () => {
    const keys = credentialsOf(
      { ...server, advertise: { host: 'fd00::1', port: 6432 } },
      uid,
      'rw',
      login,
    )
    expect(keys).toMatchObject({ host: 'fd00::1', port: '6432' })
    expect(new URL(keys['uri'] ?? '').host).toBe('[fd00::1]:6432')
  })

  test('holds nothing of the operator', () => {
    expect(JSON.stringify(credentialsOf(server, uid, 'rw', login))).not.toContain('of the operator')
  })
})
