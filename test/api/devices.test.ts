// Devices as people assign, move and release them: asked of the API server as those people, and of PostgreSQL as gateway and
// customer. Promises: ONE-OWNER, ISOLATED, NOTHING-LOST, QUIET.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nameOf, tailAudit } from '../bench/audit.ts'
import { customer, devices, grant, inMs, member, partner } from '../support/manifests.ts'
import { field, startWorld, type World } from '../support/world.ts'

const { signal } = new AbortController()

let world: World
beforeAll(async () => {
  world = await startWorld({ config: { databases: { checkSeconds: 1 } } })
  await world.apply(
    customer('acme', { owners: ['sara@acme.example'], licenses: [{ sku: 'pro', quantity: 2 }] }),
    customer('beta', { owners: ['bob@beta.example'] }),
    customer('bare', { database: { enabled: false } }),
  )
  for (const name of ['acme', 'beta', 'bare']) {
    await world.until(`${name} is ready`, async () => {
      return (await world.condition({ kind: 'corg', name }, 'Ready')) === 'True/Ready'
    })
  }
  await world.apply(member('customer-acme', 'adam@acme.example', 'Admin'))
  await world.until('adam is in', () =>
    world.can('adam@acme.example', 'create', 'deviceassignments.tenantry.dev', 'customer-acme'),
  )
}, 120_000)
afterAll(() => world[Symbol.asyncDispose]())

const ready = (name: string, ofCustomer: string, type = 'Ready') =>
  world.condition({ kind: 'devas', name, namespace: `customer-${ofCustomer}` }, type)
const until = (name: string, ofCustomer: string, answer: string, type = 'Ready') =>
  world.until(`${name} of ${ofCustomer} is ${answer}`, async () => {
    const found = await ready(name, ofCustomer, type)
    return found === answer || found
  })
const statusOf = async (name: string, ofCustomer: string) =>
  field(await world.get('devas', name, `customer-${ofCustomer}`), 'status')

async function asRoot<Row>(database: string, statement: string): Promise<readonly Row[]> {
  const { url, ca } = world.platform.postgres ?? {}
  const there = new URL(url ?? '')
  there.pathname = database
  const client = new Client({ connectionString: there.href, ssl: { ca } })
  await client.connect()
  const { rows } = await client.query<Row & object>(statement)
  await client.end()
  return rows
}
const whose = async (id: string) => {
  const rows = await asRoot<{ customer: string }>(
    'tenantry',
    `SELECT customer FROM tenantry.whose('${id}')`,
  )
  return rows.map((row) => row.customer)
}
const shown = async (ofCustomer: string) => {
  const reader = await world.loginAs(`customer-${ofCustomer}`, 'database-ro')
  const { rows } = await reader.query<{ id: string }>('SELECT id FROM tenantry.devices ORDER BY id')
  await reader.end()
  return rows.map(({ id }) => id)
}
/** As a person creates it; says what was refused. */
async function createAs(person: string, manifest: object): Promise<string> {
  const { code, stderr } = await world.platform.plane.run(signal, ['create', '-f', '-'], {
    as: person,
    input: JSON.stringify(manifest),
    allowFailure: true,
  })
  return code === 0 ? 'accepted' : stderr
}

