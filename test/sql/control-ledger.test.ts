// The ledger and the audit on a real PostgreSQL. Holds NOTHING-LOST, QUIET: what is told stays told.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Control } from '../../src/databases/control/control.ts'
import { Ledger } from '../../src/databases/control/ledger.ts'
import type { LedgerRow } from '../../src/databases/control/ledger.sql.ts'
import { personKey } from '../../src/databases/names.ts'
import { administrators, startSqlWorld, writesOf, type SqlWorld } from '../support/sql-world.ts'
import { startStatementProxy } from '../support/statement-proxy.ts'

const { signal } = new AbortController()

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let control: Control
  let ledger: Ledger
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
    control = new Control(world.server)
    ledger = new Ledger(control, 'replica-1')
  })
  afterAll(async () => {
    await control.stop()
    await world[Symbol.asyncDispose]()
  })

  const organization = randomUUID()
  const rowOf = (customer: string, person: string, change: Partial<LedgerRow> = {}): LedgerRow => ({
    customer,
    customerName: `name-${customer}`,
    personKey: personKey(organization, person),
    organization,
    organizationName: 'fabrikam',
    kind: 'technician',
    person,
    scope: 'Full',
    until: 'infinity',
    refusal: null,
    ...change,
  })
  const open = (customer: string) =>
    world.superuser<{ person: string; scope: string; until: unknown }>(
      `SELECT person, scope, until FROM tenantry.ledger WHERE customer = '${customer}' AND ended IS NULL ORDER BY 1`,
      'tenantry',
    )
  const told = async (customer: string) =>
    (
      await world.superuser<{ said: string }>(
        `SELECT concat_ws(' ', actor, action, person, reason) AS said FROM tenantry.audit
         WHERE customer = '${customer}' ORDER BY id`,
        'tenantry',
      )
    ).map(({ said }) => said)

  test('says who may enter until when, and the audit how it came about', async () => {
    const customer = randomUUID()
    const until = '2036-12-01T13:00:00.500Z'
    const people = [rowOf(customer, 'tina', { until }), rowOf(customer, 'tom')]
    await ledger.leave(signal, customer, people)
    expect(await open(customer)).toEqual([]) // nobody before the proof
    await ledger.enter(signal, customer, people)
    expect(await open(customer)).toEqual([
      { person: 'tina', scope: 'Full', until: new Date(until) },
      { person: 'tom', scope: 'Full', until: Infinity },
    ])
    const narrowed = [
      rowOf(customer, 'tina', { until, scope: 'ReadOnly' }),
      rowOf(customer, 'tom', { refusal: 'NotAMember' }),
    ]
    expect(ledger.leaves(customer, narrowed)).toBe(true)
    await ledger.leave(signal, customer, narrowed)
    expect(await open(customer)).toMatchObject([{ person: 'tina', scope: 'ReadOnly' }])
    await ledger.leave(signal, customer, [])
    expect(await open(customer)).toEqual([])
    expect(await told(customer)).toEqual([
      'replica-1 Granted tina',
      'replica-1 Granted tom',
      'replica-1 Changed tina',
      'replica-1 Revoked tom NotAMember',
      'replica-1 Revoked tina',
    ])
  })

  test('another replica and a restart write nothing anew', async () => {
    const customer = randomUUID()
    const people = [
      rowOf(customer, 'tina', { until: '2036-12-01T13:00:00.123Z' }),
      rowOf(customer, 'tom', { refusal: 'NotAMember' }),
    ]
    const link = {
      customer,
      customerName: `name-${customer}`,
      state: 'Linked',
      partner: 'fabrikam',
      epoch: 1,
      agreement: 'A-7',
      levels: ['estimatedLoad'],
    }
    for (const each of [ledger, new Ledger(control, 'replica-2')]) {
      const before = await writesOf(world)
      await each.leave(signal, customer, people)
      await each.enter(signal, customer, people)
      await each.tellLink(signal, link)
      if (each !== ledger) expect(await writesOf(world)).toBe(before)
    }
    expect(await told(customer)).toHaveLength(4)
  })

  test('the people of customers that are gone by force are ended', async () => {
    const [here, gone] = [randomUUID(), randomUUID()]
    for (const customer of [here, gone]) {
      await ledger.enter(signal, customer, [rowOf(customer, 'tina')])
    }
    await new Ledger(control, 'replica-2').endAll(signal, (customer) => customer === gone)
    expect(await open(here)).toHaveLength(1)
    expect(await open(gone)).toEqual([])
  })

  test('a thousand people are one statement', async () => {
    await using proxy = await startStatementProxy(world.postgres)
    const at = { host: '127.0.0.1', port: proxy.port, tls: 'off' } as const
    const counted = new Control({ ...world.server, ...at })
    const customer = randomUUID()
    const people = Array.from({ length: 1000 }, (_, index) => rowOf(customer, `person-${index}`))
    const many = new Ledger(counted, 'replica-1')
    await many.enter(signal, customer, [])
    const before = proxy.count()
    await many.enter(signal, customer, people)
    expect(proxy.count() - before).toBe(1)
    expect(await open(customer)).toHaveLength(1000)
    await counted.stop()
  })

  test.each(['during', 'after'] as const)(
    'an operator that dies %s the statement has told all of it or nothing',
    async (moment) => {
      const customer = randomUUID()
      await using proxy = await startStatementProxy(world.postgres)
      const at = { host: '127.0.0.1', port: proxy.port, tls: 'off' } as const
      const wanted = [rowOf(customer, 'tina'), rowOf(customer, 'tom')]
      for (let cutAt = 1; ; cutAt += 1) {
        proxy.revive(cutAt, moment)
        const dying = new Control({ ...world.server, ...at })
        await new Ledger(dying, 'dying').enter(signal, customer, wanted).catch(() => {})
        const died = proxy.isDead()
        await dying.stop()
        expect(await told(customer)).toHaveLength((await open(customer)).length)
        if (!died) break
      }
      ledger.forget()
      await ledger.enter(signal, customer, wanted)
      expect(await open(customer)).toHaveLength(2)
      expect((await told(customer)).map((said) => said.split(' ')[1])).toEqual([
        'Granted',
        'Granted',
      ])
    },
    30_000,
  )

  const changing = [
    "UPDATE tenantry.audit SET person = 'nobody'",
    'DELETE FROM tenantry.audit',
    'TRUNCATE tenantry.audit',
  ]
  const asWriter = (statement: string) =>
    control.work(signal, 'trying', (sql) => sql.query(signal, statement))
  test.each([
    ...changing,
    'ALTER TABLE tenantry.audit DISABLE TRIGGER append_only',
    'DROP TABLE tenantry.audit',
    'DELETE FROM tenantry.ledger',
    'DELETE FROM tenantry.retained',
    'DROP FUNCTION tenantry.refuse_change CASCADE',
  ])('as the operator works it may not: %s', async (statement) => {
    await expect(asWriter(statement)).rejects.toMatchObject({ code: 'OPERATOR_LACKS_RIGHTS' })
  })

  test.each(changing)('not even the owner of the table may: %s', async (statement) => {
    await world.superuser(
      `INSERT INTO tenantry.audit (actor, customer_name, action) VALUES ('test', 'northwind', 'Granted')`,
      'tenantry',
    )
    for (const role of ['tenantry_control', 'CURRENT_USER']) {
      const trying = world.superuser(
        `SET ROLE ${role === 'CURRENT_USER' ? 'NONE' : role}; ${statement}`,
        'tenantry',
      )
      await expect(trying).rejects.toMatchObject({ code: '42501' })
    }
  })
})
