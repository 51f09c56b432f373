// What reaches the screen.
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { treeOf } from './customers.ts'
import { render, tableOf, wantsColours, type Answer, type Format } from './output.ts'

const answer: Answer = {
  columns: ['PERSON', 'MAY'],
  rows: [{ name: 'ada', cells: ['ada', 'Enter'], value: { person: 'ada', may: 'Enter' } }],
  none: 'Nobody.',
  notes: ['Careful.'],
}
const screen = (format: Format) => ({
  in: new PassThrough(),
  out: new PassThrough(),
  err: new PassThrough(),
  format,
  colours: { out: false, err: false },
  live: false,
})

describe('an answer', () => {
  test.each([
    ['table', 'PERSON   MAY\nada      Enter\n'],
    ['name', 'ada\n'],
    ['yaml', 'scope: here\nitems:\n  - person: ada\n    may: Enter\nnotes:\n  - Careful.\n'],
  ] as const)('as %s', async (format, text) => {
    expect(await render(answer, 'here', screen(format))).toBe(text)
  })

  test('as json holds scope, items and notes', async () => {
    expect(JSON.parse(await render(answer, 'here', screen('json')))).toEqual({
      scope: 'here',
      items: [{ person: 'ada', may: 'Enter' }],
      notes: ['Careful.'],
    })
  })

  test('cannot carry control characters onto the screen', () => {
    const evil = {
      ...answer,
      rows: [{ name: '', cells: ['\u001B[2Jada\u202E', 'x\ny'], value: {} }],
    }
    // oxlint-disable-next-line no-control-regex -- exactly these must not come through
    expect(tableOf(evil).replaceAll('\n', '')).not.toMatch(/[\u0000-\u001F\u202E]/)
  })

  test('has colours on a terminal only, and none with NO_COLOR', () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true })
    expect(wantsColours(terminal, {})).toBe(true)
    expect(wantsColours(terminal, { NO_COLOR: '1' })).toBe(false)
    expect(wantsColours(terminal, { TERM: 'dumb' })).toBe(false)
    expect(wantsColours(new PassThrough(), {})).toBe(false)
    expect(tableOf(answer, true)).toContain('\u001B[32mEnter\u001B[0m')
  })
})

describe('a tree', () => {
  const one = (name: string, parent?: string) => ({
    name,
    parent,
    relation: '',
    displayName: '',
    domain: '',
    id: '',
    access: '',
    until: '',
    signInURL: '',
  })
  const all = [one('acme'), one('a', 'acme'), one('b', 'acme'), one('deep', 'a'), one('other')]
  const drawn = (customer?: string) => treeOf(all, customer).rows.map(({ cells }) => cells[0])

  test('shows what is nested in what', () => {
    expect(drawn()).toEqual(['acme', '├─ a', '│  └─ deep', '└─ b', 'other'])
  })

  test('of one customer shows those above and below it', () => {
    expect(drawn('a')).toEqual(['acme', '└─ a', '   └─ deep'])
  })
})
