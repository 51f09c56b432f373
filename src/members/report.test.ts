// What each member's status says, from facts alone.
import { describe, expect, test } from 'vitest'
import type { Customer, MemberFact } from '../access/organization.ts'
import type { IdentityProvider, OrganizationMember } from '../api/kinds.generated.ts'
import type { Seen } from './gather.ts'
import { reportMembers, reportProviders } from './report.ts'

const now = Date.parse('2026-12-01T12:00:00Z')
const here = { kind: 'customer', name: 'northwind' } as const
const elsewhere = { kind: 'customer', name: 'contoso' } as const

function object(name: string, role?: 'Admin'): OrganizationMember {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'OrganizationMember',
    metadata: { name, namespace: 'customer-northwind', generation: 1 },
    spec: { user: name, ...(role && { role }) },
  }
}

function fact(name: string, change: Partial<MemberFact> = {}): MemberFact {
  const claims = [{ organization: here, since: 5, uid: name, recorded: false }]
  const person = { name, claims, fits: [] }
  return {
    source: 'member',
    object: name,
    uid: name,
    since: 5,
    person,
    role: undefined,
    recordedRole: undefined,
    deleting: false,
    ...change,
  }
}

/** Who wrote a member down, as the cluster has stamped it. */
const stamped: Seen['creatorOf'] = ({ status }) => status?.createdBy

function reportOf(members: readonly MemberFact[], objects: readonly OrganizationMember[]) {
  const organization: Customer = {
    ref: here,
    uid: 'uid',
    deleting: false,
    usernames: 'none',
    members,
    portalActive: true,
  }
  return reportMembers(
    { organization, members: objects, identityProviders: [], creatorOf: stamped },
    now,
  )
}

function readyOf(report: ReturnType<typeof reportOf>[number] | undefined) {
  return report?.findings.find(({ type }) => type === 'Ready')
}

describe('the status of a member', () => {
  test('written without a role says SuperAdmin of the first and Viewer of the next', () => {
    const reports = reportOf(
      [fact('ann'), fact('bob', { since: 6 })],
      [object('ann'), object('bob')],
    )
    expect(reports.map(({ status }) => status.role)).toEqual(['SuperAdmin', 'Viewer'])
    expect(reports[0]?.status.home).toMatchObject({ organization: 'customer/northwind' })
  })

  test('whose home is elsewhere says so and names nobody (ONE-HOME, ISOLATED)', () => {
    const claims = [
      { organization: elsewhere, since: 1, uid: 'a', recorded: true },
      { organization: here, since: 5, uid: 'b', recorded: false },
    ]
    const [report] = reportOf(
      [fact('ann', { person: { name: 'ann', claims, fits: [] } })],
      [object('ann')],
    )
    expect(readyOf(report)).toMatchObject({ status: 'False', reason: 'PersonHasOtherHome' })
    expect(JSON.stringify(report?.status)).not.toContain('contoso')
    expect(report?.status.home).toBeUndefined()
  })

  test('that changes nothing is equal to the last one (QUIET)', () => {
    const [first] = reportOf([fact('ann')], [object('ann')])
    const again = { ...object('ann'), status: first?.status ?? {} }
    const later = reportMembers(
      {
        organization: {
          ref: here,
          uid: 'uid',
          deleting: false,
          usernames: 'none',
          members: [fact('ann', { recordedRole: 'SuperAdmin' })],
        },
        members: [again],
        identityProviders: [],
        creatorOf: stamped,
      },
      now + 60_000,
    )
    expect(later[0]?.status).toEqual(first?.status)
  })

  test('in a namespace of nobody says that the organization is missing', () => {
    const [report] = reportMembers(
      {
        organization: undefined,
        members: [object('ann')],
        identityProviders: [],
        creatorOf: stamped,
      },
      now,
    )
    expect(readyOf(report)).toMatchObject({ reason: 'OrganizationNotFound' })
  })
})

describe('the status of an identity provider', () => {
  const provider = (generation: number, issuerURL: string): IdentityProvider => ({
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'IdentityProvider',
    metadata: { name: 'sso', namespace: 'customer-northwind', generation },
    spec: { issuerURL },
  })
  const organization: Customer = {
    ref: here,
    uid: 'uid',
    deleting: false,
    usernames: 'none',
    members: [],
    portalActive: true,
  }
  const reportOn = (object: IdentityProvider) =>
    reportProviders(
      { organization, members: [], identityProviders: [object], creatorOf: stamped },
      now,
    )[0]

  test('is announced when it is new or changed, with what it was before, and once', () => {
    const first = provider(1, 'https://one.example')
    const told = reportOn(first)
    expect(told?.news.map(({ reason }) => reason)).toEqual(['SignInChanged'])
    if (!told) throw new Error('nothing was reported')
    expect(reportOn({ ...first, status: told.status })?.news).toEqual([])
    const next = reportOn({ ...provider(2, 'https://two.example'), status: told.status })
    expect(next?.news[0]?.note).toMatch(/at https:\/\/two.example. Before, it was https:\/\/one/)
  })
})
