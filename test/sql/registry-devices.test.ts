// Whose a device is, decided on a real PostgreSQL: claims, moves, releases, licenses. Holds ONE-OWNER, NOTHING-LOST, QUIET.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TenantryError } from '../../src/api/errors.ts'
import { Control } from '../../src/databases/control/control.ts'
import { claim, type Terms } from '../../src/databases/registry/devices.sql.ts'
import {
  named,
  newIds,
  newTerms,
  registryOf,
  tally,
  told,
  tornDevices,
} from '../support/registry.ts'
import { administrators, startSqlWorld, writesOf, type SqlWorld } from '../support/sql-world.ts'

const { signal } = new AbortController()

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let control: Control
  let registry: ReturnType<typeof registryOf>
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
    control = new Control(world.server)
    registry = registryOf(control)
  })
  afterAll(async () => {
    await control.stop()
    await world[Symbol.asyncDispose]()
  })

  const owners = (ids: readonly string[]) =>
    world.superuser<{ id: string; owner: string }>(
      `SELECT id, customer AS owner FROM tenantry.owned_devices WHERE id = ANY ('{${ids.join(',')}}') ORDER BY id`,
      'tenantry',
    )
  const newId = () => newIds(1)[0] ?? ''
  const sleepPast = (id: string) =>
    world.superuser(
      `UPDATE tenantry.reservations SET until = clock_timestamp() WHERE device = '${id}'`,
      'tenantry',
    )

  test('the first claimant gets a device, the second is told that it is taken and not whose it is', async () => {
    const [acme, beta, id] = [newTerms(), newTerms(), newId()]
    expect(told(await registry.claim(acme, named(id)))).toEqual({ [id]: 'Claim' })
    const refusal = await registry.claim(beta, named(id))
    expect(refusal).toEqual([{ id, outcome: 'DeviceTaken' }])
    expect(await owners([id])).toEqual([{ id, owner: acme.customer }])
  })

  test('what is judged is what a claim does, and judging writes nothing', async () => {
    const [acme, beta] = [newTerms(), newTerms()]
    const [mine = '', theirs = '', free = ''] = newIds(3)
    await registry.claim(acme, named(mine))
    await registry.claim(beta, named(theirs))
    const before = await writesOf(world)
    const judged = told(await registry.judge(acme, named(mine, theirs, free)))
    expect(judged).toEqual({ [mine]: 'Assigned', [theirs]: 'DeviceTaken', [free]: 'Claim' })
    expect(await writesOf(world)).toBe(before)
    expect(told(await registry.claim(acme, named(mine, theirs, free)))).toEqual(judged)
  })

  test('a move takes a device from its source alone, and the source does not take it back by itself', async () => {
    const [source, other, id, free] = [newTerms(), newTerms(), newId(), newId()]
    await registry.claim(source, named(id))
    const wrong = newTerms({ fromUid: other.customerUid })
    expect(told(await registry.claim(wrong, named(id, free)))).toEqual({
      [id]: 'NotAtSource',
      [free]: 'NotAtSource',
    })
    const target = newTerms({ fromUid: source.customerUid })
    expect(told(await registry.claim(target, named(id)))).toEqual({ [id]: 'Move' })
    expect(await owners([id])).toEqual([{ id, owner: target.customer }])
    expect(await registry.leftBehind([id, free])).toEqual([source.assignment])
    // Also when the source itself is an assignment that moves: two of them do not play ping-pong.
    const back = { ...source, fromUid: target.customerUid }
    expect(told(await registry.claim(back, named(id)))).toEqual({ [id]: 'MovedAway' })
    const edited = { ...back, generation: 2 }
    expect(told(await registry.claim(edited, named(id)))).toEqual({ [id]: 'Move' })
    expect(told(await registry.claim(target, named(id)))).toEqual({ [id]: 'MovedAway' })
  })

  test('of three that each move from the next one, none gets the device a second time by itself', async () => {
    const [one, two, three, id] = [newTerms(), newTerms(), newTerms(), newId()]
    const from = (terms: Terms, source: Terms) => ({ ...terms, fromUid: source.customerUid })
    const [first, second, third] = [from(one, two), from(two, three), from(three, one)]
    await registry.claim(two, named(id))
    expect(told(await registry.claim(first, named(id)))).toEqual({ [id]: 'Move' })
    expect(told(await registry.claim(third, named(id)))).toEqual({ [id]: 'Move' })
    expect(told(await registry.claim(second, named(id)))).toEqual({ [id]: 'MovedAway' })
    // What somebody wants anew goes on from there, and who had it before does not follow.
    expect(told(await registry.claim({ ...second, generation: 2 }, named(id)))).toEqual({
      [id]: 'Move',
    })
    expect(told(await registry.claim(first, named(id)))).toEqual({ [id]: 'MovedAway' })
  })

  test('a released device waits a day for its last customer, then it is free', async () => {
    const [acme, beta, id] = [newTerms(), newTerms(), newId()]
    await registry.claim(acme, named(id))
    expect(await registry.release(acme.assignment)).toEqual([id])
    expect(told(await registry.claim(beta, named(id)))).toEqual({ [id]: 'DeviceReserved' })
    const [left] = await world.superuser(
      `SELECT until > now() + interval '23 hours' AND until < now() + interval '25 hours' AS day
       FROM tenantry.reservations WHERE device = '${id}'`,
      'tenantry',
    )
    expect(left).toEqual({ day: true })
    expect(
      told(await registry.claim(newTerms({ customerUid: acme.customerUid }), named(id))),
    ).toEqual({
      [id]: 'Claim',
    })
    await registry.release((await owners([id])).length === 1 ? await assignmentOf(id) : '')
    await sleepPast(id)
    expect(told(await registry.claim(beta, named(id)))).toEqual({ [id]: 'Claim' })
  })

  const assignmentOf = async (id: string) => {
    const [row] = await world.superuser<{ assignment: string }>(
      `SELECT assignment FROM tenantry.owned_devices WHERE id = '${id}'`,
      'tenantry',
    )
    return row?.assignment ?? ''
  }

  test('only what the list does not name any more is released', async () => {
    const [acme, ids] = [newTerms(), newIds(5)]
    await registry.claim(acme, named(...ids))
    expect(await registry.release(acme.assignment, ids.slice(0, 3))).toHaveLength(2)
    expect((await owners(ids)).map(({ id }) => id)).toEqual(ids.slice(0, 3))
  })

  test('one assignment does not take from another of its customer, unless that one is gone', async () => {
    const first = newTerms()
    const second = newTerms({ customerUid: first.customerUid, customer: first.customer })
    const id = newId()
    await registry.claim(first, named(id))
    const beside = { ...second, others: [first.assignment] }
    expect(told(await registry.claim(beside, named(id)))).toEqual({ [id]: 'InOtherAssignment' })
    expect(told(await registry.claim(second, named(id)))).toEqual({ [id]: 'Adopt' })
    expect(await assignmentOf(id)).toBe(second.assignment)
  })

  test('devices of an assignment follow it to the customer that was created again', async () => {
    const [acme, id] = [newTerms(), newId()]
    await registry.claim(acme, named(id))
    const again = { ...acme, customerUid: randomUUID() }
    expect(told(await registry.claim(again, named(id)))).toEqual({ [id]: 'Adopt' })
  })

  test('a license is counted to the last device, in the order of the list, and an ended one keeps what it has', async () => {
    const license = { sku: 'pro', quantity: 3, refusal: undefined }
    const [acme, ids] = [newTerms({ license }), newIds(5)]
    const expected = ids.map((id, index) => [id, index < 3 ? 'Claim' : 'LicenseExceeded'])
    expect(told(await registry.claim(acme, named(...ids)))).toEqual(Object.fromEntries(expected))
    const ended = { ...acme, license: { ...license, refusal: 'LicenseEnded' as const } }
    expect(tally(await registry.claim(ended, named(...ids)))).toEqual({
      Assigned: 3,
      LicenseEnded: 2,
    })
    await registry.release(acme.assignment, ids.slice(1))
    expect(tally(await registry.claim(acme, named(...ids.slice(1))))).toEqual({
      Assigned: 2,
      Claim: 1,
      LicenseExceeded: 1,
    })
  })

  test('twenty assignments that want the last ten of a license get ten between them', async () => {
    const license = { sku: 'pro', quantity: 10, refusal: undefined }
    const acme = newTerms({ license })
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        registry.claim({ ...acme, assignment: randomUUID() }, named(...newIds(3))),
      ),
    )
    expect(tally(outcomes.flat())).toEqual({ Claim: 10, LicenseExceeded: 50 })
  })

  test('what is named and labelled otherwise is corrected, and what is not is left alone', async () => {
    const [acme, id] = [newTerms(), newId()]
    const device = { id, name: 'Pump', model: 'x', labels: { site: 'kiel' } }
    await registry.claim(acme, [device])
    expect(told(await registry.judge(acme, [device]))).toEqual({ [id]: 'Assigned' })
    const other = { ...device, labels: { site: 'ulm' } }
    expect(told(await registry.claim(acme, [other]))).toEqual({ [id]: 'Update' })
    expect(
      await world.superuser(
        `SELECT labels FROM tenantry.owned_devices WHERE id = '${id}'`,
        'tenantry',
      ),
    ).toEqual([{ labels: { site: 'ulm' } }])
  })

  test('history keeps who had a device, and nobody takes a row out of it', async () => {
    const [source, id] = [newTerms(), newId()]
    await registry.claim(source, named(id))
    const target = newTerms({ fromUid: source.customerUid })
    await registry.claim(target, named(id))
    await registry.release(target.assignment)
    const rows = await world.superuser(
      `SELECT action, customer_uid, from_uid FROM tenantry.history WHERE '${id}' = ANY (devices) ORDER BY id`,
      'tenantry',
    )
    expect(rows).toEqual([
      { action: 'Claim', customer_uid: source.customerUid, from_uid: null },
      { action: 'Move', customer_uid: target.customerUid, from_uid: source.customerUid },
      { action: 'Release', customer_uid: target.customerUid, from_uid: null },
    ])
    for (const change of [
      'DELETE FROM tenantry.history',
      'UPDATE tenantry.history SET devices = NULL',
    ]) {
      await expect(
        control.work(signal, 'forging', (sql) => sql.query(signal, change)),
      ).rejects.toMatchObject({ code: 'OPERATOR_LACKS_RIGHTS' })
      await expect(world.superuser(change, 'tenantry')).rejects.toMatchObject({ code: '42501' })
    }
  })
})