describe('an assignment', () => {
  test('makes devices the customer’s, a repeated id is one device, and its database shows them', async () => {
    const list = ['a-1', 'a-2', 'a-1', { id: 'a-3', name: 'Pump', labels: { site: 'kiel' } }]
    await world.apply(devices('acme', 'hall', list))
    await until('hall', 'acme', 'True/Ready')
    expect(await statusOf('hall', 'acme')).toMatchObject({ assigned: 3, pending: 0, moved: 0 })
    expect(await whose('a-1')).toEqual(['acme'])
    expect(await shown('acme')).toEqual(['a-1', 'a-2', 'a-3'])
    await world.until('the customer counts them', async () => {
      return field(await world.get('corg', 'acme'), 'status', 'devices') === 3
    })
  })

  test('costs its finalizer and its status, and no read of the list that was told just now', async () => {
    const audit = tailAudit(world.platform.plane.auditLog ?? '')
    await audit.next()
    await world.apply(devices('acme', 'counted', ['n-1', 'n-2']))
    await until('counted', 'acme', 'True/Ready')
    await world.until('the customer counts them', async () => {
      return field(await world.get('corg', 'acme'), 'status', 'devices') === 5
    })
    const asked = (await audit.next()).filter(({ name }) => name === 'counted')
    expect(asked.map(nameOf)).toEqual(['patch deviceassignments', 'patch deviceassignments/status'])
  })

  test('of somebody else’s device is refused it, is told nothing of the owner, and gets the rest', async () => {
    await world.apply(devices('beta', 'wish', ['a-1', 'b-1']))
    await until('wish', 'beta', 'False/DevicesRejected')
    const status = await statusOf('wish', 'beta')
    expect(status).toMatchObject({ assigned: 1, rejected: [{ id: 'a-1', reason: 'DeviceTaken' }] })
    expect(JSON.stringify(status)).not.toContain('acme')
    expect(await whose('a-1')).toEqual(['acme'])
    expect(await shown('beta')).toEqual(['b-1'])
  })

  test('applied a second time, and an operator that starts anew, write nothing', async () => {
    const before = (await world.writes()).length
    await world.apply(devices('beta', 'wish', ['a-1', 'b-1']))
    await world.operators.at(-1)?.stop()
    await world.startOperator()
    const seen = await world.kubectl('get', 'devas', '-A', '-o', 'json')
    await world.until(
      'the new one leads',
      async () => {
        return (await world.operators.at(-1)?.log())?.includes('"leads":true') === true
      },
      40_000,
    )
    await world.until('it has looked at every assignment', async () => {
      const metrics = (await world.operators.at(-1)?.metrics(AbortSignal.timeout(5_000))) ?? ''
      return /controller_runtime_reconcile_total\{[^}]*controller="devices"[^}]*\} [1-9]/.test(
        metrics,
      )
    })
    const writes = (await world.writes()).slice(before)
    expect(writes.filter(({ resource }) => resource === 'deviceassignments')).toEqual([])
    expect((await world.kubectl('get', 'devas', '-A', '-o', 'json')).stdout).toBe(seen.stdout)
  })

  test('that is a preview says what would happen and changes nothing, then does it', async () => {
    await world.apply(devices('acme', 'try', ['a-1', 'b-1', 'a-9'], { preview: true }))
    await until('try', 'acme', 'False/Preview')
    expect(await statusOf('try', 'acme')).toMatchObject({
      assigned: 0,
      pending: 1,
      rejected: [
        { id: 'a-1', reason: 'InOtherAssignment' },
        { id: 'b-1', reason: 'DeviceTaken' },
      ],
    })
    expect(await whose('a-9')).toEqual([])
    await world.apply(devices('acme', 'try', ['a-9'], { preview: false }))
    await until('try', 'acme', 'True/Ready')
    expect(await whose('a-9')).toEqual(['acme'])
  })

  test('of a customer without a database is complete without one', async () => {
    await world.apply(devices('bare', 'all', ['c-1']))
    await until('all', 'bare', 'True/Ready')
    expect(await whose('c-1')).toEqual(['bare'])
  })
})

describe('the information level of a customer', () => {
  test('decides what its own people see of their devices, from one moment to the next', async () => {
    const reads = async (role: string) => {
      const reader = await world.loginAs('customer-beta', `database-${role}`)
      const answer = await reader
        .query('SELECT estimated_load FROM tenantry.devices')
        .then(() => true)
        .catch(() => false)
      await reader.end()
      return answer
    }
    expect(await reads('adm')).toBe(false)
    const level = (estimatedLoad: boolean) =>
      world.apply(
        customer('beta', { owners: ['bob@beta.example'], informationLevel: { estimatedLoad } }),
      )
    await level(true)
    await world.until('Viewers read the load', () => reads('ro'))
    await level(false)
    await world.until('nobody reads the load', async () => !(await reads('adm')))
  })
})

