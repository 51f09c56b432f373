// Devices in the customers' own databases: who sees which column, what a move takes along, what drift is repaired.
// Asked as the roles themselves. Holds ISOLATED, ONE-OWNER, NOTHING-LOST, QUIET.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Control } from '../../src/databases/control/control.ts'
import type { CustomerDatabase } from '../../src/databases/databases.ts'
import { databaseName } from '../../src/databases/names.ts'
import type { DataPolicy, Terms } from '../../src/databases/registry/devices.sql.ts'
import { Inventory, type Place, type Shelf } from '../../src/databases/registry/inventory.ts'
import type { Levels } from '../../src/databases/registry/inventory.sql.ts'
import { newPerson, openAs } from '../support/people.ts'
import { named, newIds, newTerms, registryOf } from '../support/registry.ts'
import {
  administrators,
  loginOf,
  newCustomer,
  startSqlWorld,
  writesOf,
  type SqlWorld,
} from '../support/sql-world.ts'

const { signal } = new AbortController()
const none: Levels = {
  estimatedLoad: false,
  measuredPeakLoad: false,
  deviceProperties: false,
  customProperties: false,
}
const forbidden = { code: '42501' }

describe.each(administrators)('on a server whose administrator %s', (_says, kind) => {
  let world: SqlWorld
  let control: Control
  let inventory: Inventory
  let registry: ReturnType<typeof registryOf>
  const places = new Map<string, Place>()
  beforeAll(async () => {
    world = await startSqlWorld(signal, kind)
    control = new Control(world.server)
    inventory = new Inventory(world.databases, control)
    registry = registryOf(control)
  })
  afterAll(async () => {
    await control.stop()
    await world[Symbol.asyncDispose]()
  })

  type Made = { readonly customer: CustomerDatabase; readonly terms: Terms; readonly shelf: Shelf }
  async function make(levels = none): Promise<Made> {
    const customer = newCustomer()
    await world.databases.ensure(signal, customer)
    const terms = newTerms({ customerUid: customer.customerUid })
    const shelf = {
      server: 'main',
      madeFor: customer.customerUid,
      customerUid: customer.customerUid,
      levels,
    }
    places.set(customer.customerUid, shelf)
    return { customer, terms, shelf }
  }
  const bring = (shelf: Shelf, ids: readonly string[] | 'all') =>
    inventory.bring(signal, shelf, ids, (uid) => places.get(uid))
  const shown = async ({ customer }: Made) =>
    (
      await world.as<{ id: string }>(customer, 'ro', 'SELECT id FROM tenantry.devices ORDER BY id')
    ).map(({ id }) => id)
  const measure = ({ customer }: Made, id: string) =>
    world.superuser(
      `UPDATE tenantry.devices SET estimated_load = 7, properties = '{"t": 20}' WHERE id = '${id}'`,
      databaseName(customer.customerUid),
    )
  const loadOf = async ({ customer }: Made, id: string, table = 'devices') =>
    world.superuser(
      `SELECT estimated_load AS load, properties FROM tenantry.${table} WHERE id = '${id}'`,
      databaseName(customer.customerUid),
    )

  test("information level and role decide together what the customer's people see, and a technician sees all", async () => {
    const made = await make()
    const { customer, terms, shelf } = made
    const [id = ''] = newIds(1)
    await registry.claim(terms, named(id))
    await bring(shelf, [id])
    const technician = newPerson(customer, { group: 'ro' })
    const people = { ...customer, people: [technician] }
    await world.databases.ensurePeople(signal, people)
    const columns = ['estimated_load', 'measured_peak_load', 'properties', 'custom_properties']
    const database = databaseName(customer.customerUid)
    const roles = ['adm', 'rw', 'ro'] as const
    const clients = await Promise.all(
      roles.map(async (role) => {
        return [role, await world.open(loginOf(customer, role), database)] as const
      }),
    )
    const tina = await openAs(world, customer, technician)
    for (let bits = 0; bits < 16; bits += 1) {
      const reads = (index: number) => (bits & (1 << index)) > 0
      const [estimatedLoad, measuredPeakLoad] = [reads(0), reads(1)]
      const [deviceProperties, customProperties] = [reads(2), reads(3)]
      const levels = { estimatedLoad, measuredPeakLoad, deviceProperties, customProperties }
      await bring({ ...shelf, levels }, [])
      for (const [role, client] of clients) {
        for (const [index, column] of columns.entries()) {
          const asking = client.query(`SELECT ${column} FROM tenantry.devices`)
          if (reads(index)) expect((await asking).rows, `${role} ${bits}`).toHaveLength(1)
          else await expect(asking, `${role} ${bits}`).rejects.toMatchObject(forbidden)
        }
        const placing = client.query("UPDATE tenantry.devices SET placement = 'rack 7'")
        if (role === 'ro') await expect(placing).rejects.toMatchObject(forbidden)
        else await placing
      }
      const all = await tina.query(`SELECT ${columns.join()} FROM tenantry.devices`)
      expect(all.rows).toHaveLength(1)
    }
    await Promise.all([tina, ...clients.map(([, client]) => client)].map((each) => each.end()))
    expect(await world.databases.ensurePeople(signal, people)).toEqual({ wrote: false })
  })

  test('an Editor places devices and changes nothing else of them', async () => {
    const made = await make()
    const { customer, terms, shelf } = made
    const [id = ''] = newIds(1)
    await registry.claim(terms, named(id))
    await bring(shelf, [id])
    for (const value of ["'hall 1'", "'hall 2'", 'NULL']) {
      await world.as(customer, 'rw', `UPDATE tenantry.devices SET placement = ${value}`)
    }
    for (const change of [
      "UPDATE tenantry.devices SET id = 'x'",
      'DELETE FROM tenantry.devices',
      "INSERT INTO tenantry.devices (id, version) VALUES ('x', 1)",
      'GRANT SELECT ON tenantry.devices TO PUBLIC',
      'DROP TABLE tenantry.devices',
      'CREATE TABLE tenantry.mine ()',
    ]) {
      for (const role of ['adm', 'rw'] as const) {
        const trying = world.as(customer, role, change)
        await expect(trying, `${role}: ${change}`).rejects.toMatchObject(forbidden)
      }
    }
    await bring(shelf, 'all')
    expect(await shown(made)).toEqual([id])
  })

  test('a second time nothing is written, and what was changed by hand is put right', async () => {
    const made = await make()
    const ids = newIds(30)
    const devices = named(...ids).map((device) => ({
      ...device,
      name: 'Pump',
      labels: { site: 'kiel' },
    }))
    await registry.claim(made.terms, devices)
    expect(await bring(made.shelf, 'all')).toBe(30)
    const before = await writesOf(world)
    expect(await bring(made.shelf, 'all')).toBe(0)
    expect(await bring(made.shelf, ids)).toBe(0)
    expect(await writesOf(world)).toBe(before)
    await world.superuser(
      `UPDATE tenantry.devices SET name = 'other' WHERE id = '${ids[3]}';
       DELETE FROM tenantry.devices WHERE id = '${ids[4]}';
       INSERT INTO tenantry.devices (id, version) VALUES ('stranger', 1);
       GRANT SELECT ON tenantry.devices TO PUBLIC`,
      databaseName(made.customer.customerUid),
    )
    expect(await bring(made.shelf, 'all')).toBe(2)
    expect(await shown(made)).toEqual(ids)
    const rights = await world.superuser(
      "SELECT FROM pg_class, aclexplode(relacl) a WHERE oid = 'tenantry.devices'::regclass AND a.grantee = 0",
      databaseName(made.customer.customerUid),
    )
    expect(rights).toEqual([])
  })

  test.each<[DataPolicy, unknown, unknown]>([
    ['Retain', [{ load: null, properties: null }], [{ load: 7, properties: { t: 20 } }]],
    ['Migrate', [{ load: 7, properties: { t: 20 } }], [{ load: null, properties: null }]],
    ['Purge', [{ load: null, properties: null }], [{ load: null, properties: null }]],
  ])(
    'a device that moves with data policy %s is shown at its new customer alone',
    async (policy, there, here) => {
      const [source, target] = [await make(), await make()]
      const [id = ''] = newIds(1)
      await registry.claim(source.terms, named(id))
      await bring(source.shelf, [id])
      await measure(source, id)
      const moving = { ...target.terms, fromUid: source.terms.customerUid }
      await registry.claim(moving, named(id), policy)
      await bring(target.shelf, [id])
      expect(await shown(source)).toEqual([])
      expect(await shown(target)).toEqual([id])
      expect(await loadOf(target, id)).toEqual(there)
      expect(await loadOf(source, id, 'former_devices')).toEqual(here)
      expect(
        await world.superuser(`SELECT FROM tenantry.departures WHERE device = '${id}'`, 'tenantry'),
      ).toEqual([])
      // A run of the source that read the registry before the move brings nothing back.
      const before = await writesOf(world)
      await bring(source.shelf, 'all')
      expect(await shown(source)).toEqual([])
      expect(await writesOf(world)).toBe(before)
    },
  )

  test('a device that moves twice before anybody has looked is shown once, and its data is not lost', async () => {
    const [first, second, third] = [await make(), await make(), await make()]
    const [id = ''] = newIds(1)
    await registry.claim(first.terms, named(id))
    await bring(first.shelf, [id])
    await measure(first, id)
    const to = ({ terms }: Made, from: Made) => ({ ...terms, fromUid: from.terms.customerUid })
    await registry.claim(to(second, first), named(id), 'Migrate')
    await registry.claim(to(third, second), named(id), 'Migrate')
    await bring(third.shelf, [id])
    await bring(second.shelf, [id])
    expect([await shown(first), await shown(second), await shown(third)]).toEqual([[], [], [id]])
    expect(await loadOf(first, id, 'former_devices')).toEqual([{ load: 7, properties: { t: 20 } }])
    expect(
      await world.superuser(`SELECT FROM tenantry.departures WHERE device = '${id}'`, 'tenantry'),
    ).toEqual([])
  })

  test('what is released is not shown any more, what was measured stays, and it may come back', async () => {
    const made = await make()
    const [id = ''] = newIds(1)
    await registry.claim(made.terms, named(id))
    await bring(made.shelf, [id])
    await measure(made, id)
    await registry.release(made.terms.assignment)
    await bring(made.shelf, [])
    expect(await shown(made)).toEqual([])
    expect(await loadOf(made, id, 'former_devices')).toEqual([{ load: 7, properties: { t: 20 } }])
    await registry.claim(made.terms, named(id))
    await bring(made.shelf, [id])
    expect(await shown(made)).toEqual([id])
  })

  test('a database that lost its schema shows all devices again', async () => {
    const made = await make()
    const ids = newIds(3)
    await registry.claim(made.terms, named(...ids))
    await bring(made.shelf, 'all')
    await world.superuser('DROP SCHEMA tenantry CASCADE', databaseName(made.customer.customerUid))
    await bring(made.shelf, ids.slice(0, 1))
    expect(await shown(made)).toEqual(ids)
  })

  test("a schema of that name which the customer's administrators made is left alone", async () => {
    const made = await make()
    await world.as(made.customer, 'adm', 'CREATE SCHEMA tenantry')
    await expect(bring(made.shelf, 'all')).rejects.toMatchObject({ code: 'DEVICE_SCHEMA_FOREIGN' })
  })
})
