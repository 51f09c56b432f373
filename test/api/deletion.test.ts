// A customer is deleted: what stays, what goes, and what comes back. By signing in to PostgreSQL and asking the API server.
// Promises: NOTHING-LOST, PROVEN.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer } from '../support/manifests.ts'
import { field, startWorld, text, type Found, type World } from '../support/world.ts'

const namespaceOf = (name: string) => `customer-${name}`

async function superuser(world: World, statement: string, database = 'postgres') {
  const { postgres } = world.platform
  const client = new Client({
    host: postgres?.host,
    port: postgres?.port,
    user: postgres?.user,
    password: postgres?.password,
    database,
    ssl: postgres?.ca === undefined ? false : { ca: postgres.ca },
  })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows
  } finally {
    await client.end()
  }
}

async function ready(world: World, name: string): Promise<void> {
  await world.until(`${name} is ready`, async () => {
    return (await world.condition({ kind: 'corg', name }, 'Ready')) === 'True/Ready'
  })
}

async function gone(world: World, name: string): Promise<void> {
  await world.until(`${name} is gone`, async () => (await world.get('corg', name)) === undefined)
}

async function remove(world: World, ...names: readonly string[]): Promise<void> {
  const { code, stderr } = await world.kubectl('delete', 'corg', ...names, '--wait=false')
  expect(code, stderr).toBe(0)
}

const databaseOf = (object: Found | undefined) => text(field(object, 'status', 'database', 'name'))

/** A customer whose application has written a word. @returns the Secret of that application */
async function make(world: World, name: string, spec: object): Promise<Found> {
  await world.apply(customer(name, spec))
  await ready(world, name)
  const adm = await world.loginAs(namespaceOf(name), 'database-adm')
  await adm.query("CREATE TABLE words (word text); INSERT INTO words VALUES ('kept')")
  await adm.end()
  const secret = await world.get('secret', 'database-adm', namespaceOf(name))
  if (!secret) throw new Error(`${name} has no Secret.`)
  return secret
}

async function wordsOf(world: World, name: string): Promise<readonly unknown[]> {
  const client = await world.loginAs(namespaceOf(name), 'database-ro')
  const { rows } = await client.query<{ word: string }>('SELECT word FROM words')
  await client.end()
  return rows.map(({ word }) => word)
}

async function said(world: World, name: string, type: string): Promise<string> {
  const conditions = field(await world.get('corg', name), 'status', 'conditions')
  const found: unknown = (Array.isArray(conditions) ? conditions : []).find(
    (each) => field(each, 'type') === type,
  )
  return text(field(found, 'message'))
}

async function toldOf(world: World, name: string, reason: string): Promise<string> {
  const selector = `reason=${reason}`
  const answer = await world.kubectl(
    'get',
    'events.events.k8s.io',
    '-A',
    '--field-selector',
    selector,
    '-o',
    'json',
  )
  const items = field(JSON.parse(answer.stdout), 'items')
  const found: unknown = (Array.isArray(items) ? items : []).find(
    (each) => field(each, 'regarding', 'name') === name,
  )
  return text(field(found, 'note'))
}