describe('a move', () => {
  test('needs the right at its source, whether that exists or not', async () => {
    for (const from of ['beta', 'nobody-at-all']) {
      const move = devices('acme', 'grab', ['b-1'], { from: { customer: from } })
      expect(await createAs('adam@acme.example', move)).toContain(
        `Moving devices needs release-devices in customer-${from}.`,
      )
    }
    expect(await createAs('adam@acme.example', devices('acme', 'own', ['a-7']))).toBe('accepted')
    const edit = await world.kubectl(
      'patch',
      'devas',
      'own',
      '--namespace=customer-acme',
      '--as=adam@acme.example',
      '--type=merge',
      '--patch={"spec":{"from":{"customer":"beta"}}}',
    )
    expect(edit.stderr).toContain('needs release-devices')
  })

  test('takes devices from the source alone, and both databases follow', async () => {
    await world.apply(devices('beta', 'more', ['m-1', 'm-2']))
    await until('more', 'beta', 'True/Ready')
    const list = ['m-1', 'm-2', 'c-1', 'free-1']
    await world.apply(devices('acme', 'taken', list, { from: { customer: 'beta' } }))
    await until('taken', 'acme', 'False/DevicesRejected')
    expect(await statusOf('taken', 'acme')).toMatchObject({
      assigned: 2,
      moved: 2,
      rejected: [
        { id: 'c-1', reason: 'NotAtSource' },
        { id: 'free-1', reason: 'NotAtSource' },
      ],
    })
    expect(await whose('m-1')).toEqual(['acme'])
    expect(await shown('beta')).toEqual(['b-1'])
    expect(await shown('acme')).toEqual(expect.arrayContaining(['m-1', 'm-2']))
    await until('more', 'beta', 'False/DevicesRejected')
    expect(await statusOf('more', 'beta')).toMatchObject({
      assigned: 0,
      rejected: [
        { id: 'm-1', reason: 'MovedAway' },
        { id: 'm-2', reason: 'MovedAway' },
      ],
    })
  })
})

describe('a license', () => {
  test('refuses the device beyond its quantity, takes it when it grows, and ends without taking away', async () => {
    await world.apply(devices('acme', 'licensed', ['l-1', 'l-2', 'l-3'], { sku: 'pro' }))
    await until('licensed', 'acme', 'False/LicenseExceeded', 'Licensed')
    expect(await statusOf('licensed', 'acme')).toMatchObject({
      assigned: 2,
      rejected: [{ id: 'l-3', reason: 'LicenseExceeded' }],
    })
    const license = (change: object) =>
      world.apply(
        customer('acme', {
          owners: ['sara@acme.example'],
          licenses: [{ sku: 'pro', quantity: 3, ...change }],
        }),
      )
    await license({})
    await until('licensed', 'acme', 'True/Ready')
    await license({ quantity: 10, notAfter: inMs(3_000) })
    await until('licensed', 'acme', 'False/LicenseEnded', 'Licensed')
    await world.apply(devices('acme', 'licensed', ['l-1', 'l-2', 'l-3', 'l-4'], { sku: 'pro' }))
    await world.until('the fourth is refused', async () => {
      return JSON.stringify(await statusOf('licensed', 'acme')).includes('"l-4"')
    })
    expect(await statusOf('licensed', 'acme')).toMatchObject({ assigned: 3 })
    await world.apply(devices('acme', 'unknown', ['l-9'], { sku: 'gold' }))
    await until('unknown', 'acme', 'False/LicenseMissing', 'Licensed')
  })
})

