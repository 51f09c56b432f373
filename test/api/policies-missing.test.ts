// With the chart's policies deleted by hand anybody who holds a verb may write what they guard. Nothing of it becomes effective,
// and the operator says which policy is missing. Holds TH-05, TH-06.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { localRendering } from '../../tools/helm/render.ts'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const [paul, tina, olaf] = ['nordic:paul', 'nordic:tina', 'other:olaf']
const [sara, adam, vera] = ['sara@acme.example', 'adam@acme.example', 'vera@acme.example']
const members = 'organizationmembers.tenantry.dev'
const forged = {
  apiVersion: 'tenantry.dev/v1alpha1',
  kind: 'CustomerLink',
  metadata: {
    name: 'forged',
    namespace: 'partner-nordic',
    annotations: { 'tenantry.dev/created-by': tina },
  },
  spec: { displayName: 'Forged' },
}

const { signal } = new AbortController()

let world: World
beforeAll(async () => {
  world = await startWorld({ postgres: false })
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: [paul] }),
    partner('other', { usernames: { prefix: 'other:' }, owners: [olaf] }),
    customer('acme', { owners: [sara], database: { enabled: false } }),
    customer('beta', { owners: ['bea@beta.example'], database: { enabled: false } }),
  )
  await world.until('the namespaces are there', async () => {
    const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
    const names = ['partner-nordic', 'partner-other', 'customer-acme', 'customer-beta']
    return names.every((name) => stdout.includes(`/${name}\n`))
  })
  await world.apply(
    member('partner-nordic', tina, 'User'),
    member('customer-acme', adam, 'Admin'),
    member('customer-acme', vera, 'Viewer'),
    grant('acme', 'nordic', {
      access: { mode: 'Period', notBefore: inMs(-60_000), notAfter: inMs(3_600_000) },
      technicians: [{ name: tina, scope: 'ReadOnly' }],
    }),
  )
  await world.until('all are in', async () => {
    const people = [tina, adam, vera, sara]
    const answers = people.map((person) => world.can(person, 'get', 'pods', 'customer-acme'))
    return (await Promise.all(answers)).every(Boolean)
  })
  const { stderr } = await world.kubectl('delete', 'validatingadmissionpolicies', '--all')
  expect(stderr).toBe('')
  await world.until('the API server enforces them no more', async () => {
    const tries = [
      as(adam, patch('member', adam, { role: 'SuperAdmin' }), '--dry-run=server'),
      as(paul, patch('pag', 'partner', { reviewBy: inMs(60_000) }), '--dry-run=server'),
      creates(paul, forged, '--dry-run=server'),
    ]
    return (await Promise.all(tries)).every(({ code }) => code === 0)
  })
})
afterAll(() => world[Symbol.asyncDispose]())

async function as(person: string, args: readonly string[], ...more: readonly string[]) {
  return world.kubectl(...args, ...more, '--as', person)
}

function patch(kind: string, name: string, spec: object): readonly string[] {
  const object = name.replaceAll(/[^a-z0-9]/g, '-')
  const body = JSON.stringify({ spec })
  return ['patch', kind, object, '-n', 'customer-acme', '--type=merge', '-p', body]
}

async function creates(person: string, manifest: object, ...more: readonly string[]) {
  const { plane } = world.platform
  return plane.run(signal, ['create', '-f', '-', ...more], {
    input: stringify(manifest),
    as: person,
    allowFailure: true,
  })
}

const conditionOf = (kind: string, name: string, type = 'Ready') =>
  world.condition(
    { kind, name: name.replaceAll(/[^a-z0-9]/g, '-'), namespace: 'customer-acme' },
    type,
  )