describe('with a control database', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({ config: { databases: { checkSeconds: 1 } } })
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const retained = async (name: string) =>
    superuser(
      world,
      `SELECT id, state, drop_after FROM tenantry.retained WHERE customer_name = '${name}'`,
      'tenantry',
    )

  test('a deleted customer leaves its database as it is; one of that name waits, and has it back when asked', async () => {
    const secret = await make(world, 'northwind', {})
    const id = databaseOf(await world.get('corg', 'northwind'))
    await remove(world, 'northwind')
    await gone(world, 'northwind')
    await (await world.signInWith(secret)).end()
    expect(await retained('northwind')).toEqual([{ id, state: 'Retained', drop_after: null }])
    await world.until('it is told', async () => {
      return (await toldOf(world, 'northwind', 'DatabaseRetained')).includes(id)
    })

    await world.apply(customer('northwind', {}))
    await world.until('it waits', async () => {
      const condition = await world.condition({ kind: 'corg', name: 'northwind' }, 'DatabaseReady')
      return condition === 'False/RetainedDatabaseExists'
    })
    expect(await said(world, 'northwind', 'DatabaseReady')).toContain(id)
    expect(databaseOf(await world.get('corg', 'northwind'))).toBe('')

    await world.apply(customer('northwind', { database: { restoreFrom: id } }))
    await ready(world, 'northwind')
    expect(await wordsOf(world, 'northwind')).toEqual(['kept'])
    await (await world.signInWith(secret)).end() // what applications have mounted still works
    expect(databaseOf(await world.get('corg', 'northwind'))).toBe(id)
  }, 60_000)

  test('a policy that deletes closes the database, and until its time is over it comes back', async () => {
    const policies = { reclaimPolicy: 'Delete', retainFor: '1h' }
    const secret = await make(world, 'contoso', { database: policies, reclaimPolicy: 'Delete' })
    const id = databaseOf(await world.get('corg', 'contoso'))
    await remove(world, 'contoso')
    await gone(world, 'contoso')
    await expect(world.signInWith(secret)).rejects.toMatchObject({ code: '55000' })
    expect(await retained('contoso')).toMatchObject([
      { state: 'Retained', drop_after: expect.any(Date) },
    ])
    await world.until('its namespace is gone', async () => {
      return (await world.get('namespace', 'customer-contoso')) === undefined
    })
    await world.apply(customer('contoso', { database: { ...policies, restoreFrom: id } }))
    await ready(world, 'contoso')
    expect(await wordsOf(world, 'contoso')).toEqual(['kept']) // with the Secret of a new namespace
    expect(await retained('contoso')).toEqual([{ id, state: 'Restored', drop_after: null }])
  }, 60_000)

  test('when its time is over the database is dropped; a new customer of that name begins anew', async () => {
    const database = { reclaimPolicy: 'Delete', retainFor: '1s' }
    await make(world, 'tailspin', { database, reclaimPolicy: 'Delete' })
    const id = databaseOf(await world.get('corg', 'tailspin'))
    await remove(world, 'tailspin')
    await world.until('it is dropped', async () => {
      const left = await superuser(world, `SELECT rolname FROM pg_roles WHERE rolname ~ '^${id}'`)
      return left.length === 0 && (await retained('tailspin'))[0]?.['state'] === 'Dropped'
    })
    expect(await superuser(world, `SELECT FROM pg_database WHERE datname = '${id}'`)).toEqual([])
    await world.until('its namespace is gone', async () => {
      return (await world.get('namespace', 'customer-tailspin')) === undefined
    })
    await world.apply(customer('tailspin', {}))
    await ready(world, 'tailspin')
    expect(databaseOf(await world.get('corg', 'tailspin'))).not.toBe(id)
  }, 60_000)

  test('while its namespace is being deleted every policy is Retain', async () => {
    const database = { reclaimPolicy: 'Delete', retainFor: '1s' }
    const secret = await make(world, 'litware', { database })
    await world.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'slow', namespace: 'customer-litware', finalizers: ['example.com/slow'] },
    })
    await world.kubectl('delete', 'namespace', 'customer-litware', '--wait=false')
    await world.until('the operator sees it', async () => {
      return (await world.condition({ kind: 'corg', name: 'litware' }, 'Ready')) !== 'True/Ready'
    })
    await remove(world, 'litware')
    await gone(world, 'litware')
    expect(await retained('litware')).toMatchObject([{ state: 'Retained', drop_after: null }])
    await (await world.signInWith(secret)).end()
    await world.until('it is told', async () => {
      return (await toldOf(world, 'litware', 'KeptAfterAll')).includes('namespace')
    })
    const patch = '{"metadata":{"finalizers":null}}'
    await world.kubectl(
      'patch',
      'configmap',
      'slow',
      '-n',
      'customer-litware',
      '--type=merge',
      '-p',
      patch,
    )
  }, 60_000)

  test('the deletion of the kind itself drops nothing', async () => {
    const database = { reclaimPolicy: 'Delete', retainFor: '1s' }
    const names = ['wingtip', 'proseware']
    const secrets: Found[] = []
    for (const name of names) {
      secrets.push(await make(world, name, { database, reclaimPolicy: 'Delete' }))
    }
    // Otherwise so many at once would wait for a confirmation.
    const { stdout } = await world.kubectl('get', 'corg', '-o', 'name')
    for (const line of stdout.trim().split('\n')) {
      await world.kubectl('annotate', line, `tenantry.dev/confirm-delete=${line.split('/')[1]}`)
    }
    const definition = 'customerorganizations.tenantry.dev'
    await world.kubectl('delete', 'crd', definition, '--wait=false')
    await world.until('the kind is gone', async () => {
      return (await world.get('crd', definition)) === undefined
    })
    for (const secret of secrets) await (await world.signInWith(secret)).end()
    for (const name of names) {
      expect(await retained(name)).toMatchObject([{ state: 'Retained', drop_after: null }])
      const namespace = await world.get('namespace', namespaceOf(name))
      expect(field(namespace, 'status', 'phase')).toBe('Active')
    }
  }, 60_000)
})