describe('a technician', () => {
  const registrySecrets = async () => {
    const { stdout } = await world.kubectl('get', 'secrets', '-n', 'partner-fabrikam', '-o', 'name')
    return stdout.split('\n').flatMap((line) => /registry-.*/.exec(line) ?? [])
  }
  const untilSees = (client: Client, customers: readonly string[]) =>
    world.until(`tina sees ${customers.join()}`, async () => {
      const { rows } = await client.query<{ customer: string }>(
        'SELECT DISTINCT customer FROM devices ORDER BY 1',
      )
      const seen = rows.map((row) => row.customer)
      return JSON.stringify(seen) === JSON.stringify(customers) || seen
    })

  test('looks at the devices of all open customers with one login, which goes with the last of them', async () => {
    await world.apply(partner('fabrikam', { usernames: { prefix: 'fabrikam:' } }))
    await world.until('the partner stands', async () => {
      return (await world.condition({ kind: 'porg', name: 'fabrikam' }, 'Ready')) === 'True/Ready'
    })
    const technicians = [{ name: 'fabrikam:tina' }]
    await world.apply(
      member('partner-fabrikam', 'fabrikam:tina'),
      devices('beta', 'for-tina', ['t-1']),
      grant('acme', 'fabrikam', { technicians, access: { mode: 'Continuous' } }),
      grant('beta', 'fabrikam', { technicians, access: { mode: 'Continuous' } }),
    )
    await world.until('she has a login', async () => (await registrySecrets()).length === 1)
    const [secret = ''] = await registrySecrets()
    expect(await world.can('fabrikam:tina', 'get', 'secrets', 'partner-fabrikam')).toBe(false)
    const clients: Client[] = []
    const enter = async () => {
      await world.until('she signs in', async () => {
        clients.push(await world.loginAs('partner-fabrikam', secret))
        return true
      })
      const client = clients.at(-1)
      if (!client) throw new Error('nobody signed in')
      client.on('error', () => {}) // it is ended
      return client
    }
    await untilSees(await enter(), ['acme', 'beta'])
    await world.apply(grant('beta', 'fabrikam', { technicians, access: { mode: 'Disabled' } }))
    await world.until('beta is closed to her', async () => {
      return !(await world.can('fabrikam:tina', 'get', 'pods', 'customer-beta'))
    })
    await world.until('a session that is open sees acme alone', async () => {
      const { rows } = await (await enter()).query('SELECT DISTINCT customer FROM devices')
      return JSON.stringify(rows) === '[{"customer":"acme"}]'
    })
    await world.kubectl('delete', 'pag', 'partner', '-n', 'customer-acme', '--timeout=30s')
    await world.until(
      'her login is gone',
      async () => (await registrySecrets()).length === 0,
      30_000,
    )
    const logins = await asRoot('postgres', "SELECT FROM pg_roles WHERE rolname ~ '^tenantry_p_'")
    expect(logins).toEqual([])
    await Promise.allSettled(clients.map((client) => client.end()))
  })
})

describe('what nobody should write', () => {
  test('look-alikes, zero characters, unknown units: a reason for each, and the rest goes on', async () => {
    await world.apply(
      devices('beta', 'odd', [
        'ok-1',
        'ｏk-1',
        'оk-1',
        'o k',
        { id: 'ok-2', name: 'a\u0000b' },
        { id: 'ok-3', labels: { "'; DROP TABLE devices; --": '"x"' } },
      ]),
    )
    await until('odd', 'beta', 'False/DevicesRejected')
    const reasons = field(await statusOf('odd', 'beta'), 'rejected')
    expect(reasons).toMatchObject([
      { id: 'ｏk-1', reason: 'IdUnreadable' },
      { id: 'оk-1', reason: 'IdUnreadable' },
      { id: 'o k', reason: 'IdUnreadable' },
      { id: 'ok-2', reason: 'TextUnreadable' },
    ])
    expect(await shown('beta')).toEqual(expect.arrayContaining(['ok-1', 'ok-3']))
    await asRoot(
      'tenantry',
      "INSERT INTO tenantry.units VALUES ('unit-1', 'u-1'), ('unit-2', 'u-1')",
    )
    const units = ['unit-1', 'unit-2', 'unit-3'].map((unitId) => ({ unitId }))
    await world.apply(devices('beta', 'units', units, { idType: 'UnitID' }))
    await until('units', 'beta', 'False/DevicesRejected')
    expect(await statusOf('units', 'beta')).toMatchObject({
      assigned: 1,
      rejected: [{ id: 'unit-3', reason: 'UnknownUnit' }],
    })
    expect(await whose('u-1')).toEqual(['beta'])
  })

  test('too long an id, too many devices, none at all: refused by the API server', async () => {
    const many = Array.from({ length: 1001 }, (_, index) => `x-${index}`)
    for (const list of [['x'.repeat(200)], many, []]) {
      await expect(world.apply(devices('beta', 'refused', list))).rejects.toThrow(/devices/)
    }
  })

  test('a source that is not there or is the customer itself moves nothing', async () => {
    for (const from of ['gone', 'beta']) {
      await world.apply(devices('beta', `from-${from}`, ['a-2'], { from: { customer: from } }))
      await until(`from-${from}`, 'beta', 'False/SourceNotFound')
    }
    expect(await whose('a-2')).toEqual(['acme'])
  })
})

