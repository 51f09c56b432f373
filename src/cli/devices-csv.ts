// Reads a file of devices row by row, whatever its size: UTF-8 or what its first bytes say, separated by
// comma, semicolon or tab. A line that cannot be understood is said with its number and never guessed at.

import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Failure } from './failures.ts'

export const columns = ['customer', 'id', 'unitId', 'name', 'model', 'labels', 'from'] as const
export type Column = (typeof columns)[number]

export type CsvRow = {
  readonly line: number
  readonly values: Readonly<Partial<Record<Column, string>>>
  /** Why the line cannot be used. */
  readonly broken?: string
}

export type CsvOptions = {
  readonly file: string
  /** A label that TextDecoder knows. Default: by the byte order mark, else UTF-8. */
  readonly encoding: string | undefined
}

/** @throws Failure when the file cannot be read, is in another encoding, or has no usable first line */
export async function* readRows(
  signal: AbortSignal,
  options: CsvOptions,
): AsyncGenerator<CsvRow, void, undefined> {
  let header: readonly (Column | undefined)[] | undefined
  for await (const { line, cells, broken } of recordsOf(signal, options)) {
    if (!header) {
      if (broken !== undefined)
        throw new Failure('WRONG_USE', `${options.file}, line ${line}: ${broken}.`)
      header = headerOf(options.file, cells)
      continue
    }
    if (cells.length === 1 && cells[0]?.trim() === '') continue
    const values: Partial<Record<Column, string>> = {}
    for (const [at, column] of header.entries()) {
      const value = cells[at]?.trim() ?? ''
      if (column !== undefined && value !== '') values[column] = value
    }
    const why = broken ?? objection(cells.length, header.length, values)
    yield { line, values, ...(why !== undefined && { broken: why }) }
  }
  if (!header)
    throw new Failure(
      'WRONG_USE',
      `${options.file} is empty. Its first line names the columns: id,name,model.`,
    )
}

function headerOf(file: string, cells: readonly string[]): readonly (Column | undefined)[] {
  const named = cells.map((cell) => {
    const plain = cell.trim().toLowerCase()
    return columns.find((column) => column.toLowerCase() === plain)
  })
  const unknown = cells.filter((cell, at) => named[at] === undefined && cell.trim() !== '')
  if (unknown.length > 0) {
    throw new Failure(
      'WRONG_USE',
      `${file} has columns that nobody knows: ${unknown.slice(0, 5).join(', ')}. Known are ${columns.join(', ')}; the first line names them.`,
    )
  }
  if (!named.includes('id') && !named.includes('unitId')) {
    throw new Failure(
      'WRONG_USE',
      `${file} has no column id or unitId. Its first line names the columns.`,
    )
  }
  return named
}

function objection(
  cells: number,
  expected: number,
  { id, unitId, labels }: CsvRow['values'],
): string | undefined {
  if (cells !== expected) return `${cells} columns instead of ${expected}`
  if (id === undefined && unitId === undefined) return 'neither id nor unitId'
  if ((id ?? unitId ?? '').length > 253) return 'an id of more than 253 characters'
  if (labels !== undefined && !/^[^=;]+=[^=;]*(;[^=;]+=[^=;]*)*$/.test(labels)) {
    return 'labels that are not key=value;key=value'
  }
  return undefined
}

type CsvRecord = {
  readonly line: number
  readonly cells: readonly string[]
  readonly broken?: string
}

async function* recordsOf(
  signal: AbortSignal,
  { file, encoding }: CsvOptions,
): AsyncGenerator<CsvRecord, void, undefined> {
  const decoder = await decoderFor(file, encoding)
  const parser = makeParser()
  try {
    for await (const chunk of createReadStream(file, { signal, highWaterMark: 256 * 1024 })) {
      yield* parser.take(decoder.decode(chunk, { stream: true }))
    }
    yield* parser.take(decoder.decode())
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw new Failure(
      'WRONG_USE',
      `${file} is not ${decoder.encoding.toUpperCase()} after line ${parser.line()}. Save it as UTF-8, or say which it is, such as --encoding windows-1252.`,
      { cause },
    )
  }
  yield* parser.end()
}

async function decoderFor(
  file: string,
  said: string | undefined,
): Promise<InstanceType<typeof TextDecoder>> {
  const start = Buffer.alloc(2)
  try {
    const handle = await open(file)
    await handle.read(start, 0, 2, 0)
    await handle.close()
  } catch (cause) {
    throw new Failure('WRONG_USE', `${file} cannot be read. Name a file with -f.`, { cause })
  }
  const byMark = { fffe: 'utf-16le', feff: 'utf-16be' }[start.toString('hex')]
  try {
    return new TextDecoder(said ?? byMark ?? 'utf-8', { fatal: true })
  } catch (cause) {
    throw new Failure(
      'WRONG_USE',
      `--encoding ${said ?? ''} is unknown. Known are utf-8, utf-16le, windows-1252 and others of the WHATWG list.`,
      { cause },
    )
  }
}

/** Quoted cells may hold separators, line breaks and doubled quotes. */
function makeParser() {
  let separator: string | undefined
  let cell = ''
  let cells: string[] = []
  let state: 'plain' | 'quoted' | 'afterQuote' = 'plain'
  let broken: string | undefined
  let line = 1
  let startLine = 1

  const finish = (): CsvRecord => {
    const record = {
      line: startLine,
      cells: [...cells, cell],
      ...(broken !== undefined && { broken }),
    }
    cells = []
    cell = ''
    state = 'plain'
    broken = undefined
    startLine = line
    return record
  }
  function* take(text: string): Generator<CsvRecord, void, undefined> {
    for (let at = 0; at < text.length; at += 1) {
      const letter = text.charAt(at)
      if (letter === '\n') line += 1
      if (state === 'quoted') {
        if (letter === '"') state = 'afterQuote'
        else cell += letter
      } else if (letter === '"') {
        if (state === 'afterQuote') cell += '"'
        else if (cell.trim() !== '')
          broken = 'a quote inside of a cell that does not begin with one'
        else cell = ''
        state = 'quoted'
      } else if (letter === '\n') {
        separator ??= ','
        yield finish()
      } else if (letter === (separator ??= separatorIn(letter)) && separator !== undefined) {
        cells.push(cell)
        cell = ''
        state = 'plain'
      } else if (letter !== '\r') {
        if (state === 'afterQuote' && letter.trim() !== '') broken = 'text after a closing quote'
        cell += letter
      }
    }
  }
  function* end(): Generator<CsvRecord, void, undefined> {
    if (state === 'quoted') broken = 'a quote that is never closed'
    if (cells.length > 0 || cell !== '') yield finish()
  }
  return { take, end, line: () => line }
}

/** The first of them in the first line is the file's. */
function separatorIn(letter: string): string | undefined {
  return [',', ';', '\t'].includes(letter) ? letter : undefined
}
