import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { linkedPartner, nextLink, type Link } from './link.ts'

const linked: Link = { state: 'Linked', epoch: 3, partner: 'fabrikam' }
const releasing: Link = { state: 'Releasing', epoch: 3, partner: 'fabrikam' }
const vacant: Link = { state: 'Vacant', epoch: 3 }
const to = (partner: string) => ({ wanted: partner, keeps: partner })

describe('the link between a customer and its partner', () => {
  it('lets the first partner in with a new epoch', () => {
    expect(nextLink(vacant, { ...to('fabrikam'), othersProvenOut: true })).toEqual({
      state: 'Linked',
      epoch: 4,
      partner: 'fabrikam',
    })
  })

  it('stays as it is while the grant names the linked partner', () => {
    expect(nextLink(linked, { ...to('fabrikam'), othersProvenOut: false })).toBe(linked)
  })

  it('keeps a linked partner that may not be linked anew, so that its people are told why', () => {
    const wishes = { wanted: undefined, keeps: 'fabrikam', othersProvenOut: true }
    expect(nextLink(linked, wishes)).toBe(linked)
  })

  it('begins to release when the grant names somebody else, or nobody', () => {
    expect(nextLink(linked, { ...to('contoso'), othersProvenOut: true })).toEqual(releasing)
    const nobody = { wanted: undefined, keeps: undefined, othersProvenOut: true }
    expect(nextLink(linked, nobody)).toEqual(releasing)
  })

  it('stays Releasing until the old partner is proven out (PROVEN)', () => {
    expect(nextLink(releasing, { ...to('contoso'), othersProvenOut: false })).toBe(releasing)
    expect(nextLink(releasing, { ...to('contoso'), othersProvenOut: true })).toEqual(vacant)
  })

  it('lets nobody in while another partner has something left, even when Vacant', () => {
    expect(nextLink(vacant, { ...to('contoso'), othersProvenOut: false })).toBe(vacant)
  })

  it('ends what it began to end, when the grant names the old partner again', () => {
    const state = nextLink(releasing, { ...to('fabrikam'), othersProvenOut: true })
    expect(linkedPartner(state)).toBeUndefined()
  })

  it('never goes from one partner to another without a proven Vacant between (ONE-PARTNER)', () => {
    const partner = fc.constantFrom('fabrikam', 'contoso', 'nordic')
    const wish = fc.record({
      partner: fc.option(partner, { nil: undefined }),
      proven: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 30 }), (wishes) => {
        let link: Link = { state: 'Vacant', epoch: 0 }
        let last: string | undefined
        let wasVacant = true
        for (const { partner: wanted, proven } of wishes) {
          const next = nextLink(link, { wanted, keeps: wanted, othersProvenOut: proven })
          if (next.state === 'Vacant' && link.state === 'Releasing') expect(proven).toBe(true)
          if (next.state === 'Vacant') wasVacant = true
          const now = linkedPartner(next)
          if (now !== undefined && now !== last) expect(wasVacant).toBe(true)
          if (now !== undefined) {
            last = now
            wasVacant = false
          }
          expect(next.epoch).toBeGreaterThanOrEqual(link.epoch)
          link = next
        }
      }),
    )
  })
})
