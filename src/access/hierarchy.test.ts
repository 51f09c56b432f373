import { describe, expect, it } from 'vitest'
import { ancestryOf } from './hierarchy.ts'

function ancestry(customer: string, parents: Record<string, string>) {
  return ancestryOf(customer, (name) => {
    const parent = parents[name]
    if (parent === undefined) return 'missing'
    return parent === '' ? 'top' : { parent }
  })
}

describe('the customers above a customer', () => {
  it('are named nearest first', () => {
    const parents = { plant: 'region', region: 'group', group: '' }
    expect(ancestry('plant', parents)).toEqual({ outcome: 'found', ancestors: ['region', 'group'] })
  })

  it('are nobody for a customer at the top', () => {
    expect(ancestry('group', { group: '' })).toEqual({ outcome: 'found', ancestors: [] })
  })

  it.each([
    ['the parent does not exist', { plant: 'region' }, 'ParentNotFound', 'Create region'],
    ['the parents lead back', { plant: 'a', a: 'b', b: 'plant' }, 'ParentCycle', 'plant'],
    ['the cycle lies above', { plant: 'a', a: 'b', b: 'a' }, 'ParentCycle', 'lead back to a'],
    [
      'it is nested more than five deep',
      { plant: 'a', a: 'b', b: 'c', c: 'd', d: 'e', e: 'f', f: '' },
      'ParentTooDeep',
      'more than 5 deep',
    ],
  ])('are unknown when %s, and the reason says what to do', (_, parents, reason, says) => {
    expect(ancestry('plant', parents)).toEqual({
      outcome: 'broken',
      why: { reason, message: expect.stringContaining(says) },
    })
  })

  it('may be five', () => {
    const parents = { plant: 'a', a: 'b', b: 'c', c: 'd', d: 'e', e: '' }
    expect(ancestry('plant', parents).outcome).toBe('found')
  })
})
