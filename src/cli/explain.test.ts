// Decisions from manifests alone.
import { describe, expect, test } from 'vitest'
import { explain, tableOf } from './explain.ts'
import { directoryFrom, readManifests } from './manifests.ts'

const { signal } = new AbortController()
const manifests = await readManifests(signal, [
  new URL('fixtures/platform.yaml', import.meta.url).pathname,
])
const now = Date.parse('2026-12-10T12:00:00Z')

function about(customer: string, at = now) {
  return explain(directoryFrom(manifests), customer, at)
}

describe('an explanation', () => {
  test('says who enters, in which role and until when', () => {
    expect(about('contoso')).toMatchObject([
      { person: 'carl@contoso.example', as: 'SuperAdmin', may: 'Enter' },
      {
        person: 'fabrikam:tina',
        as: 'technician ReadOnly',
        may: 'Enter',
        when: 'until 2026-12-24T17:00:00Z',
      },
    ])
  })

  test('says why somebody does not, and what to do', () => {
    expect(about('northwind')).toContainEqual(
      expect.objectContaining({
        person: 'fabrikam:tom',
        may: 'Not',
        why: expect.stringMatching(/^NotAMember: .*Add or correct the OrganizationMember/),
      }),
    )
  })

  test('says when a window begins, and that it has ended', () => {
    const before = about('contoso', Date.parse('2026-11-30T12:00:00Z'))
    expect(before).toContainEqual(
      expect.objectContaining({ may: 'Later', when: 'from 2026-12-01T07:00:00Z' }),
    )
    const after = about('contoso', Date.parse('2026-12-24T17:00:00Z'))
    expect(after).toContainEqual(
      expect.objectContaining({ may: 'Not', why: expect.stringContaining('WindowEnded') }),
    )
  })

  test('lets nobody into a customer whose parent is missing', () => {
    expect(
      about('orphan').every(({ may, why }) => may === 'Not' && /ParentNotFound/.test(why)),
    ).toBe(true)
  })

  test('of a customer that is not there says what to do', () => {
    expect(() => about('nobody')).toThrow('There is no customer nobody in these manifests')
  })

  test('is a table with a line per person', () => {
    expect(tableOf(about('contoso')).split('\n')[0]).toMatch(/^PERSON +AS +MAY +WHEN +WHY$/)
  })
})
