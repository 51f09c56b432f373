// The operator dies at every single statement of a move of 1,000 devices, while it runs and after it; the next one goes on. A gateway
// asks all the while whose the devices are. Enumerated, not random. Holds ONE-OWNER, NOTHING-LOST at each of these points.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Control } from '../../src/databases/control/control.ts'
import { databaseName } from '../../src/databases/names.ts'
import { claim } from '../../src/databases/registry/devices.sql.ts'
import { Inventory, type Place } from '../../src/databases/registry/inventory.ts'
import { named, newIds, newTerms, registryOf } from '../support/registry.ts'
import { newCustomer, startSqlWorld, type SqlWorld } from '../support/sql-world.ts'
import {
  startStatementProxy,
  type Moment,
  type StatementProxy,
} from '../support/statement-proxy.ts'

const { signal } = new AbortController()
const moments: readonly Moment[] = ['during', 'after']
const levels = {
  estimatedLoad: false,
  measuredPeakLoad: false,
  deviceProperties: false,
  customProperties: false,
}

let world: SqlWorld
let control: Control
let proxy: StatementProxy
beforeAll(async () => {
  world = await startSqlWorld(signal, 'creator')
  control = new Control(world.server)
  proxy = await startStatementProxy(world.postgres)
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await control.stop()
  await world[Symbol.asyncDispose]()
})

async function make() {
  const customer = newCustomer()
  await world.databases.ensure(signal, customer)
  const { customerUid } = customer
  return {
    terms: newTerms({ customerUid }),
    shelf: { server: 'main', madeFor: customerUid, customerUid, levels },
  }
}

async function shown({ madeFor }: Place): Promise<readonly string[]> {
  const rows = await world.superuser<{ id: string }>(
    'SELECT id FROM tenantry.devices ORDER BY id',
    databaseName(madeFor),
  )
  return rows.map(({ id }) => id)
}

/** Asks for these devices, as fast as it can, until it is stopped: how many of them had one owner, per answer. */
async function probe(ids: readonly string[]) {
  await world.superuser(
    "CREATE ROLE ingest LOGIN PASSWORD 'ingest' IN ROLE tenantry_gateway",
    'tenantry',
  )
  const client: Client = await world.open({ user: 'ingest', password: 'ingest' }, 'tenantry')
  const odd: unknown[] = []
  let answers = 0
  const stopping = new AbortController()
  const asking = (async () => {
    while (!stopping.signal.aborted) {
      const { rows } = await client.query<{ id: string; owners: number }>(
        'SELECT id, (SELECT count(*)::int FROM whose(id)) AS owners FROM unnest($1::text[]) AS i (id)',
        [ids],
      )
      answers += 1
      odd.push(...rows.filter(({ owners }) => owners !== 1))
    }
  })()
  return {
    stop: async () => {
      stopping.abort()
      await asking
      await client.end()
      await world.superuser('DROP ROLE ingest')
      return { odd, answers }
    },
  }
}

describe.each(moments)('an operator that dies %s any statement of a move', (moment) => {
  test('leaves each device with one customer and in no two databases, and the next one ends it', async () => {
    const [one, other] = [await make(), await make()]
    const places = new Map([one, other].map(({ shelf }) => [shelf.customerUid, shelf]))
    const placeOf = (uid: string) => places.get(uid)
    const ids = newIds(1_000)
    await registryOf(control).claim(one.terms, named(...ids))
    const settled = new Inventory(world.databases, control)
    await settled.bring(signal, one.shelf, 'all', placeOf)
    await settled.bring(signal, other.shelf, 'all', placeOf)
    const measured = "UPDATE tenantry.devices SET estimated_load = 7 WHERE id = ANY ('{%}')"
    await world.superuser(
      measured.replace('%', ids.slice(0, 10).join(',')),
      databaseName(one.shelf.madeFor),
    )
    const prober = await probe(ids.filter((_, index) => index % 50 === 0))
    const points: string[] = []
    let [from, to] = [one, other]
    for (let cutAt = 1; ; cutAt += 1) {
      // Forth and back, each time as a new wish.
      const terms = { ...to.terms, generation: cutAt + 1, fromUid: from.terms.customerUid }
      proxy.revive(cutAt, moment)
      const through = { host: '127.0.0.1', port: proxy.port, tls: 'off' as const }
      const dying = {
        databases: world.connect(through),
        control: new Control({ ...world.server, ...through }),
      }
      const move = async ({
        control: own,
        inventory,
      }: {
        control: Control
        inventory: Inventory
      }) => {
        await own.work(signal, 'moving', (sql) =>
          claim(signal, sql, terms, named(...ids), 'Migrate'),
        )
        return inventory.bring(signal, to.shelf, ids, placeOf)
      }
      try {
        await move({ ...dying, inventory: new Inventory(dying.databases, dying.control) })
      } catch (error) {
        expect(error, `statement ${cutAt}: ${proxy.last()}`).toMatchObject({
          code: 'SERVER_UNREACHABLE',
        })
      }
      const died = proxy.isDead()
      points.push(proxy.last())
      await Promise.all([dying.databases.stop(), dying.control.stop()])
      const there = new Set(await shown(to.shelf))
      expect(
        (await shown(from.shelf)).filter((id) => there.has(id)),
        proxy.last(),
      ).toEqual([])
      await move({ control, inventory: settled })
      expect(await shown(from.shelf)).toEqual([])
      expect(await shown(to.shelf)).toEqual(ids)
      ;[from, to] = [to, from]
      if (!died) break
    }
    const { odd, answers } = await prober.stop()
    expect(odd).toEqual([])
    expect(answers).toBeGreaterThan(points.length)
    // What was measured has made every journey.
    const kept = await world.superuser(
      'SELECT count(*)::int AS count FROM tenantry.devices WHERE estimated_load = 7',
      databaseName(from.shelf.madeFor),
    )
    expect(kept).toEqual([{ count: 10 }])
    for (const statement of [
      'claim_devices',
      'former_devices',
      'INSERT INTO tenantry.devices',
      'DELETE FROM tenantry.departures',
    ]) {
      expect(points.join('\n')).toContain(statement)
    }
  }, 120_000)
})
