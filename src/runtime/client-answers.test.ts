// What an API server answers, as callers get it.
import { describe, expect, test } from 'vitest'
import { tableOf } from './client-answers.ts'
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