function isLocked(error: unknown): boolean {
  return error instanceof TenantryError && error.code === 'DATABASE_LOCKED'
}

describe('many writers', () => {
  let world: SqlWorld
  beforeAll(async () => {
    world = await startSqlWorld(signal, 'superuser', { max_connections: '200' })
  })
  afterAll(() => world[Symbol.asyncDispose]())

  test('50 writers claim the same 10,000 devices for 20 customers, some die on the way: each device has one owner and the losers are told', async () => {
    const ids = newIds(10_000)
    const customers = Array.from({ length: 20 }, () => newTerms())
    const control = new Control(world.server)
    await control.work(signal, 'opening', async () => {}) // the schema is there
    await control.stop()
    /** By device, every customer that was told yes. */
    const won = new Map<string, Set<string>>()
    let refused = 0
    const writer = async (index: number): Promise<void> => {
      const own = new Control(world.server)
      const terms = customers[index % 20] ?? newTerms()
      for (let from = 0; from < ids.length; from += 1000) {
        const page = (from + index * 1000) % ids.length
        const dying = index % 5 === 0 ? AbortSignal.timeout(200 + 60 * index) : signal
        try {
          const batch = named(...ids.slice(page, page + 1000))
          const outcomes = await own.work(dying, 'claiming', (sql) =>
            claim(dying, sql, terms, batch, 'Retain'),
          )
          for (const { id, outcome } of outcomes) {
            if (['Claim', 'Assigned'].includes(outcome))
              won.set(id, (won.get(id) ?? new Set()).add(terms.customer))
            else refused += 1
          }
        } catch (error) {
          if (dying.aborted) break // this writer is dead; whether its last batch counts PostgreSQL knows
          if (!isLocked(error)) throw error
          from -= 1000 // it waited too long for others, and tries again
        }
      }
      await own.stop()
    }
    await Promise.all(Array.from({ length: 50 }, (_, index) => writer(index)))
    const rows = await world.superuser<{ id: string; customer: string }>(
      'SELECT id, customer FROM tenantry.owned_devices ORDER BY id',
      'tenantry',
    )
    expect(rows.map(({ id }) => id)).toEqual(ids)
    // Nobody moves or releases anything: two that were told yes would be two owners.
    for (const { id, customer } of rows) {
      const told = won.get(id)
      if (told) expect([...told]).toEqual([customer])
    }
    expect(await world.superuser(tornDevices, 'tenantry')).toEqual([])
    expect(won.size).toBeGreaterThan(5_000)
    expect(refused).toBeGreaterThan(100_000)
  })
})
