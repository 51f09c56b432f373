import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { homeOf, isHome } from './home.ts'
import type { Claim, OrganizationRef } from './organization.ts'

const acme: OrganizationRef = { kind: 'customer', name: 'acme' }
const globex: OrganizationRef = { kind: 'customer', name: 'globex' }

function claim(organization: OrganizationRef, fields: Partial<Claim> = {}): Claim {
  return { organization, since: 100, uid: organization.name, recorded: false, ...fields }
}

function home(...claims: Claim[]) {
  return homeOf({ name: 'ada', claims, fits: [] })
}

describe("a person's home", () => {
  it('is nowhere while nobody claims the person', () => {
    expect(home()).toBeUndefined()
  })

  it('is the organization that was recorded, even if an older claim turns up', () => {
    expect(home(claim(acme, { recorded: true, since: 200 }), claim(globex))).toEqual(acme)
  })

  it('is else the older claim', () => {
    expect(home(claim(acme, { since: 101 }), claim(globex))).toEqual(globex)
  })

  it('is else the smaller UID', () => {
    expect(home(claim(acme, { uid: 'b' }), claim(globex, { uid: 'a' }))).toEqual(globex)
  })

  it('is the same for every replica, in whatever order it saw the claims (ONE-HOME)', () => {
    const claims = fc.uniqueArray(
      fc.record({
        organization: fc.constantFrom(acme, globex, { kind: 'partner', name: 'acme' } as const),
        since: fc.integer({ min: 0, max: 3 }),
        uid: fc.uuid(),
        recorded: fc.boolean(),
      }),
      { selector: ({ uid }) => uid, minLength: 1, maxLength: 6 },
    )
    fc.assert(
      fc.property(claims, fc.infiniteStream(fc.nat()), (seen, order) => {
        const shuffled = seen
          .map((entry) => ({ entry, at: order.next().value ?? 0 }))
          .sort((a, b) => a.at - b.at)
          .map(({ entry }) => entry)
        expect(homeOf({ name: 'ada', claims: shuffled, fits: [] })).toEqual(
          homeOf({ name: 'ada', claims: seen, fits: [] }),
        )
      }),
    )
  })

  it('tells a customer from a partner of the same name', () => {
    const person = { name: 'ada', claims: [claim(acme)], fits: [] }
    expect(isHome(person, { kind: 'partner', name: 'acme' })).toBe(false)
    expect(isHome(person, acme)).toBe(true)
  })
})
