// Who gets a login of their own, from facts alone. Holds NO-EARLY, NO-LATE, ISOLATED.
import { describe, expect, test } from 'vitest'
import type { Grant } from '../access/grant.ts'
import {
  fabrikam,
  hour,
  member,
  northwind,
  now,
  partnerMember,
  seen,
} from '../../test/support/seen.ts'
import type { Seen } from './gather.ts'
import { planCustomer } from './plan.ts'

function peopleOf(facts: Seen, at = now) {
  const { wanted, ended } = planCustomer(facts, at).people
  return {
    wanted: wanted.map(({ user, group, until, of, home }) => ({ user, group, until, of, home })),
    ended,
  }
}

const tina = {
  user: 'tina',
  group: 'rw',
  until: now + hour,
  of: 'technician',
  home: 'partner-fabrikam',
}

/** The facts with something else in the grant. */
function granting(change: Partial<Grant>, rest: Partial<Seen['known']> = {}): Seen {
  const { grant } = seen().known
  if (!grant) throw new Error('The facts have no grant.')
  return seen({}, { grant: { ...grant, ...change }, ...rest })
}

describe('a technician', () => {
  test('has a login while the window is open, which ends with it, in her own organization', () => {
    expect(peopleOf(seen()).wanted).toEqual([tina])
  })

  test('has none a millisecond before the window and none at its end (NO-EARLY, NO-LATE)', () => {
    const opens = Date.parse('2026-12-01T08:00:00Z')
    expect(peopleOf(seen(), opens - 1).wanted).toEqual([])
    expect(peopleOf(seen(), opens).wanted).toEqual([tina])
    expect(peopleOf(seen(), now + hour - 1).wanted).toEqual([tina])
    const after = peopleOf(seen(), now + hour)
    expect(after.wanted).toEqual([])
    expect(after.ended).toHaveLength(1)
  })

  test('with a narrower scope only reads', () => {
    const technicians = [{ name: 'tina', scope: 'ReadOnly' as const }]
    expect(peopleOf(granting({ technicians })).wanted).toEqual([{ ...tina, group: 'ro' }])
  })

  test('named twice has one login, and the wider scope only while that is open', () => {
    const notAfter = '2026-12-01T12:30:00Z'
    const facts = granting({
      technicians: [
        { name: 'tina', scope: 'ReadOnly' },
        { name: 'tina', scope: 'Full', notAfter },
      ],
    })
    const half = now + hour / 2
    expect(peopleOf(facts).wanted).toEqual([{ ...tina, until: half }])
    expect(peopleOf(facts, half)).toEqual({ wanted: [{ ...tina, group: 'ro' }], ended: [] })
  })

  test('who may impersonate has no login by that', () => {
    expect(
      peopleOf(granting({ technicians: [{ name: 'tina', scope: 'Impersonate' }] })).wanted,
    ).toEqual([])
  })

  test.each<readonly [string, Seen]>([
    ['whose partner is not linked', seen({}, { link: { state: 'Vacant', epoch: 1 } })],
    [
      'whose partner is being released',
      seen({}, { link: { state: 'Releasing', epoch: 1, partner: 'fabrikam' } }),
    ],
    ['whose partner is suspended', seen({}, { partner: { ...fabrikam, suspended: true } })],
    ['whose access is disabled', granting({ mode: 'Disabled' })],
    ['whose partner has no namespace for the Secret', seen({ partnerIsHome: false })],
    ['who left the partner', seen({}, { partner: { ...fabrikam, members: [] } })],
    ['who is not named', granting({ technicians: [] })],
  ])('%s has none', (_who, facts) => {
    expect(peopleOf(facts).wanted).toEqual([])
  })

  test('keeps her login when the partner has another member', () => {
    const members = [partnerMember('tina'), partnerMember('tom')]
    const before = planCustomer(seen(), now).people.wanted
    const after = planCustomer(seen({}, { partner: { ...fabrikam, members } }), now).people.wanted
    expect(after).toEqual(before)
  })
})

describe('one of the customer’s own people', () => {
  const asked = { databaseLogins: new Set(['olga', 'vera', 'edda', 'sara']) }
  const own = { until: 'open', of: 'member', home: 'customer-northwind' }
  const nobody = {
    grant: undefined,
    partner: undefined,
    link: { state: 'Vacant', epoch: 0 },
  } as const

  test('has a login by role, if asked for, for as long as the role lasts', () => {
    const members = [member('olga', 'Admin'), member('vera', 'Viewer'), member('edda', 'Editor')]
    const customer = { ...northwind, members: [...members, member('otto', 'Admin')] }
    expect(peopleOf(seen(asked, { ...nobody, customer })).wanted).toEqual([
      { ...own, user: 'edda', group: 'rw' },
      { ...own, user: 'olga', group: 'adm' },
      { ...own, user: 'vera', group: 'ro' },
    ])
  })

  test('has none while the portal is off', () => {
    const customer = { ...northwind, portalActive: false }
    expect(peopleOf(seen(asked, { ...nobody, customer })).wanted).toEqual([])
  })

  test('has another login than a technician of the same name (ISOLATED)', () => {
    const members = [member('olga', 'Admin')]
    const partner = { ...fabrikam, members: [partnerMember('olga')] }
    const both = [
      seen(asked, { ...nobody, customer: { ...northwind, members } }),
      granting({ technicians: [{ name: 'olga', scope: 'Full' }] }, { partner }),
    ].flatMap((facts) => planCustomer(facts, now).people.wanted)
    expect(new Set(both.map(({ login }) => login)).size).toBe(2)
    expect(new Set(both.map(({ secret }) => secret)).size).toBe(2)
  })
})
