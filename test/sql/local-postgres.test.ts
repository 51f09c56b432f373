// The local PostgreSQL itself: that it is the real thing, asks for a password, and stays nowhere.
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPostgres, type LocalPostgres } from '../../tools/postgres/start.ts'

const { signal } = new AbortController()

describe('the local PostgreSQL', () => {
  let server: LocalPostgres
  beforeAll(async () => {
    server = await startPostgres(signal, { fsync: false })
  })
  afterAll(() => server.stop())

  test('is PostgreSQL 18, reached over verified TLS', async () => {
    const [row] = await ask(
      server,
      'SELECT version(), (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())',
    )
    expect(row).toMatchObject({ version: expect.stringMatching(/^PostgreSQL 18\./), ssl: true })
  })

  test('refuses a wrong password', async () => {
    await expect(ask(server, 'SELECT 1', { password: 'wrong' })).rejects.toMatchObject({
      code: '28P01',
    })
  })

  test('lets nobody in without a SCRAM password', async () => {
    const rules = await ask(server, 'SELECT DISTINCT auth_method FROM pg_hba_file_rules')
    expect(rules).toEqual([{ auth_method: 'scram-sha-256' }])
  })

  test('keeps what was committed when it is killed and comes back', async () => {
    await ask(server, 'CREATE TABLE kept AS SELECT 7 AS n')
    await ask(server, 'CHECKPOINT') // fsync is off here
    await server.kill()
    await server.restart(signal)
    expect(await ask(server, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
  })
})

test('a PostgreSQL that was stopped leaves no directory', async () => {
  const server = await startPostgres(signal, { fsync: false })
  const directory = dirname(server.logFile ?? '')
  expect(existsSync(directory)).toBe(true)
  await server.stop()
  expect(existsSync(directory)).toBe(false)
})

async function ask(
  { host, port, user, password, ca }: LocalPostgres,
  text: string,
  other: ClientConfig = {},
): Promise<unknown[]> {
  const ssl = ca === undefined ? false : { ca }
  const client = new Client({ host, port, user, password, database: 'postgres', ssl, ...other })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}