describe('without a control database', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({
      config: { leaseSeconds: 4, databases: { control: undefined } },
    })
  })
  afterAll(() => world[Symbol.asyncDispose]())

  test('a policy that deletes is one that retains, and says so', async () => {
    const database = { reclaimPolicy: 'Delete', retainFor: '1s' }
    const secret = await make(world, 'northwind', { database })
    await remove(world, 'northwind')
    await gone(world, 'northwind')
    await (await world.signInWith(secret)).end()
    await world.until('it is told', async () => {
      return (await toldOf(world, 'northwind', 'KeptAfterAll')).includes('control database')
    })
  }, 60_000)

  test('the deletion of eight of ten customers takes their people out and waits for a confirmation', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `mass-${index}`)
    await world.apply(
      ...names.map((name) =>
        customer(name, { database: { enabled: false }, owners: [`${name}:olga`] }),
      ),
    )
    for (const name of names) await ready(world, name)
    const [first = '', second = '', ...leaving] = names
    await remove(world, ...leaving)
    const left = async () => {
      const { stdout } = await world.kubectl('get', 'corg', '-o', 'name')
      return stdout.split('\n').map((line) => line.split('/')[1])
    }
    const isPaused = async (name: string) =>
      (await world.condition({ kind: 'corg', name }, 'Ready')) === 'False/MassDeletion'
    // Those that were through before the sixth was deleted are gone; the others wait.
    const waiting = () => left().then((all) => leaving.filter((name) => all.includes(name)))
    await world.until('all that are left say so', async () => {
      const answers = await Promise.all((await waiting()).map(isPaused))
      return answers.length >= 3 && answers.every(Boolean)
    })
    for (const name of leaving) {
      expect(await world.can(`${name}:olga`, 'get', 'pods', namespaceOf(name))).toBe(false)
    }
    for (const name of [first, second]) {
      expect(await world.can(`${name}:olga`, 'get', 'pods', namespaceOf(name))).toBe(true)
    }
    const paused = await waiting()
    const [confirmed = '', ...others] = paused
    expect(await said(world, confirmed, 'Ready')).toContain('tenantry.dev/confirm-delete')
    await world.kubectl('annotate', 'corg', confirmed, `tenantry.dev/confirm-delete=${confirmed}`)
    await gone(world, confirmed)
    expect(await waiting()).toEqual(others)
    // Neither a restart nor what was confirmed for another is a confirmation.
    await Promise.all(world.operators.map((operator) => operator.kill()))
    await world.startOperator()
    const [next = '', ...rest] = others
    await world.kubectl('annotate', 'corg', next, `tenantry.dev/confirm-delete=${next}`)
    await gone(world, next)
    expect(await waiting()).toEqual(rest)
    for (const name of rest) {
      expect(await isPaused(name)).toBe(true)
      await world.kubectl('annotate', 'corg', name, `tenantry.dev/confirm-delete=${name}`)
    }
    for (const name of rest) await gone(world, name)
    expect((await left()).filter(Boolean)).toEqual([first, second])
  }, 60_000)
})
