// What the access ledger says of one customer: everybody who may enter, as whom and until when, and why others who are written
// down may not. Pure. A projection of access like the bindings, one row per person and organization.

import type { Access } from '../access/access.ts'
import { holdersOf } from '../access/members.ts'
import type { Reason } from '../api/reasons.ts'
import type { End } from '../api/time.ts'
import type { LedgerRow } from '../databases/control/ledger.sql.ts'
import { personKey } from '../databases/names.ts'
import type { Seen } from './gather.ts'

/** What passes by itself is no refusal. */
const passing = new Set<Reason>(['PartnerNotLinked', 'CustomerNotReady', 'NamespaceMissing'])
const scopes = ['Full', 'ReadOnly', 'Impersonate']

type Somebody = Pick<LedgerRow, 'kind' | 'person' | 'scope' | 'refusal'> & { readonly until: End }
type Home = { readonly uid: string; readonly name: string }

export function planLedger(seen: Seen, decided: Access): readonly LedgerRow[] {
  const { customer, ancestors, partner } = seen.known
  const own = { uid: customer.uid, name: customer.ref.name }
  const rows = [
    ...(partner
      ? technicians(decided).map((each) =>
          row(seen, { uid: partner.uid, name: partner.ref.name }, each),
        )
      : []),
    ...members(decided).map((each) => row(seen, own, each)),
    ...ancestors.flatMap((ancestor) => {
      const home = { uid: ancestor.uid, name: ancestor.ref.name }
      return holdersOf(ancestor, ['SuperAdmin', 'Admin'])
        .filter((person) => decided.ancestors.includes(person))
        .map((person) => row(seen, home, enters('ancestor', person, 'Admin')))
    }),
  ]
  // Who is written down twice has one row, by the first that lets in.
  const best = new Map<string, LedgerRow>()
  for (const each of rows) {
    const known = best.get(each.personKey)
    if (!known || (known.refusal !== null && each.refusal === null)) best.set(each.personKey, each)
  }
  return [...best.values()]
}

/** The widest scope first. */
function technicians({ technicians: all }: Access): readonly Somebody[] {
  const sorted = all.toSorted((a, b) => scopes.indexOf(a.scope) - scopes.indexOf(b.scope))
  return sorted.flatMap((each): readonly Somebody[] => {
    const { person, scope } = each
    switch (each.may) {
      case 'Enter':
        return [{ ...enters('technician', person, scope), until: each.until }]
      case 'Later':
        return []
      case 'Not':
        return refused(enters('technician', person, scope), each.why.reason)
    }
  })
}

function members({ own }: Access): readonly Somebody[] {
  return own.flatMap((each) =>
    each.may === 'Enter'
      ? [enters('member', each.person, each.role)]
      : refused(enters('member', each.person, ''), each.why.reason),
  )
}

function enters(kind: LedgerRow['kind'], person: string, scope: string): Somebody {
  return { kind, person, scope, until: 'open', refusal: null }
}

function refused(somebody: Somebody, refusal: Reason): readonly Somebody[] {
  return passing.has(refusal) ? [] : [{ ...somebody, refusal }]
}

function row(
  { known: { customer } }: Seen,
  { uid, name }: Home,
  { until, ...somebody }: Somebody,
): LedgerRow {
  return {
    ...somebody,
    customer: customer.uid,
    customerName: customer.ref.name,
    personKey: personKey(uid, somebody.person),
    organization: uid,
    organizationName: name,
    until: until === 'open' ? 'infinity' : new Date(until).toISOString(),
  }
}
