// Five hundred members of one customer get another role within a minute, by the hand of its Admin: the policies ask the authorizer at
// each of these writes, and neither their budget nor the API server's queue refuses one. Holds PROVEN, QUIET.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type ApiServer } from '../support/api-server.ts'
import { customer, member } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const namespace = 'customer-acme'
const adam = 'adam@acme.example'
const people = Array.from({ length: 500 }, (_, index) => `person-${index}@acme.example`)
const at = `/apis/tenantry.dev/v1alpha1/namespaces/${namespace}/organizationmembers`

let world: World
let session: ApiServer
beforeAll(async () => {
  world = await startWorld({ postgres: false })
  await world.apply(
    customer('acme', { owners: ['sara@acme.example'], database: { enabled: false } }),
  )
  await world.until('the namespace is there', async () => {
    return (await world.get('ns', namespace)) !== undefined
  })
  await world.apply(member(namespace, adam, 'Admin'))
  await world.until('adam is in', () => world.can(adam, 'get', 'pods', namespace))
  session = connect(await world.platform.plane.kubeconfigFor(adam))
})
afterAll(async () => {
  session[Symbol.dispose]()
  await world[Symbol.asyncDispose]()
})

/** As the Admin, eight at a time; resolves to the answers that are no success, and to how long it took. */
async function forAll(request: (person: string) => readonly [string, string, object]) {
  const from = performance.now()
  const refused: string[] = []
  const waiting = [...people]
  const work = async () => {
    for (let person = waiting.pop(); person !== undefined; person = waiting.pop()) {
      const { status, body } = await session.ask(...request(person))
      if (status >= 300) refused.push(`${status} ${text(field(body, 'message'))}`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  return { refused, ms: performance.now() - from }
}

/** How many are what they should be, by what the operator says of each. */
async function inRole(role: string): Promise<number> {
  const { body } = await world.api.ask('GET', at)
  const items: unknown = field(body, 'items')
  return (Array.isArray(items) ? items : []).filter(
    (item) =>
      text(field(item, 'status', 'role')) === role &&
      field(item, 'status', 'observedGeneration') === field(item, 'metadata', 'generation'),
  ).length
}

test('five hundred members get another role within a minute, and are what they should be', async () => {
  const made = await forAll((person) => ['POST', at, member(namespace, person, 'Viewer')])
  expect(made.refused).toEqual([])
  await world.until('all are Viewers', async () => (await inRole('Viewer')) === 500, 60_000)

  const from = performance.now()
  const changed = await forAll((person) => {
    const { name } = member(namespace, person).metadata
    return ['PATCH', `${at}/${name}`, { spec: { role: 'Editor' } }]
  })
  expect(changed.refused).toEqual([])
  await world.until('all are Editors', async () => (await inRole('Editor')) === 500, 60_000)
  await world.until('the API server says so of the first and the last', async () => {
    const answers = [people[0], people[499]].map((person = '') =>
      world.can(person, 'create', 'configmaps', namespace),
    )
    return (await Promise.all(answers)).every(Boolean)
  })
  const allMs = performance.now() - from
  console.log(
    `500 members: created in ${seconds(made.ms)}, changed in ${seconds(changed.ms)}, all in effect after ${seconds(allMs)}.`,
  )
  expect(allMs).toBeLessThan(60_000)

  // An Admin stays none of their number, and nobody has become more than asked for.
  expect(await inRole('Admin')).toBe(1)
  const before = (await world.writes()).length
  const again = await forAll((person) => {
    const { name } = member(namespace, person).metadata
    return ['PATCH', `${at}/${name}`, { spec: { role: 'Editor' } }]
  })
  expect(again.refused).toEqual([])
  expect((await world.writes()).length).toBe(before)
})

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
