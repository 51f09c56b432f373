// A platform whose PostgreSQL administrator is no superuser, as managed services give one, and has room for one customer: what stands
// in the way is said in DatabaseReady with the next step, and goes on when it is out of the way. Holds PROVEN, NOTHING-LOST.
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseName } from '../../src/databases/names.ts'
import { newPassword } from '../../src/databases/password.ts'
import { systemNamespace } from '../../tools/helm/render.ts'
import { customer, grant, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type Found, type World } from '../support/world.ts'

const connectionSecret = { namespace: systemNamespace, name: 'pg-creator' }
const [password, wrong] = [newPassword(), newPassword()]

let world: World
beforeAll(async () => {
  world = await startWorld({
    config: {
      databases: {
        servers: [{ name: 'local', connectionSecret, maxDatabases: 1 }],
        checkSeconds: 1,
      },
    },
  })
  await asSuperuser(
    `CREATE ROLE creator LOGIN CREATEDB CREATEROLE PASSWORD '${password}';
     REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;
     GRANT CONNECT ON DATABASE postgres TO creator`,
  )
  // What the chart gives for the Secrets that its values name.
  const metadata = { name: 'reads-the-server', namespace: systemNamespace }
  const { name } = connectionSecret
  await world.apply(
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: [name], verbs: ['get'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: 'tenantry', namespace: systemNamespace }],
    },
    secretWith(wrong),
    customer('first'),
  )
})
afterAll(() => world[Symbol.asyncDispose]())

function secretWith(word: string) {
  const { host = '', port = 0 } = world.platform.postgres ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: connectionSecret,
    stringData: { host, port: String(port), username: 'creator', password: word },
  }
}

async function asSuperuser(statement: string): Promise<void> {
  const { url, ca } = world.platform.postgres ?? {}
  const client = new Client({ connectionString: url, ssl: { ca } })
  await client.connect()
  await client.query(statement)
  await client.end()
}

/** Without TLS, of which such a Secret says nothing. */
async function signIn(secret: Found | undefined): Promise<Client> {
  const value = (key: string) =>
    Buffer.from(text(field(secret, 'data', key)), 'base64').toString('utf8')
  const client = new Client({
    host: value('host'),
    port: Number(value('port')),
    user: value('username'),
    password: value('password'),
    database: value('dbname'),
  })
  client.on('error', () => {}) // some are ended by the operator
  await client.connect()
  return client
}

/** @returns what it says, once it has this reason */
async function says(name: string, reason: string): Promise<string> {
  let message = ''
  await world.until(
    `${name} says ${reason}`,
    async () => {
      const conditions = field(await world.get('corg', name), 'status', 'conditions')
      const found: unknown = Array.isArray(conditions)
        ? conditions.find((each) => field(each, 'type') === 'DatabaseReady')
        : undefined
      message = text(field(found, 'message'))
      return field(found, 'reason') === reason || `${text(field(found, 'reason'))}: ${message}`
    },
    60_000,
  )
  return message
}

test('a wrong password is said, and not shown; the right one makes the customer ready', async () => {
  const message = await says('first', 'DatabaseServerRefusesLogin')
  expect(message).toContain("refuses the operator's login. Check user and password in the Secret")
  expect(message).not.toContain(wrong)
  await world.apply(secretWith(password))
  await says('first', 'Ready')
  const adm = await signIn(await world.get('secret', 'database-adm', 'customer-first'))
  await adm.query("CREATE TABLE words AS SELECT 'one' AS word")
  await adm.end()
  expect(await world.operators[0]?.log()).not.toContain(password)
})

test('a server without room is said to whoever comes then', async () => {
  await world.apply(customer('second'))
  expect(await says('second', 'DatabaseServerFull')).toBe(
    'No PostgreSQL server of pool default has room for another database. Add a server to the pool, or raise maxDatabases of one.',
  )
})

test('rights that somebody took from the administrator are named, and nothing is lost meanwhile', async () => {
  const uid = text(field(await world.get('corg', 'first'), 'metadata', 'uid'))
  const login = `${databaseName(uid)}_adm_a`
  await asSuperuser(`REVOKE ${login} FROM creator CASCADE`)
  const message = await says('first', 'DatabaseRightsMissing')
  expect(message).toContain(`the operator may not act as ${login}`)
  expect(message).toContain('Give it CREATEDB, CREATEROLE and ADMIN OPTION on the roles')
  const adm = await signIn(await world.get('secret', 'database-adm', 'customer-first'))
  expect((await adm.query('SELECT word FROM words')).rows).toEqual([{ word: 'one' }])
  await adm.end()
  await asSuperuser(`GRANT ${login} TO creator WITH ADMIN TRUE`)
  await says('first', 'Ready')
})

test('a technician is let in and thrown out as everywhere (NO-LATE, PROVEN)', async () => {
  await world.apply(partner('fabrikam', { usernames: { prefix: 'fabrikam:' } }))
  await world.until('the partner stands', async () => {
    return (await world.condition({ kind: 'porg', name: 'fabrikam' }, 'Ready')) === 'True/Ready'
  })
  await world.apply(
    member('partner-fabrikam', 'fabrikam:tina'),
    grant('first', 'fabrikam', { technicians: [{ name: 'fabrikam:tina', scope: 'Full' }] }),
  )
  let name = ''
  await world.until('there is a Secret', async () => {
    const { stdout } = await world.kubectl('get', 'secrets', '-n', 'partner-fabrikam', '-o', 'name')
    name = /secret\/(login-first-\S+)/.exec(stdout)?.[1] ?? ''
    return name !== ''
  })
  const secret = await world.get('secret', name, 'partner-fabrikam')
  let closed: Promise<unknown> = Promise.resolve()
  await world.until('tina signs in', async () => {
    const tina = await signIn(secret)
    await tina.query("INSERT INTO words VALUES ('two')")
    closed = new Promise((resolve) => tina.once('end', resolve))
    return true
  })
  await world.apply(grant('first', 'fabrikam', { technicians: [] }))
  await closed
  await expect(signIn(secret)).rejects.toMatchObject({ code: '28P01' })
  await world.until('the proof is said', async () => {
    const where = { kind: 'pag', name: 'partner', namespace: 'customer-first' }
    return (await world.condition(where, 'Revoked')) === 'True/Proven'
  })
})
