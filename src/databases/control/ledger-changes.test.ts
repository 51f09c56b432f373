// What a run changes in the ledger, and what the audit is told. Holds QUIET.
import { describe, expect, test } from 'vitest'
import { isEmpty, ledgerChanges, linkChanges, markChanges, type Basis } from './ledger-changes.ts'
import { gone, type LedgerRow, type LinkRow } from './ledger.sql.ts'

const tina: LedgerRow = {
  customer: '00000000-0000-4000-8000-000000000001',
  customerName: 'northwind',
  personKey: 'tina',
  organization: '00000000-0000-4000-8000-000000000002',
  organizationName: 'fabrikam',
  kind: 'technician',
  person: 'fabrikam:tina',
  scope: 'Full',
  until: '2026-12-01T13:00:00.000Z',
  refusal: null,
}
const out: LedgerRow = { ...tina, refusal: 'WindowEnded' }

function changes(written: readonly LedgerRow[], wanted: readonly LedgerRow[]) {
  const { leaving, entering } = ledgerChanges(
    new Map(written.map((row) => [row.personKey, row])),
    wanted,
  )
  const actions = [leaving, entering].map(({ audit }) =>
    audit.map(({ action, reason }) => [action, reason].filter(Boolean).join(' ')),
  )
  return { leaving, entering, actions }
}

describe('the ledger', () => {
  test.each([
    ['lets in after the proof', [], [tina], [[], ['Granted']]],
    ['ends before it, and says why', [tina], [out], [['Revoked WindowEnded'], []]],
    ['ends who is written down nowhere any more', [tina], [], [['Revoked'], []]],
    [
      'changes the scope before the proof',
      [tina],
      [{ ...tina, scope: 'ReadOnly' }],
      [['Changed'], []],
    ],
    ['tells a refusal', [], [out], [['Refused WindowEnded'], []]],
    ['lets in again', [out], [tina], [[], ['Granted']]],
    ['forgets a refusal without a word', [out], [], [[], []]],
  ] as const)('%s', (_says, written, wanted, actions) => {
    expect(changes(written, wanted).actions).toEqual(actions)
  })

  test.each([
    ['is let in', tina, tina],
    ['is refused', out, { ...out, until: '2026-12-02T13:00:00.000Z' }],
  ])('writes nothing of somebody who %s as before', (_says, before, after) => {
    const { leaving, entering } = changes([before], [after])
    expect(isEmpty(leaving) && isEmpty(entering)).toBe(true)
  })
})

describe('what the ledger remembers of the objects', () => {
  const basis = (change: Partial<Basis> = {}): Basis => ({
    customer: tina.customer,
    customerName: tina.customerName,
    objects: [{ uid: 'grant', generation: 2 }],
    isGone: () => true,
    accepts: false,
    ...change,
  })
  test.each([
    ['an object that it sees for the first time', {}, basis(), { grant: 2 }],
    ['one that was written since then', { grant: 1 }, basis(), { grant: 2 }],
    ['nothing of one that stands as it was', { grant: 2 }, basis(), {}],
    ['no smaller generation, as after a restore', { grant: 3 }, basis(), {}],
    ['a smaller one that is meant', { grant: 3 }, basis({ accepts: true }), { grant: 2 }],
    ['that one is gone', { grant: 2, member: 1 }, basis(), { member: gone }],
    ['that it is gone once', { grant: 2, member: gone }, basis(), {}],
    [
      'nothing of one that matters here no more',
      { grant: 2, member: 1 },
      basis({ isGone: () => false }),
      {},
    ],
    ['not that one came back that was gone', { grant: gone }, basis(), {}],
  ] as const)('is %s', (_says, known, now, changed) => {
    const marks = markChanges(new Map(Object.entries<number>(known)), now)
    expect(Object.fromEntries(marks.map(({ object, generation }) => [object, generation]))).toEqual(
      changed,
    )
  })
})

describe('the link', () => {
  const { customer, customerName } = tina
  const at = (state: string, partner: string | null, epoch: number) => ({
    customer,
    customerName,
    state,
    partner,
    epoch,
    agreement: null,
    levels: [],
  })

  test('is told from the first partner to the next', () => {
    const states = [
      at('Vacant', null, 0),
      at('Linked', 'fabrikam', 1),
      at('Linked', 'fabrikam', 1),
      at('Releasing', 'fabrikam', 1),
      at('Vacant', null, 1),
      at('Linked', 'lumen', 2),
    ]
    let before: LinkRow | undefined
    const told = states.flatMap((next) => {
      const writing = linkChanges(before, next)
      before = writing?.links[0] ?? before
      return (writing?.audit ?? []).map(({ action, partner, detail }) => [
        action,
        partner,
        detail?.['from'],
      ])
    })
    expect(told).toEqual([
      ['Linked', 'fabrikam', undefined],
      ['Releasing', 'fabrikam', undefined],
      ['Released', 'fabrikam', undefined],
      ['HandedOver', 'lumen', 'fabrikam'],
    ])
  })

  test('tells what the customer sees of its devices and by which agreement, each change once (S4-02)', () => {
    const first = at('Linked', 'fabrikam', 1)
    const before = { ...first, lastPartner: 'fabrikam' }
    const next = { ...first, agreement: 'A-7', levels: ['deviceProperties', 'estimatedLoad'] }
    expect(linkChanges(before, first)).toBeUndefined()
    const writing = linkChanges(before, next)
    expect(writing?.audit).toMatchObject([
      {
        action: 'TermsChanged',
        detail: { agreementRef: 'A-7', informationLevel: ['deviceProperties', 'estimatedLoad'] },
      },
    ])
    expect(linkChanges(writing?.links[0], next)).toBeUndefined()
    expect(linkChanges(writing?.links[0], first)?.audit).toMatchObject([
      { detail: { agreementRef: null, informationLevel: [] } },
    ])
  })
})
