// The decisions of one DeviceAssignment: what is waited for, what is carried out, what is said. Pure.
import { describe, expect, test } from 'vitest'
import type { CustomerOrganization, DeviceAssignment } from '../api/kinds.generated.ts'
import type { Outcome, Terms } from '../databases/registry/devices.sql.ts'
import { askedFor, named } from './asked.ts'
import type { Seen } from './gather.ts'
import { planAssignment } from './plan.ts'
import { reportAssigned, reportPreview, reportWaiting } from './report.ts'

const apiVersion = 'tenantry.dev/v1alpha1'
const now = Date.UTC(2026, 0, 1)

function customer(name: string, spec: object = {}): CustomerOrganization {
  return {
    apiVersion,
    kind: 'CustomerOrganization',
    metadata: { name, uid: `uid-of-${name}` },
    spec: { ...spec },
  }
}

function assignment(spec: object = {}, more: object = {}): DeviceAssignment {
  return {
    apiVersion,
    kind: 'DeviceAssignment',
    metadata: { name: 'hall', namespace: 'customer-acme', uid: 'uid', generation: 2, ...more },
    spec: { devices: [{ id: 'a' }, { id: 'b' }], ...spec },
  }
}

const terms: Terms = {
  customerUid: 'uid-of-acme',
  customer: 'acme',
  assignment: 'uid',
  generation: 2,
  fromUid: undefined,
  others: [],
  license: undefined,
}
const holding = { assigned: 0, moved: 0, dropped: 0, used: 0 }

function asked(
  outcomes: readonly Outcome['outcome'][],
  change: {
    object?: DeviceAssignment
    terms?: Terms
    holding?: object
    reservedUntil?: number
  } = {},
): Seen {
  const object = change.object ?? assignment()
  const names = named(askedFor(object.spec), undefined)
  const told = outcomes.map((outcome, index) => ({ id: 'ab'.charAt(index), outcome }))
  return {
    object,
    customer: customer('acme', {
      licenses: [{ sku: 'pro', quantity: 3, notAfter: '2026-06-01T00:00:00Z' }],
    }),
    notOurs: undefined,
    source: undefined,
    movesAreGuarded: true,
    registry: {
      state: 'Asked',
      terms: change.terms ?? terms,
      names,
      looked: {
        outcomes: told,
        holding: { ...holding, ...change.holding },
        reservedUntil: change.reservedUntil,
      },
    },
  }
}

describe('an assignment', () => {
  test('of which nothing differs does nothing', () => {
    const plan = planAssignment(asked(['Assigned', 'DeviceTaken']), now)
    expect(plan).toMatchObject({ act: 'assign', claims: false, drops: undefined })
  })

  test('claims what it can, and gives back what the list does not name any more', () => {
    const plan = planAssignment(asked(['Claim', 'Assigned'], { holding: { dropped: 1 } }), now)
    expect(plan).toMatchObject({ act: 'assign', claims: true, drops: ['a', 'b'], policy: 'Retain' })
  })

  test('as a preview changes nothing, and says what it would do', () => {
    const seen = asked(['Claim', 'DeviceTaken'], { object: assignment({ preview: true }) })
    const plan = planAssignment(seen, now)
    if (plan.act !== 'preview') throw new Error(plan.act)
    const { status } = reportPreview(seen, plan, now)
    expect(status).toMatchObject({ assigned: 0, pending: 1, rejected: [{ id: 'b' }] })
    expect(status.conditions?.[0]?.message).toContain(
      'It would claim 1, move 0, correct 0 and reject 1 of 2 devices.',
    )
  })

  test('looks again when its license ends or a reserved device is free, whichever is first', () => {
    const object = assignment({ sku: 'pro' })
    const end = Date.UTC(2026, 5, 1)
    expect(planAssignment(asked(['Assigned'], { object }), now)).toMatchObject({ nextChange: end })
    const reservedUntil = now + 1000
    expect(planAssignment(asked(['DeviceReserved'], { object, reservedUntil }), now)).toMatchObject(
      {
        nextChange: reservedUntil,
      },
    )
  })

  test('says of 1,000 refusals each count, and a reason for the first hundred', () => {
    const ids = Array.from({ length: 1000 }, (_, index) => `d-${index}`)
    const object = assignment({ devices: ids.map((id) => ({ id })) })
    const seen = asked([], { object })
    const plan = planAssignment(seen, now)
    if (plan.act !== 'assign') throw new Error(plan.act)
    const outcomes = ids.map((id, index) => {
      return { id, outcome: index % 2 ? ('DeviceTaken' as const) : ('DeviceReserved' as const) }
    })
    const facts = { object, outcomes, holding, notShown: undefined }
    const { status } = reportAssigned(seen, plan, facts, now)
    expect(status.rejected).toHaveLength(100)
    expect(status.conditions?.[0]).toMatchObject({ status: 'False', reason: 'DevicesRejected' })
    expect(status.conditions?.[0]?.message).toContain('(DeviceReserved 500, DeviceTaken 500)')
  })

  test('is ready only when the database of the customer shows its devices', () => {
    const seen = asked(['Assigned', 'Assigned'])
    const plan = planAssignment(seen, now)
    if (plan.act !== 'assign') throw new Error(plan.act)
    const why = { reason: 'ShowingDevices', message: 'Not yet.' } as const
    const facts = { object: seen.object, outcomes: [], holding: { ...holding, assigned: 2 } }
    const ready = (notShown: { why: typeof why } | undefined) =>
      reportAssigned(seen, plan, { ...facts, notShown }, now).status.conditions?.at(-1)
    expect(ready({ why })).toMatchObject({
      type: 'Ready',
      status: 'False',
      reason: 'ShowingDevices',
    })
    expect(ready(undefined)).toMatchObject({ type: 'Ready', status: 'True' })
  })
})