describe('while the policies are missing', () => {
  test('the operator says which', async () => {
    await world.until('the metric says it', async () => {
      const metrics = await world.operators[0]?.metrics(signal)
      const names = ['grants', 'members', 'created-by', 'namespaces', 'rolebindings', 'window-ends']
      return names.every((name) =>
        metrics?.includes(`tenantry_policy_missing{policy="tenantry-${name}"} 1`),
      )
    })
  })

  test('an Admin who raises himself gains nothing, and loses what he had (TH-06)', async () => {
    expect((await as(adam, patch('member', adam, { role: 'SuperAdmin' }))).stderr).toBe('')
    await world.until('the status says why', async () => {
      return (await conditionOf('member', adam)) === 'False/PolicyMissing'
    })
    expect(await world.can(adam, 'appoint-admin', members, 'customer-acme')).toBe(false)
    expect(await world.can(sara, 'appoint-admin', members, 'customer-acme')).toBe(true)
  })

  test('a new member gets in no more than an accomplice would', async () => {
    const mallory = 'mallory@acme.example'
    const made = await creates(tina, member('customer-acme', mallory, 'SuperAdmin'))
    expect(made.stderr).toMatch(/forbidden/i) // she only reads: RBAC holds without any policy
    expect((await creates(sara, member('customer-acme', mallory, 'Admin'))).stderr).toBe('')
    await world.until('the status says why', async () => {
      return (await conditionOf('member', mallory)) === 'False/PolicyMissing'
    })
    expect(await world.can(mallory, 'get', 'pods', 'customer-acme')).toBe(false)
  })

  test('a customer created in somebody else’s name is not created', async () => {
    expect((await creates(paul, forged)).stderr).toBe('')
    await world.until('the link says why', async () => {
      const where = { kind: 'clink', name: 'forged', namespace: 'partner-nordic' }
      return (await world.condition(where, 'Ready')) === 'False/PolicyMissing'
    })
    expect(await world.get('corg', 'forged')).toBeUndefined()
  })

  test('a partner Admin who widens the grant closes it (TH-05)', async () => {
    const wider = {
      access: { mode: 'Continuous', notBefore: null, notAfter: null, maxScope: 'Full' },
      technicians: [{ name: tina, scope: 'Full' }],
    }
    expect((await as(paul, patch('pag', 'partner', wider))).stderr).toBe('')
    await world.until('nobody of the partner is in', async () => {
      return !(await world.can(tina, 'get', 'pods', 'customer-acme'))
    })
    const people = field(await world.get('pag', 'partner', 'customer-acme'), 'status', 'people')
    expect(JSON.stringify(people)).toContain('PolicyMissing')
    expect(await world.can(tina, 'create', 'deviceassignments.tenantry.dev', 'customer-acme')).toBe(
      false,
    )
  })

  test('a grant that the customer writes for another partner links nobody', async () => {
    const { stderr } = await creates(
      'bea@beta.example',
      grant('beta', 'other', { relationship: 'Managed', technicians: [{ name: olaf }] }),
    )
    expect(stderr).toBe('')
    await world.until('the customer says why', async () => {
      const where = { kind: 'corg', name: 'beta' }
      return (await world.condition(where, 'PartnerLinked')) === 'False/PolicyMissing'
    })
    expect(await world.can(olaf, 'get', 'pods', 'customer-beta')).toBe(false)
  })
})

describe('when they are back', () => {
  test('what was written meanwhile stays without effect until somebody with the right writes it again', async () => {
    const input = await localRendering(signal, () => {})
    const apply = ['apply', '--server-side', '--force-conflicts', '-f', '-']
    await world.platform.plane.run(signal, apply, { input })
    await world.until('they are in force again', async () => {
      const metrics = await world.operators[0]?.metrics(signal)
      return metrics?.includes('tenantry_policy_missing{policy="tenantry-members"} 0')
    })
    expect(await conditionOf('member', adam)).toBe('False/PolicyMissing')
    expect(await world.can(adam, 'appoint-admin', members, 'customer-acme')).toBe(false)
    await world.until('sara lowers adam again', async () => {
      return (await as(sara, patch('member', adam, { role: 'Admin' }))).code === 0
    })
    await world.until('he is what he was', () =>
      world.can(adam, 'appoint-user', members, 'customer-acme'),
    )
    expect(text(field(await world.get('corg', 'beta'), 'status', 'partner', 'state'))).toBe(
      'Vacant',
    )
  })
})
