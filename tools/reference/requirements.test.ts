// That each requirement is shown by a test, and that no test names one that does not exist.
import { describe, expect, test } from 'vitest'
import { requirements } from './requirement-list.ts'
import { allNamedTests, namedTests } from './requirements.ts'

const known = new Set(Object.keys(requirements))

describe('the requirements', () => {
  test('are each shown by a test that names them', () => {
    const shown = new Set(allNamedTests().flatMap(({ ids }) => ids))
    expect([...known].filter((each) => !shown.has(each))).toEqual([])
  })

  test('that a test names exist', () => {
    const unknown = allNamedTests().filter(({ ids }) => ids.some((each) => !known.has(each)))
    expect(unknown).toEqual([])
  })
})

test('a test is read as the sentence that it and its group make', () => {
  const source = `
describe('a door', () => {
  test('opens (S0-01, TH-02)', () => {})
  test.each([['late (TH-03)'], ['early']])('closes %s', () => {})
})
test('alone (NO-LATE, S1-02)', () => {})
`
  expect(namedTests('a.test.ts', source)).toEqual([
    { file: 'a.test.ts', says: 'a door opens', ids: ['S0-01', 'TH-02'] },
    { file: 'a.test.ts', says: 'a door late', ids: ['TH-03'] },
    { file: 'a.test.ts', says: 'alone', ids: ['S1-02'] },
  ])
})
