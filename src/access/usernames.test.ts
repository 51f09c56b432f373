import { describe, expect, it } from 'vitest'
import { patternsOf, type Pattern } from './usernames.ts'

function pattern(name: string, since: number, fields: Partial<Pattern>): Pattern {
  return {
    organization: { kind: 'customer', name },
    since,
    uid: name,
    prefix: '',
    suffix: '',
    ...fields,
  }
}

const names = (refs: readonly { name: string }[]) => refs.map(({ name }) => name)

describe('patterns of user names', () => {
  it('fit by prefix, by suffix, or by both together', () => {
    const { fitting } = patternsOf([
      pattern('acme', 1, { prefix: 'acme:' }),
      pattern('globex', 2, { suffix: '@globex.example' }),
      pattern('hooli', 3, { prefix: 'hooli:', suffix: '@hooli.example' }),
    ])
    expect(names(fitting('acme:ada'))).toEqual(['acme'])
    expect(names(fitting('bob@globex.example'))).toEqual(['globex'])
    expect(names(fitting('hooli:cy@hooli.example'))).toEqual(['hooli'])
    expect(names(fitting('hooli:cy'))).toEqual([])
    expect(names(fitting('cy@hooli.example'))).toEqual([])
  })

  it('both fit a name that begins as one and ends as the other', () => {
    const { fitting } = patternsOf([
      pattern('acme', 1, { prefix: 'acme:' }),
      pattern('globex', 2, { suffix: '@globex.example' }),
    ])
    expect(names(fitting('acme:ada@globex.example')).sort()).toEqual(['acme', 'globex'])
  })

  it('that are equal or nested are a conflict, which the later organization loses', () => {
    const { isLater } = patternsOf([
      pattern('nested', 2, { prefix: 'acme:eu:' }),
      pattern('acme', 1, { prefix: 'acme:' }),
      pattern('other', 3, { prefix: 'other:' }),
    ])
    expect(isLater({ kind: 'customer', name: 'nested' })).toBe(true)
    expect(isLater({ kind: 'customer', name: 'acme' })).toBe(false)
    expect(isLater({ kind: 'customer', name: 'other' })).toBe(false)
  })
})
