// Who acts as whom, from the open window to the moment at which the API server has forgotten it. From facts alone.
import { describe, expect, test } from 'vitest'
import type { TechnicianEntry } from '../access/grant.ts'
import type { ClusterRole, ClusterRoleBinding } from '../api/resources.ts'
import { now, seen } from '../../test/support/seen.ts'
import type { Seen } from './gather.ts'
import { planCustomer } from './plan.ts'

const entry: TechnicianEntry = {
  name: 'tina',
  scope: 'Impersonate',
  notBefore: '2026-12-01T11:30:00Z',
  notAfter: '2026-12-01T12:30:00Z',
  actsAs: ['vera'],
  reason: 'ticket 4711',
}
const endsAt = now + 1_800_000

type Objects = {
  readonly roles?: readonly ClusterRole[]
  readonly bindings?: readonly ClusterRoleBinding[]
}

function facts(change: Partial<TechnicianEntry> | undefined, there: Objects = {}): Seen {
  const { grant } = seen().known
  const technicians = change ? [{ ...entry, ...change }] : []
  return seen(
    { impersonations: { roles: [], bindings: [], ...there } },
    grant && { grant: { ...grant, allowImpersonation: true, technicians } },
  )
}

const plan = (of: Seen, at = now) => planCustomer(of, at).impersonation

describe('acting as somebody', () => {
  const [opened] = plan(facts({})).open

  test('takes a role that names the people, and a binding for the technician', () => {
    expect(opened?.role.rules).toEqual([
      {
        apiGroups: ['authentication.k8s.io'],
        resources: ['users'],
        resourceNames: ['vera'],
        verbs: ['impersonate:user-info'],
      },
    ])
    expect(opened?.binding.subjects?.map(({ name }) => name)).toEqual(['tina'])
    expect(opened?.role.metadata.annotations).toMatchObject({
      'tenantry.dev/reason': 'ticket 4711',
    })
  })

  test('ends ten seconds before the window does, and begins with it (NO-EARLY, NO-LATE)', () => {
    expect(plan(facts({}), now - 1_800_001).open).toEqual([])
    expect(plan(facts({}), now - 1_800_000).open).toHaveLength(1)
    expect(plan(facts({}), endsAt - 10_001).open).toHaveLength(1)
    expect(plan(facts({}), endsAt - 10_000).open).toEqual([])
    const { bindings } = planCustomer(facts({}), now)
    expect(bindings.grant.map(({ metadata }) => metadata.name)).toContain(
      `technicians-impersonate-${(endsAt - 10_000) / 1000}`,
    )
  })

  test.each<readonly [string, Partial<TechnicianEntry>]>([
    ['as a SuperAdmin or a stranger', { actsAs: ['sara'] }],
    ['as one of several who may not be acted as', { actsAs: ['vera', 'nobody'] }],
    ['as nobody', { actsAs: [] }],
    ['without a reason', { reason: '' }],
    ['for more than an hour', { notBefore: '2026-12-01T11:29:59Z' }],
  ])('is not possible %s', (_how, change) => {
    expect(plan(facts(change)).open).toEqual([])
  })

  test('closes step by step, and is remembered for ten seconds', () => {
    if (!opened) throw new Error('It was not opened.')
    const { role, binding } = opened
    const first = plan(facts(undefined, { roles: [role], bindings: [binding] }))
    expect(first).toMatchObject({ unbind: [binding], close: [], remove: [], isRemembered: true })

    const second = plan(facts(undefined, { roles: [role] }))
    expect(second).toMatchObject({ unbind: [], remove: [], isRemembered: true })
    const [closed] = second.close
    if (!closed) throw new Error('It was not closed.')
    expect(closed.rules).toEqual([])

    const waiting = plan(facts(undefined, { roles: [closed] }), now + 9_999)
    expect(waiting).toMatchObject({ close: [], remove: [], isRemembered: true })
    expect(waiting.nextChange).toBe(now + 10_000)

    const last = plan(facts(undefined, { roles: [closed] }), now + 10_000)
    expect(last).toMatchObject({ close: [], remove: [closed] })
    expect(plan(facts(undefined))).toMatchObject({ isRemembered: false })
  })

  test('is not closed while a binding in the namespace still lets the technician act', () => {
    if (!opened) throw new Error('It was not opened.')
    const still = planCustomer(facts({}), now).bindings.grant
    const left = { ...facts(undefined, { roles: [opened.role] }), bindings: still }
    expect(plan(left).close).toEqual([])
  })
})
