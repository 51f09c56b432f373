// The access ledger as a projection of access. Holds NO-EARLY, NO-LATE.
import { describe, expect, test } from 'vitest'
import { access } from '../access/access.ts'
import { hour, member, now, seen } from '../../test/support/seen.ts'
import { planLedger } from './plan-ledger.ts'

function said(at: number, given = seen()): readonly string[] {
  return planLedger(given, access(given.known, at))
    .map(({ kind, person, scope, until, refusal }) =>
      [kind, person, scope, refusal ?? until].filter((word) => word !== '').join(' '),
    )
    .toSorted()
}

const own = ['member olga Admin infinity', 'member vera Viewer infinity']

describe('the ledger of a customer', () => {
  test('has its own people and the technicians whose window is open', () => {
    expect(said(now)).toEqual([...own, 'technician tina Full 2026-12-01T13:00:00.000Z'])
  })

  test('has nobody before the window', () => {
    expect(said(now - 5 * hour)).toEqual(own)
  })

  test('says that the window has ended', () => {
    expect(said(now + hour)).toEqual([...own, 'technician tina Full WindowEnded'])
  })

  test('says nothing of what passes by itself', () => {
    expect(said(now, seen({}, { link: { state: 'Vacant', epoch: 1 } }))).toEqual(own)
  })

  test('has the Admins of the customers above, each of the own organization', () => {
    const { customer } = seen().known
    const ref = { kind: 'customer', name: 'contoso' } as const
    const cara = member('cara', 'Admin')
    const claims = cara.person.claims.map((claim) => ({ ...claim, organization: ref }))
    const parent = {
      ...customer,
      ref,
      uid: '00000000-0000-4000-8000-000000000009',
      members: [{ ...cara, person: { ...cara.person, claims } }],
    }
    const given = seen({}, { ancestors: [parent] })
    const rows = planLedger(given, access(given.known, now))
    expect(rows.filter(({ kind }) => kind === 'ancestor')).toMatchObject([
      { person: 'cara', organization: parent.uid, organizationName: 'contoso', scope: 'Admin' },
    ])
  })

  test('has one row of who is named twice, with the wider scope', () => {
    const { grant } = seen().known
    const twice = grant && {
      ...grant,
      technicians: [
        { name: 'tina', scope: 'ReadOnly' as const },
        { name: 'tina', scope: 'Full' as const },
      ],
    }
    const rows = said(now, seen({}, { grant: twice }))
    expect(rows).toEqual([...own, 'technician tina Full 2026-12-01T13:00:00.000Z'])
  })
})
