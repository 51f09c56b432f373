// The access ledger and the audit follow what people may do, on a real API server and a real PostgreSQL, and a control database
// that is down holds nobody in. Promises: ONE-PARTNER, NO-LATE, PROVEN, QUIET.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPostgres, type LocalPostgres } from '../../tools/postgres/start.ts'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { startWorld, type World } from '../support/world.ts'

const { signal } = new AbortController()

describe('the ledger', () => {
  let world: World
  let control: LocalPostgres
  let customers: LocalPostgres
  let directory: string
  beforeAll(async () => {
    ;[control, customers] = await Promise.all([
      startPostgres(signal, { fsync: false }),
      startPostgres(signal, { fsync: false }),
    ])
    directory = await mkdtemp(join(tmpdir(), 'tenantry-ledger-'))
    const server = async (name: string, postgres: LocalPostgres) => {
      const [passwordFile, caFile] = [join(directory, name), join(directory, `${name}.crt`)]
      await writeFile(passwordFile, postgres.password, { mode: 0o600 })
      await writeFile(caFile, postgres.ca ?? '')
      const { host, port, user } = postgres
      const tls = postgres.ca === undefined ? {} : { caFile }
      return { name, host, port, user, passwordFile, pools: [name], ...tls }
    }
    world = await startWorld({
      postgres: false,
      config: {
        leaseSeconds: 4,
        databases: {
          servers: [await server('control', control), await server('default', customers)],
          control: { server: 'control' },
        },
      },
    })
    await world.apply(partner('fabrikam'), partner('lumen'), customer('northwind'))
    await world.until('all stand', async () => {
      const answers = await Promise.all([
        world.condition({ kind: 'porg', name: 'fabrikam' }, 'Ready'),
        world.condition({ kind: 'porg', name: 'lumen' }, 'Ready'),
        world.condition({ kind: 'corg', name: 'northwind' }, 'Ready'),
      ])
      return answers.every((answer) => answer === 'True/Ready')
    })
    await world.apply(
      member('partner-fabrikam', 'tina'),
      member('partner-fabrikam', 'tom'),
      member('partner-lumen', 'luis'),
      member('customer-northwind', 'olga', 'SuperAdmin'),
    )
  })
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
    await Promise.all([control.stop(), customers.stop()])
    await rm(directory, { recursive: true, force: true })
  })

  async function ask<Row>(statement: string): Promise<Row[]> {
    const { host, port, user, password, ca } = control
    const client = new Client({
      host,
      port,
      user,
      password,
      database: 'tenantry',
      ssl: ca === undefined ? false : { ca },
    })
    await client.connect()
    try {
      return (await client.query<Row & object>(statement)).rows
    } finally {
      await client.end()
    }
  }
  const entering = async () =>
    (
      await ask<{ said: string }>(
        `SELECT concat_ws(' ', kind, person, scope) AS said FROM tenantry.ledger
         WHERE ended IS NULL AND clock_timestamp() < until ORDER BY 1`,
      )
    ).map(({ said }) => said)
  const told = async () =>
    (
      await ask<{ said: string }>(
        `SELECT concat_ws(' ', action, person, partner, reason) AS said FROM tenantry.audit ORDER BY id`,
      )
    ).map(({ said }) => said)
  const pods = (person: string) => world.can(person, 'get', 'pods', 'customer-northwind')
  const linked = (spec: object) =>
    world.apply(grant('northwind', 'fabrikam', { access: { mode: 'Continuous' }, ...spec }))

  test('names who may enter, as what and until when', async () => {
    await linked({
      technicians: [
        { name: 'tina', scope: 'Full', notAfter: inMs(3_600_000) },
        { name: 'tom', scope: 'ReadOnly' },
        { name: 'nobody', scope: 'Full' },
      ],
    })
    await world.until('all are written down', async () => {
      return (
        (await entering()).join() ===
        'member olga SuperAdmin,technician tina Full,technician tom ReadOnly'
      )
    })
    await world.until('and told', async () => {
      const all = await told()
      return (
        all.includes('Granted tina fabrikam') &&
        all.includes('Refused nobody fabrikam NotAMember') &&
        all.includes('Linked fabrikam')
      )
    })
    expect(await pods('tina')).toBe(true)
  })

  test('ends who leaves, once, and says why; a restart tells nothing anew', async () => {
    await linked({ technicians: [{ name: 'tom', scope: 'ReadOnly' }] })
    await world.until(
      'tina is out',
      async () => !(await entering()).includes('technician tina Full'),
    )
    await world.until('of Kubernetes as well', async () => !(await pods('tina')), 1_000)
    await world.until('it is told', async () => (await told()).includes('Revoked tina fabrikam'))
    const before = await told()
    await Promise.all(world.operators.map((operator) => operator.kill()))
    await world.startOperator()
    await world.apply(member('customer-northwind', 'vera', 'Viewer'))
    await world.until(
      'the next replica has written',
      async () => {
        return (await entering()).includes('member vera Viewer')
      },
      30_000,
    )
    expect(await told()).toEqual([...before, 'Granted vera'])
  }, 60_000)

  test('tells a hand-over in its order: the old partner is out before the new one is let in', async () => {
    const from = (await told()).length
    await linked({
      partnerRef: { name: 'lumen' },
      technicians: [{ name: 'luis', scope: 'Full' }],
    })
    await world.until('luis is written down', async () => {
      return (await entering()).includes('technician luis Full')
    })
    await world.until('all is told', async () => (await told()).includes('Granted luis lumen'))
    const news = (await told()).slice(from).filter((said) => !said.startsWith('Refused'))
    expect(news).toEqual([
      expect.stringMatching(/^Revoked tom fabrikam/),
      'Releasing fabrikam',
      'Released fabrikam',
      'HandedOver lumen',
      'Granted luis lumen',
    ])
  }, 60_000)

  test('that cannot be written keeps nobody in; the hand-over waits and says why', async () => {
    await control.stop()
    await linked({
      partnerRef: { name: 'fabrikam' },
      technicians: [{ name: 'tina', scope: 'Full' }],
    })
    await world.until('luis is out', async () => !(await pods('luis')), 3_000)
    await world.until('it says so', async () => {
      const at = { kind: 'corg', name: 'northwind' }
      return (await world.condition(at, 'PartnerLinked')) === 'False/LedgerUnwritten'
    })
    expect(await pods('tina')).toBe(false)
    expect(await pods('olga')).toBe(true)
  }, 60_000)
})
