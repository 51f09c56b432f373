// What is wrong, or somebody else's: nothing of it is touched, the condition says what to do, and it
// goes on by itself once that is done. On a real API server and a real PostgreSQL.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databaseName } from '../../src/databases/names.ts'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const { signal } = new AbortController()
let world: World
beforeAll(async () => {
  world = await startWorld({ config: { databases: { checkSeconds: 1 } } })
})
afterAll(() => world[Symbol.asyncDispose]())

const corg = (name: string) => ({ kind: 'corg', name })
const ready = (name: string) => world.condition(corg(name), 'Ready')

async function message(kind: string, name: string, type: string, namespace?: string) {
  const conditions = field(await world.get(kind, name, namespace), 'status', 'conditions')
  const found: unknown = Array.isArray(conditions)
    ? conditions.find((each) => field(each, 'type') === type)
    : undefined
  return text(field(found, 'message'))
}

/** As the administrator of the PostgreSQL server, behind the operator's back. */
async function onServer<T>(work: (admin: Client) => Promise<T>): Promise<T> {
  const { postgres } = world.platform
  const admin = new Client({ connectionString: postgres?.url, ssl: { ca: postgres?.ca } })
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}

async function person(namespace: string, name: string) {
  const people = field(await world.get('pag', 'partner', namespace), 'status', 'people')
  return Array.isArray(people) ? people.find((each) => field(each, 'name') === name) : undefined
}

describe('a namespace that somebody else has made', () => {
  test('is not touched, and is taken over once it is labelled for the customer', async () => {
    await world.kubectl('create', 'namespace', 'customer-squatted')
    await world.apply(customer('squatted', { owners: ['sue@squatted.example'] }))
    await world.until('it says so', async () => {
      return (await ready('squatted')) === 'False/NamespaceNotOurs'
    })
    expect(await message('corg', 'squatted', 'Ready')).toMatch(/label it tenantry.dev\/customer=/)
    const inside = await world.kubectl(
      'get',
      'quota,netpol,rolebinding,secret',
      '-n',
      'customer-squatted',
      '-o',
      'name',
    )
    expect(inside.stdout.trim()).toBe('')

    await world.kubectl('label', 'namespace', 'customer-squatted', 'tenantry.dev/customer=squatted')
    await world.until(
      'it goes on by itself',
      async () => (await ready('squatted')) === 'True/Ready',
    )
    expect(await world.can('sue@squatted.example', 'get', 'pods', 'customer-squatted')).toBe(true)
  })
})

describe('a database of the name that a customer would have', () => {
  test('is not touched when it is not ours (NOTHING-LOST)', async () => {
    await world.apply(customer('foreign-db', { database: { enabled: false } }))
    await world.until('it stands', async () => (await ready('foreign-db')) === 'True/Ready')
    const uid = text(field(await world.get('corg', 'foreign-db'), 'metadata', 'uid'))
    await onServer(async (admin) => {
      await admin.query(`CREATE DATABASE ${databaseName(uid)}`)
      await admin.query(`COMMENT ON DATABASE ${databaseName(uid)} IS 'of another application'`)
      const look = async () => {
        const { rows } = await admin.query(
          `SELECT datdba::regrole::text, datacl::text, datallowconn, shobj_description(oid, 'pg_database')
           FROM pg_database WHERE datname = $1`,
          [databaseName(uid)],
        )
        return rows
      }
      const before = await look()
      await world.apply(customer('foreign-db', { database: { enabled: true } }))
      await world.until('it says so', async () => {
        return (
          (await world.condition(corg('foreign-db'), 'DatabaseReady')) === 'False/DatabaseNotOurs'
        )
      })
      expect(await message('corg', 'foreign-db', 'DatabaseReady')).toMatch(/Rename or remove it/)
      expect(await look()).toEqual(before)
    })
  })
})

describe('a PostgreSQL server that does not answer', () => {
  test('keeps nobody out of Kubernetes, is named in the condition, and is used when it is back', async () => {
    await world.platform.postgres?.kill()
    // A start without it: the operator comes up and tells.
    expect(await world.operators[0]?.stop()).toBe(0)
    await world.startOperator()
    await world.apply(customer('unlucky', { owners: ['uma@unlucky.example'] }))
    await world.until('it says so', async () => {
      return (await ready('unlucky')) === 'False/DatabaseServerUnreachable'
    })
    expect(await message('corg', 'unlucky', 'Ready')).toMatch(/Check the server/)
    await world.until('its people are in all the same', () =>
      world.can('uma@unlucky.example', 'get', 'pods', 'customer-unlucky'),
    )
    await world.platform.postgres?.restart(signal)
    await world.until(
      'it goes on by itself',
      async () => (await ready('unlucky')) === 'True/Ready',
      40_000,
    )
  })
})

describe('a configuration file', () => {
  test('with an unknown key stops the start with one clear message', () => {
    const file = join(world.platform.plane.directory, 'wrong.yaml')
    writeFileSync(file, 'workers: many\ndatabse: {}\n')
    const started = spawnSync(
      process.execPath,
      ['src/main.ts', '--config', file, '--kubeconfig', world.platform.operatorKubeconfig],
      { encoding: 'utf8' },
    )
    expect(started.status).toBe(2)
    expect(started.stderr.replace(file, 'FILE').trim().split('\n')).toEqual([
      'FILE is not a configuration:',
      '  the file: unknown key databse. Remove it, or correct its spelling.',
      '  workers: must be of type integer. Write one.',
    ])
  })
})

