// The plan of one customer, from facts alone.
import { describe, expect, test } from 'vitest'
import type { RoleBinding } from '../api/resources.ts'
import { hour, member, northwind, now, seen } from '../../test/support/seen.ts'
import { planCustomer } from './plan.ts'

function namesOf(bindings: readonly RoleBinding[]): readonly string[] {
  return bindings.map(({ metadata }) => metadata.name)
}

describe('the plan of a customer', () => {
  test('lets its people in by role, and the technician by a role that carries the end', () => {
    const { bindings, nextChange } = planCustomer(seen(), now)
    const end = Date.parse('2026-12-01T13:00:00Z') / 1000
    expect(namesOf(bindings.grant)).toEqual([
      'customer-admin',
      'customer-viewer',
      `technicians-full-${end}`,
    ])
    expect(bindings.roles.map(({ metadata }) => metadata.name)).toEqual([
      `tenantry:fabrikam:full:${end}`,
    ])
    expect(nextChange).toBe(now + hour)
  })

  test('takes the technician out at the end itself (NO-LATE)', () => {
    const before = planCustomer(seen(), now).bindings.grant
    const after = planCustomer(seen({ bindings: before }), now + hour)
    expect(namesOf(after.bindings.revoke)).toEqual([`technicians-full-${(now + hour) / 1000}`])
    expect(after.bindings.ended).toEqual(after.bindings.revoke)
    expect(after.accessColumn).toBe('Expired')
  })

  test('leaves alone what the cluster is closing by itself, but for people who go sooner (NO-LATE)', () => {
    const end = (now + hour) / 1000
    const atTheEnd = planCustomer(seen(), now).bindings
    const [job] = atTheEnd.switches
    const facts = { bindings: atTheEnd.grant, jobs: job ? [job] : [] }
    const soon = planCustomer(seen(facts), now + hour - 1_500).bindings
    expect(namesOf(soon.grant)).toEqual(['customer-admin', 'customer-viewer'])
    expect([soon.revoke, soon.narrow, soon.roles]).toEqual([[], [], []])
    expect([soon.switches, soon.idleSwitches]).toEqual([[], []])

    const isGone = planCustomer(seen({ bindings: soon.grant }), now + hour - 1_500).bindings
    expect([isGone.switches, isGone.roles]).toEqual([[], []])
    expect(namesOf(isGone.grant)).toEqual(namesOf(soon.grant))

    const somebodyElse = facts.bindings.map((binding) =>
      binding.metadata.name === `technicians-full-${end}`
        ? { ...binding, subjects: [...(binding.subjects ?? []), { kind: 'User', name: 'mallory' }] }
        : binding,
    )
    const narrowed = planCustomer(seen({ ...facts, bindings: somebodyElse }), now + hour - 1_500)
    expect(namesOf(narrowed.bindings.narrow)).toEqual([`technicians-full-${end}`])

    const { bindings } = planCustomer(seen(facts), now + hour)
    expect(bindings.idleSwitches).toEqual([job])
  })

  test('names the ends of the next minutes, for a run may last beyond the first of them (NO-LATE)', () => {
    const endsAt = (time: number) => planCustomer(seen(), time).endsSoon
    expect(endsAt(now)).toEqual([])
    expect(endsAt(now + hour - 1_000)).toEqual([now + hour])
    expect(endsAt(now + hour)).toEqual([])
  })

  test('makes nobody of the next partner enter while the last one is being released (ONE-PARTNER)', () => {
    const link = { state: 'Releasing', epoch: 1, partner: 'contoso' } as const
    const plan = planCustomer(seen({ leavingPeople: ['carl'] }, { link }), now)
    expect(namesOf(plan.bindings.grant)).toEqual(['customer-admin', 'customer-viewer'])
    expect(plan.questions).toContainEqual({ person: 'carl', expected: false, about: 'partner' })
    expect(plan.nextLink).toEqual({ state: 'Vacant', epoch: 1 })
  })

  test('keeps people in whose role stays, and narrows a binding before it grows', () => {
    const before = planCustomer(seen(), now).bindings.grant
    const known = { customer: { ...northwind, members: [member('vera', 'Viewer')] } }
    const { bindings } = planCustomer(seen({ bindings: before }, known), now)
    expect(namesOf(bindings.revoke)).toEqual(['customer-admin'])
    expect(bindings.narrow).toEqual([])
  })

  test('makes nothing in a namespace that somebody else made, and says what to do', () => {
    const namespaceObject = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'customer-northwind' },
    }
    const plan = planCustomer(seen({ namespaceObject }), now)
    expect(plan.open).toBe(false)
    expect([plan.children, plan.bindings.grant, plan.bindings.roles]).toEqual([[], [], []])
    expect(plan.namespaceStep).toMatchObject({
      step: 'leave',
      why: { reason: 'NamespaceNotOurs', message: expect.stringContaining('label it') },
    })
  })

  test('asks about a name that nobody has, since what that one may do everybody may (ISOLATED)', () => {
    const [first] = planCustomer(seen(), now).questions
    expect(first).toMatchObject({ about: 'anybody', expected: false })
  })

  test('lets nobody in while a parent is missing, and keeps the partner linked', () => {
    const ancestry = {
      outcome: 'broken',
      why: { reason: 'ParentNotFound', message: 'There is no alpine.' },
    } as const
    const plan = planCustomer(seen({ ancestry }), now)
    expect(plan.bindings.grant).toEqual([])
    expect(plan.nextLink).toEqual({ state: 'Linked', epoch: 1, partner: 'fabrikam' })
  })

  test.each([
    ['its bindings are not gone', [], 'keep'],
    ['everybody is out', undefined, 'remove'],
  ] as const)('holds a deletion until everybody is out: %s', (_, bindings, step) => {
    const object = seen().object
    const metadata = { ...object.metadata, deletionTimestamp: '2026-12-01T11:00:00Z' }
    const left = bindings ? planCustomer(seen(), now).bindings.grant : []
    const link = { state: 'Vacant', epoch: 1 } as const
    const plan = planCustomer(
      seen({ object: { ...object, metadata }, bindings: left }, { link }),
      now,
    )
    expect(plan.finalizer).toBe(step)
    expect(plan.deleteNamespace).toBe(false) // NOTHING-LOST: only by policy
  })
})
