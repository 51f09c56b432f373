// A server of which the configuration says only where its Secret is, as CloudNativePG makes one: it may come after the operator, and
// change while the operator runs. On a real API server and a real PostgreSQL.
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemNamespace } from '../../tools/helm/render.ts'
import { customer } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  const connectionSecret = { namespace: systemNamespace, name: 'pg-superuser' }
  world = await startWorld({
    config: { databases: { servers: [{ name: 'local', connectionSecret }] } },
  })
  // What the chart gives for the Secrets that its values name.
  const rules = [
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['pg-superuser'], verbs: ['get'] },
  ]
  const metadata = { name: 'reads-the-server', namespace: systemNamespace }
  await world.apply(
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reads-the-server' },
      subjects: [{ kind: 'ServiceAccount', name: 'tenantry', namespace: systemNamespace }],
    },
  )
})
afterAll(() => world[Symbol.asyncDispose]())

function serverSecret(username: string, password: string) {
  const { host = '', port = 0 } = world.platform.postgres ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'pg-superuser', namespace: systemNamespace },
    stringData: { host, port: String(port), username, password, dbname: '*' },
  }
}

const databaseReady = (name: string) => world.condition({ kind: 'corg', name }, 'DatabaseReady')

test('a server whose address, user and password lie in a Secret is used as soon as it is there, and by what it says then', async () => {
  const { postgres } = world.platform
  if (!postgres) throw new Error('There is no PostgreSQL.')
  await world.apply(customer('early'))
  await world.until('it says what is missing', async () => {
    return (await databaseReady('early')) === 'False/DatabaseServerRefusesLogin'
  })

  await world.apply(serverSecret(postgres.user, postgres.password))
  await world.until(
    'it stands',
    async () => (await databaseReady('early')) === 'True/Ready',
    60_000,
  )
  const data = field(await world.get('secret', 'database-rw', 'customer-early'), 'data')
  const value = (key: string) => Buffer.from(text(field(data, key)), 'base64').toString('utf8')
  expect([value('host'), value('port')]).toEqual([postgres.host, String(postgres.port)])
  const client = new Client({
    host: value('host'),
    port: Number(value('port')),
    user: value('username'),
    password: value('password'),
    database: value('dbname'),
  })
  await client.connect()
  await client.end()

  const admin = new Client({ connectionString: postgres.url, ssl: { ca: postgres.ca } })
  await admin.connect()
  await admin.query(
    `CREATE ROLE next LOGIN SUPERUSER PASSWORD 'next'; ALTER ROLE ${postgres.user} PASSWORD 'another'`,
  )
  await world.apply(serverSecret('next', 'next'))
  await admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${postgres.user}' AND pid <> pg_backend_pid()`,
  )
  await admin.end()
  await world.apply(customer('late'))
  await world.until('it stands', async () => (await databaseReady('late')) === 'True/Ready', 60_000)
})
