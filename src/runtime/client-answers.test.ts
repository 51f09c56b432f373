// What an API server answers, as callers get it.
import { describe, expect, test } from 'vitest'
import { tableOf, versionIn } from './client-answers.ts'
import type { ResourceOf } from './object.ts'

const widgets: ResourceOf<unknown> = {
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
}

describe('a table', () => {
  test('is cells by the name of their column, whatever their order', () => {
    const answer = {
      kind: 'Table',
      columnDefinitions: [{ name: 'Name' }, { name: 'Open' }, { name: 'Until' }],
      rows: [{ cells: ['a', true, null] }, { cells: ['b', false, '2036-01-01T00:00:00Z'] }],
    }
    expect(tableOf(answer, widgets)).toEqual([
      { Name: 'a', Open: true, Until: null },
      { Name: 'b', Open: false, Until: '2036-01-01T00:00:00Z' },
    ])
  })

  test('of nothing has no rows', () => {
    expect(tableOf({ kind: 'Table', columnDefinitions: [], rows: null }, widgets)).toEqual([])
  })

  test('that a server does not make is an error', () => {
    expect(() => tableOf({ kind: 'WidgetList', items: [] }, widgets)).toThrow('no table')
  })
})

describe('the version of an event', () => {
  const line = (type: string, metadata: object) =>
    JSON.stringify({ type, object: { kind: 'Widget', metadata } })

  test('is read without parsing it', () => {
    expect(versionIn(line('ADDED', { name: 'a', resourceVersion: '12' }))).toBe('12')
    expect(versionIn(line('MODIFIED', { resourceVersion: '13', name: 'a' }))).toBe('13')
  })

  test('of a deletion is that of its last state, and says nothing', () => {
    expect(versionIn(line('DELETED', { name: 'a', resourceVersion: '12' }))).toBeUndefined()
  })

  test('is not taken from an annotation, whoever wrote it', () => {
    const annotations = { resourceVersion: '12' }
    expect(versionIn(line('MODIFIED', { annotations, resourceVersion: '13' }))).toBeUndefined()
    const text = { note: '"resourceVersion":"12"' }
    expect(versionIn(line('MODIFIED', { annotations: text, resourceVersion: '13' }))).toBe('13')
  })

  test('is missing where there is none', () => {
    expect(versionIn(line('ADDED', { name: 'a' }))).toBeUndefined()
    expect(versionIn('no event')).toBeUndefined()
  })
})