describe('while the registry is down', () => {
  test('an assignment says so and waits, and goes on when it is back', async () => {
    await world.platform.postgres?.kill()
    await world.apply(devices('acme', 'patient', ['p-1', 'a-1']))
    await until('patient', 'acme', 'Unknown/DatabaseServerUnreachable', 'Assigned')
    expect(await ready('hall', 'acme')).toBe('True/Ready')
    await world.platform.postgres?.restart(signal)
    await until('patient', 'acme', 'False/DevicesRejected', 'Assigned')
    expect(await statusOf('patient', 'acme')).toMatchObject({
      assigned: 1,
      rejected: [{ id: 'a-1', reason: 'InOtherAssignment' }],
    })
    expect(await whose('p-1')).toEqual(['acme'])
  })
})

describe('an assignment that is deleted', () => {
  test('gives its devices back, and they wait a day for the customer', async () => {
    await world.apply(devices('acme', 'short', ['s-1']))
    await until('short', 'acme', 'True/Ready')
    await world.kubectl('delete', 'devas', 'short', '-n', 'customer-acme', '--timeout=20s')
    expect(await world.get('devas', 'short', 'customer-acme')).toBeUndefined()
    expect(await whose('s-1')).toEqual([])
    expect(await shown('acme')).not.toContain('s-1')
    await world.apply(devices('beta', 'late', ['s-1']))
    await until('late', 'beta', 'False/DevicesRejected')
    expect(await statusOf('late', 'beta')).toMatchObject({
      rejected: [{ id: 's-1', reason: 'DeviceReserved' }],
    })
    await world.apply(devices('acme', 'again', ['s-1']))
    await until('again', 'acme', 'True/Ready')
  })

  test('with its namespace releases nothing, and the devices come back with it', async () => {
    await world.kubectl('delete', 'namespace', 'customer-bare', '--timeout=60s')
    expect(await whose('c-1')).toEqual(['bare'])
    await world.until(
      'the namespace is made again',
      async () => {
        const found = await world.get('namespace', 'customer-bare')
        return found !== undefined && field(found, 'metadata', 'deletionTimestamp') === undefined
      },
      30_000,
    )
    await world.apply(devices('bare', 'all', ['c-1']))
    await until('all', 'bare', 'True/Ready')
  })

  test('a customer with devices waits with its deletion until they are gone', async () => {
    await world.kubectl('delete', 'corg', 'bare', '--wait=false')
    await world.until('it says what holds it', async () => {
      return (
        (await world.condition({ kind: 'corg', name: 'bare' }, 'Ready')) === 'False/HasChildren'
      )
    })
    expect(await whose('c-1')).toEqual(['bare'])
    await world.kubectl('delete', 'devas', 'all', '-n', 'customer-bare', '--timeout=20s')
    await world.until('it is gone', async () => (await world.get('corg', 'bare')) === undefined)
    expect(await whose('c-1')).toEqual([])
  })
})
