// What a restored cluster gives, from facts alone.
import { describe, expect, test } from 'vitest'
import { fabrikam, member, northwind, now, partnerMember, seen } from '../../test/support/seen.ts'
import { access, type Known } from './access.ts'
import type { LedgerView } from './backdated.ts'

type Rows = Readonly<Record<string, { readonly scope: string; readonly until: number | 'open' }>>

/** @param newest generations as the ledger has seen them @param rows who is let in, by name */
function ledger(newest: Readonly<Record<string, number>>, rows: Rows = {}): LedgerView {
  return { newest: (uid) => newest[uid], lets: (_, person) => rows[person] }
}

const { grant } = seen().known
const restored = (view: LedgerView | undefined, change: Partial<Known> = {}): Known => ({
  ...seen().known,
  customer: {
    ...northwind,
    generation: 3,
    members: [{ ...member('olga', 'Admin'), generation: 1 }],
  },
  partner: {
    ...fabrikam,
    generation: 2,
    members: [{ ...partnerMember('tina'), uid: 'tina-at-fabrikam', generation: 1 }],
  },
  ...(grant && { grant: { ...grant, object: { uid: 'grant', generation: 1 } } }),
  ledger: view,
  ...change,
})
const end = now + 3_600_000

function entering(known: Known) {
  const { own, technicians, heldBack } = access(known, now)
  const names = [...own, ...technicians].filter(({ may }) => may === 'Enter')
  return { enter: names.map(({ person }) => person), heldBack }
}

describe('after a restore of the cluster', () => {
  test('who is not in the ledger and enters by objects that are as new as it goes on entering', () => {
    const known = restored(ledger({ grant: 1, 'tina-at-fabrikam': 1, [northwind.uid]: 3 }))
    expect(entering(known)).toEqual({ enter: ['olga', 'tina'], heldBack: [] })
  })

  test.each([
    ['the grant', { grant: 2 }],
    ['the partner', { [fabrikam.uid]: 3 }],
    ['the member of the partner, who was gone,', { 'tina-at-fabrikam': Number.MAX_SAFE_INTEGER }],
  ])('a technician is held back when %s is older than the ledger', (_, newest) => {
    const known = restored(ledger(newest))
    expect(entering(known)).toEqual({ enter: ['olga'], heldBack: ['tina'] })
    expect(access(known, now).technicians[0]).toMatchObject({
      may: 'Not',
      why: { reason: 'OlderThanLedger', message: expect.stringContaining('confirm-restored') },
    })
  })

  test.each([
    ['the ledger lets in by the same right', { scope: 'Full', until: end }, ['olga', 'tina']],
    ['the ledger lets in for longer', { scope: 'Full', until: 'open' as const }, ['olga', 'tina']],
    ['the ledger lets in for less long', { scope: 'Full', until: end - 1 }, ['olga']],
    ['the ledger lets in with another scope', { scope: 'ReadOnly', until: end }, ['olga']],
  ])('by an older grant enters whom %s: %o', (_, tina, enter) => {
    expect(entering(restored(ledger({ grant: 2 }, { tina }))).enter).toEqual(enter)
  })

  test('a member who was removed is held back, and everybody is when the customer was deleted', () => {
    expect(entering(restored(ledger({ olga: Number.MAX_SAFE_INTEGER })))).toEqual({
      enter: ['tina'],
      heldBack: ['olga'],
    })
    expect(entering(restored(ledger({ [northwind.uid]: 4 })))).toEqual({
      enter: [],
      heldBack: ['olga', 'tina'],
    })
  })

  test("a partner's Admins name nobody by an older grant, and a parent's do not look down by an older member", () => {
    const parent = {
      ...northwind,
      uid: 'parent',
      ref: { kind: 'customer', name: 'parent' },
      members: [
        { ...member('petra', 'Admin'), person: personOf('parent', 'petra'), generation: 1 },
      ],
    } as const
    const ada = { ...partnerMember('ada'), role: 'Admin', generation: 1 }
    const partner = { ...fabrikam, members: [ada] }
    const all = restored(ledger({}), { ancestors: [parent], partner })
    expect(access(all, now)).toMatchObject({ partnerAdmins: ['ada'], ancestors: ['petra'] })
    const older = { ...all, ledger: ledger({ grant: 2, petra: 2 }) }
    expect(access(older, now)).toMatchObject({
      partnerAdmins: [],
      ancestors: [],
      heldBack: ['ada', 'petra'],
    })
  })

  test('nobody is held back while the ledger is not known', () => {
    expect(entering(restored(undefined)).heldBack).toEqual([])
  })
})

function personOf(name: string, user: string) {
  const organization = { kind: 'customer', name } as const
  return { name: user, claims: [{ organization, since: 0, uid: user, recorded: true }], fits: [] }
}
