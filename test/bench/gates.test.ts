// What speed comes down to on every machine: how many requests a customer costs. Times are the benchmark's
// (npm run bench); here only counts are held, since a slow machine is no defect.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { groupOf, nameOf, tailAudit, type AuditTail, type Request } from './audit.ts'
import { customerOf, namesOf, type Shape } from './customers.ts'
import { resources } from '../../src/api/resources.ts'
import { customer, partner } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'
import { isReady } from './ready.ts'

/** What the plan of a customer with one owner asks for, each of it once. */
const planned = [
  'create namespaces',
  'patch customerlinks',
  'patch customerorganizations', // the finalizer
  'patch limitranges',
  'patch networkpolicies',
  'patch networkpolicies',
  'patch networkpolicies',
  'patch resourcequotas',
  'patch rolebindings',
  'patch rolebindings',
  'patch rolebindings',
]
const plannedWithDatabase = [...planned, 'create secrets', 'create secrets', 'create secrets']

const patienceMs = 60_000

let world: World
let audit: AuditTail

beforeAll(async () => {
  world = await startWorld()
  audit = tailAudit(world.platform.plane.auditLog ?? '')
})
afterAll(() => world[Symbol.asyncDispose]())

describe('a customer costs the API server', () => {
  test.each([
    ['what its plan asks for, each of it once', 'plain', planned],
    ['three Secrets more with a database', 'database', plannedWithDatabase],
  ] as const)('%s', async (_, shape, wanted) => {
    const asked = await onboard([`cost-${shape}`], shape)
    expect(childWrites(asked)).toEqual(wanted.toSorted())
    expect(statusWrites(asked, 'customerorganizations')).toBeLessThanOrEqual(
      shape === 'plain' ? 2 : 3, // with a database its place is written down before it is made
    )
  })

  test('no more than alone when ten come at once, and no conflict', async () => {
    const names = namesOf('crowd', 10)
    const asked = await onboard(names, 'plain')
    expect(childWrites(asked)).toEqual(names.flatMap(() => planned).toSorted())
    // An API server that is busy lets its people in later than it says; asking again is one status more.
    expect(statusWrites(asked, 'customerorganizations')).toBeLessThanOrEqual(2 * names.length)
    expect(asked.filter((request) => groupOf(request) === 'conflict')).toEqual([])
  })

  test('no question about what a watch has told', async () => {
    const asked = await onboard(['unasked'], 'plain')
    expect(asked.filter((request) => groupOf(request) === 'read').map(nameOf)).toEqual([])
  })

  test('its partner no status write of its own when twenty come at once, but one a second', async () => {
    await world.apply(partner('litware'))
    await world.until('the partner is Ready', async () => {
      return (await world.condition({ kind: 'porg', name: 'litware' }, 'Ready')) === 'True/Ready'
    })
    await next()
    const names = namesOf('theirs', 20)
    const begun = Date.now()
    await world.apply(
      ...names.map((name) =>
        customer(name, {
          database: { enabled: false },
          partner: { partnerRef: { name: 'litware' }, relationship: 'Invited' },
        }),
      ),
    )
    await world.until('the partner counts them', async () => {
      return field(await world.get('porg', 'litware'), 'status', 'customers') === names.length
    })
    const seconds = (Date.now() - begun) / 1000
    expect(statusWrites(await next(), 'partnerorganizations')).toBeLessThanOrEqual(1 + seconds)
  })
})

/** What the operator asked until these customers were Ready and it had nothing more to ask. */
async function onboard(names: readonly string[], shape: Shape): Promise<readonly Request[]> {
  await next()
  await world.apply(...names.map((name) => customerOf(name, shape)))
  const where = `/apis/${resources.customers.group}/v1alpha1/${resources.customers.plural}`
  await world.until(
    'they are Ready',
    async () => {
      const { body } = await world.api.ask('GET', where)
      const ready = new Set(customersIn(body).filter(isReady).map(nameIn))
      return names.every((name) => ready.has(name))
    },
    patienceMs,
  )
  const asked: Request[] = []
  await world.until('the operator is done', async () => {
    const more = await next()
    asked.push(...more)
    return more.length === 0
  })
  return asked
}

function customersIn(list: unknown): readonly unknown[] {
  const items = field(list, 'items')
  return Array.isArray(items) ? items : []
}

function nameIn(object: unknown): string {
  return text(field(object, 'metadata', 'name'))
}

async function next(): Promise<readonly Request[]> {
  return (await audit.next()).filter((request) => groupOf(request) !== 'lease')
}

function childWrites(asked: readonly Request[]): readonly string[] {
  return asked
    .filter((request) => groupOf(request) === 'write' && request.subresource !== 'status')
    .map(nameOf)
    .toSorted()
}

function statusWrites(asked: readonly Request[], resource: string): number {
  return asked.filter(
    (request) => request.resource === resource && request.subresource === 'status',
  ).length
}
