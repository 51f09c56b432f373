// What a command answers, and how it reaches the screen: a table for people, JSON, YAML or names for
// scripts. The answer itself goes to stdout; scope, notes and questions to stderr, so that a pipe gets
// the answer alone. Colours only on a terminal, and never with NO_COLOR.

import type { Readable, Writable } from 'node:stream'

export const formats = ['table', 'json', 'yaml', 'name'] as const
export type Format = (typeof formats)[number]

export type Row = {
  /** What `-o name` prints. */
  readonly name: string
  readonly cells: readonly string[]
  /** What `-o json` and `-o yaml` print. */
  readonly value: object
}

export type Answer = {
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
  /** Said in place of an empty table. */
  readonly none: string
  /** What the reader should know besides: what was not readable, what waits. */
  readonly notes?: readonly string[]
}

export type Screen = {
  /** Where answers to questions are typed. */
  readonly in: Readable
  readonly out: Writable
  readonly err: Writable
  readonly format: Format
  readonly colours: { readonly out: boolean; readonly err: boolean }
  /** Whether a person is there to be asked and to be shown what moves. */
  readonly live: boolean
}

export type Environment = Readonly<Record<string, string | undefined>>

export function wantsColours(stream: Writable, env: Environment): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false
  return env['TERM'] !== 'dumb' && Reflect.get(stream, 'isTTY') === true
}

/** As text for stdout, with a line break at its end. */
export async function render(answer: Answer, scope: string, screen: Screen): Promise<string> {
  switch (screen.format) {
    case 'table':
      return answer.rows.length === 0 ? '' : tableOf(answer, screen.colours.out)
    case 'name':
      return answer.rows.map(({ name }) => `${name}\n`).join('')
    case 'json':
      return `${JSON.stringify(documentOf(answer, scope), undefined, 2)}\n`
    case 'yaml':
      return (await import('yaml')).stringify(documentOf(answer, scope))
  }
}

function documentOf({ rows, notes = [] }: Answer, scope: string) {
  return { scope, items: rows.map(({ value }) => value), notes }
}

export function tableOf({ columns, rows }: Answer, colours = false): string {
  const lines = [columns, ...rows.map(({ cells }) => cells.map(printable))]
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  return lines
    .map((line, index) =>
      line
        .map((cell, at) => {
          const padding = at === line.length - 1 ? '' : ' '.repeat((widths[at] ?? 0) - cell.length)
          return (colours && index > 0 ? coloured(cell) : cell) + padding
        })
        .join('   ')
        .trimEnd()
        .concat('\n'),
    )
    .join('')
}

/** What others have typed must not move the cursor or change the colours of whoever reads it. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ')
}

const codes = { green: 32, yellow: 33, red: 31, faint: 2, bold: 1 } as const
export type Tone = keyof typeof codes

const tones: Readonly<Record<string, Tone>> = {
  Enter: 'green',
  Active: 'green',
  True: 'green',
  Ready: 'green',
  ok: 'green',
  Later: 'yellow',
  Scheduled: 'yellow',
  Releasing: 'yellow',
  Unknown: 'yellow',
  warning: 'yellow',
  pending: 'yellow',
  Not: 'red',
  False: 'red',
  fault: 'red',
  rejected: 'red',
  None: 'faint',
  Disabled: 'faint',
}

function coloured(cell: string): string {
  const tone = tones[cell]
  return tone === undefined ? cell : toned(cell, tone)
}

export function toned(text: string, tone: Tone): string {
  return `\u001B[${codes[tone]}m${text}\u001B[0m`
}