describe('an assignment waits', () => {
  const move = assignment({ from: { customer: 'beta' } })
  const cases: readonly (readonly [string, Partial<Seen>, string])[] = [
    ['for a customer', { customer: undefined }, 'OrganizationNotFound'],
    ['for a registry', { registry: { state: 'Missing' } }, 'RegistryMissing'],
    ['for a source that is there', { object: move }, 'SourceNotFound'],
    [
      'for another source than itself',
      { object: move, source: customer('acme') },
      'SourceNotFound',
    ],
    [
      'for somebody who was asked about the right at the source',
      { object: move, source: customer('beta'), movesAreGuarded: false },
      'PolicyMissing',
    ],
  ]
  test.each(cases)('%s', (_what, change, reason) => {
    const plan = planAssignment({ ...asked(['Claim', 'Move']), ...change }, now)
    expect(plan).toMatchObject({ act: 'wait', why: { reason } })
  })

  test('for ever with a move that was written unguarded, also when the policy is back', () => {
    const [condition] =
      reportWaiting(
        { ...asked([]), object: move },
        { act: 'wait', why: { reason: 'PolicyMissing', message: '' } },
        now,
      ).status.conditions ?? []
    const object = {
      ...move,
      status: { observedGeneration: 2, conditions: condition ? [condition] : [] },
    }
    const seen = { ...asked(['Move']), object, source: customer('beta') }
    expect(planAssignment(seen, now)).toMatchObject({
      act: 'wait',
      why: { reason: 'PolicyMissing' },
    })
    const anew = { ...object, metadata: { ...object.metadata, generation: 3 } }
    expect(planAssignment({ ...seen, object: anew }, now)).toMatchObject({ act: 'assign' })
  })

  test('for a registry that is down, and keeps the counts that it had', () => {
    const object = { ...assignment(), status: { assigned: 1, moved: 1 } }
    const why = { reason: 'DatabaseServerUnreachable', message: 'PostgreSQL is down.' } as const
    const seen = {
      ...asked([]),
      object,
      registry: { state: 'Silent', why, error: new Error() } as const,
    }
    const plan = planAssignment(seen, now)
    if (plan.act !== 'wait') throw new Error(plan.act)
    expect(reportWaiting(seen, plan, now).status).toMatchObject({
      assigned: 1,
      pending: 1,
      moved: 1,
      conditions: [
        { type: 'Assigned', status: 'Unknown' },
        { type: 'Ready', status: 'False' },
      ],
    })
  })
})

describe('an assignment that is deleted', () => {
  const gone = { deletionTimestamp: '2026-01-01T00:00:00Z' }
  test('releases what it has, without a customer too', () => {
    const object = assignment({}, { ...gone, finalizers: ['tenantry.dev/access'] })
    const seen = {
      ...asked([]),
      object,
      customer: undefined,
      registry: { state: 'Unasked' } as const,
    }
    expect(planAssignment(seen, now)).toEqual({ act: 'release', policy: 'Retain' })
  })

  test('and never had anything goes', () => {
    expect(planAssignment({ ...asked([]), object: assignment({}, gone) }, now)).toEqual({
      act: 'let go',
    })
  })

  test('waits while there is no registry to give its devices back to, unless its namespace goes', () => {
    const object = assignment({}, { ...gone, finalizers: ['tenantry.dev/access'] })
    const seen = { ...asked([]), object, registry: { state: 'Missing' } as const }
    expect(planAssignment(seen, now)).toMatchObject({ act: 'wait' })
    const notOurs = { reason: 'NamespaceTerminating', message: '' } as const
    expect(planAssignment({ ...seen, notOurs }, now)).toEqual({ act: 'let go' })
  })
})
