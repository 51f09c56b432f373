// The plan of one customer, from facts alone.
import { describe, expect, test } from 'vitest'
import type { Customer, MemberFact, Partner } from '../access/organization.ts'
import { finalizer, labels } from '../api/names.ts'
import type { ClusterRole, RoleBinding } from '../api/resources.ts'
import type { Seen } from './gather.ts'
import { planCustomer } from './plan.ts'

const now = Date.parse('2026-12-01T12:00:00Z')
const hour = 3_600_000

function member(name: string, role: string): MemberFact {
  const organization = { kind: 'customer', name: 'northwind' } as const
  const claims = [{ organization, since: 0, uid: name, recorded: true }]
  return {
    source: 'member',
    object: name,
    uid: name,
    since: 0,
    person: { name, claims, fits: [] },
    role,
    recordedRole: undefined,
    deleting: false,
  }
}

function partnerMember(name: string): MemberFact {
  const organization = { kind: 'partner', name: 'fabrikam' } as const
  const claims = [{ organization, since: 0, uid: name, recorded: true }]
  return { ...member(name, 'User'), person: { name, claims, fits: [] } }
}

const northwind: Customer = {
  ref: { kind: 'customer', name: 'northwind' },
  uid: '00000000-0000-4000-8000-000000000001',
  deleting: false,
  usernames: 'none',
  members: [member('olga', 'Admin'), member('vera', 'Viewer')],
  portalActive: true,
}

const fabrikam: Partner = {
  ref: { kind: 'partner', name: 'fabrikam' },
  uid: '00000000-0000-4000-8000-000000000002',
  deleting: false,
  usernames: 'none',
  members: [partnerMember('tina')],
  accredited: true,
  suspended: false,
  signInReady: true,
}

const template: ClusterRole = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'tenantry:technician-full' },
  rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }],
}

function seen(change: Partial<Seen> = {}, known: Partial<Seen['known']> = {}): Seen {
  return {
    object: {
      apiVersion: 'tenantry.dev/v1alpha1',
      kind: 'CustomerOrganization',
      metadata: {
        name: 'northwind',
        uid: '00000000-0000-4000-8000-000000000001',
        finalizers: [finalizer],
      },
      spec: {},
    },
    known: {
      customer: northwind,
      ancestors: [],
      link: { state: 'Linked', epoch: 1, partner: 'fabrikam' },
      grant: {
        partner: 'fabrikam',
        relationship: 'Invited',
        mode: 'Period',
        window: { notBefore: '2026-12-01T08:00:00Z', notAfter: '2026-12-01T13:00:00Z' },
        maxScope: 'Full',
        technicians: [{ name: 'tina', scope: 'Full' }],
        deleting: false,
      },
      partner: fabrikam,
      skewMs: 0,
      ...known,
    },
    ancestry: { outcome: 'found', ancestors: [] },
    namespace: 'customer-northwind',
    namespaceObject: {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'customer-northwind', labels: { [labels.customer]: 'northwind' } },
    },
    grant: undefined,
    bindings: [],
    jobs: [],
    templates: { Full: template, ReadOnly: template },
    leavingPeople: [],
    databaseLogins: new Set(),
    partnerIsHome: true,
    loginRoles: [],
    nestedCustomers: [],
    devices: 0,
    ...change,
  }
}

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