describe('a grant', () => {
  test('for people who are nobody, of another home or reserved gives nothing, says why, and disturbs nobody', async () => {
    await world.apply(partner('gantry', { usernames: { prefix: 'gantry:' } }))
    await world.apply(customer('granted', { owners: ['gil@granted.example'] }))
    await world.until('namespaces are there', async () => {
      return (
        (await world.get('ns', 'partner-gantry')) !== undefined &&
        (await world.get('ns', 'customer-granted')) !== undefined
      )
    })
    await world.apply(
      member('partner-gantry', 'gantry:good', 'User'),
      member('partner-gantry', 'gil@granted.example', 'User'),
      grant('granted', 'gantry', {
        technicians: [
          { name: 'gantry:good' },
          { name: 'gantry:unknown' },
          { name: 'gil@granted.example' },
          { name: 'gantry:late', notBefore: inMs(-120_000), notAfter: inMs(-60_000) },
        ],
      }),
    )
    await world.until('the good one is in', () =>
      world.can('gantry:good', 'get', 'pods', 'customer-granted'),
    )
    await world.until('status tells', async () => {
      return (
        text(field(await person('customer-granted', 'gantry:unknown'), 'reason')) === 'NotAMember'
      )
    })
    // The owner of the customer, claimed by the partner as well: the home stays (ONE-HOME).
    expect(
      await world.condition(
        { kind: 'member', name: 'gil-granted-example', namespace: 'partner-gantry' },
        'Ready',
      ),
    ).toMatch(/^False\/(PersonHasOtherHome|UsernameOutsidePattern)$/)
    expect(await person('customer-granted', 'gil@granted.example')).toMatchObject({
      may: 'Not',
      reason: 'NotAMember',
    })
    expect(await world.can('gil@granted.example', 'get', 'pods', 'customer-granted')).toBe(true)
    expect(await world.can('gantry:unknown', 'get', 'pods', 'customer-granted')).toBe(false)
  })

  test('for a partner that does not exist links nobody and says what to do', async () => {
    await world.apply(customer('hopeful'))
    await world.until(
      'its namespace is there',
      async () => (await world.get('ns', 'customer-hopeful')) !== undefined,
    )
    await world.apply(grant('hopeful', 'nowhere', { technicians: [{ name: 'nowhere:nina' }] }))
    await world.until(
      'it says so',
      async () => (await ready('hopeful')) === 'False/PartnerNotFound',
    )
    expect(await message('corg', 'hopeful', 'PartnerLinked')).toMatch(/Create it, or correct/)
  })
})

describe('customers that are nested in a circle', () => {
  test('are open to nobody, and each says so', async () => {
    await world.apply(
      customer('ouro', {
        origin: 'Parent',
        parentRef: { name: 'boros' },
        owners: ['olaf@ouro.example'],
      }),
      customer('boros', { origin: 'Parent', parentRef: { name: 'ouro' } }),
    )
    await world.until('both say so', async () => {
      return (
        (await ready('ouro')) === 'False/ParentCycle' &&
        (await ready('boros')) === 'False/ParentCycle'
      )
    })
    expect(await world.can('olaf@ouro.example', 'get', 'pods', 'customer-boros')).toBe(false)
  })
})

describe('a database that somebody changes by hand', () => {
  test('is repaired within the interval of the check, and not dropped (ISOLATED)', async () => {
    await world.apply(customer('meddled'))
    await world.until('it stands', async () => (await ready('meddled')) === 'True/Ready')
    const name = text(field(await world.get('corg', 'meddled'), 'status', 'database', 'name'))
    await onServer(async (admin) => {
      const isOpenToAll = async () => {
        const { rows } = await admin.query(
          `SELECT has_database_privilege('public', oid, 'CONNECT') AS open, oid::text FROM pg_database WHERE datname = $1`,
          [name],
        )
        return rows[0]
      }
      const before = await isOpenToAll()
      expect(before?.open).toBe(false)
      await admin.query(`GRANT CONNECT ON DATABASE ${name} TO PUBLIC`)
      expect((await isOpenToAll())?.open).toBe(true)
      await world.until('it is repaired', async () => (await isOpenToAll())?.open === false)
      expect(await isOpenToAll()).toEqual(before)
    })
  })

  test('or drops is made again, and an Event says that its data is gone', async () => {
    await world.apply(customer('dropped'))
    await world.until('it stands', async () => (await ready('dropped')) === 'True/Ready')
    const name = text(field(await world.get('corg', 'dropped'), 'status', 'database', 'name'))
    await onServer((admin) => admin.query(`DROP DATABASE ${name} WITH (FORCE)`))
    await world.until('it is there again', async () => {
      const client = await world.loginAs('customer-dropped', 'database-rw')
      await client.end()
      return true
    })
    await world.until('an Event says so', async () => {
      const { stdout } = await world.kubectl('get', 'events', '-n', 'default')
      return /DatabaseMadeAgain +customerorganization\/dropped/.test(stdout)
    })
  })
})
