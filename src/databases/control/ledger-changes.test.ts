// What a run changes in the ledger, and what the audit is told. Holds QUIET.
import { describe, expect, test } from 'vitest'
import { isEmpty, ledgerChanges, linkChanges } from './ledger-changes.ts'
import type { LedgerRow, LinkRow } from './ledger.sql.ts'

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

describe('the link', () => {
  const { customer, customerName } = tina
  const at = (state: string, partner: string | null, epoch: number) => ({
    customer,
    customerName,
    state,
    partner,
    epoch,
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
})
