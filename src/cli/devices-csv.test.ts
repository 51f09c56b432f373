// Files of devices as people's programs write them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { batchesOf } from './devices-batches.ts'
import { readRows, type CsvRow } from './devices-csv.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-csv-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function read(content: string | Buffer, encoding?: string): Promise<readonly CsvRow[]> {
  const file = join(directory, 'devices.csv')
  await writeFile(file, content)
  const rows: CsvRow[] = []
  for await (const row of readRows(new AbortController().signal, { file, encoding })) rows.push(row)
  return rows
}

const values = (rows: readonly CsvRow[]) => rows.map((row) => row.values)

describe('a file of devices', () => {
  test('is read with commas, semicolons or tabs, any order and case of columns', async () => {
    const expected = [{ id: 'p-1', name: 'Pump', model: 'X2' }]
    expect(values(await read('id,name,model\np-1,Pump,X2\n'))).toEqual(expected)
    expect(values(await read('Model;ID;Name\r\nX2;p-1;Pump'))).toEqual(expected)
    expect(values(await read('name\tid\tmodel\nPump\tp-1\tX2\n\n'))).toEqual(expected)
  })

  test('may quote cells with separators, quotes and line breaks in them', async () => {
    const rows = await read('id,name\np-1,"Pump, ""big""\nred"\np-2,Fan\n')
    expect(rows).toEqual([
      { line: 2, values: { id: 'p-1', name: 'Pump, "big"\nred' } },
      { line: 4, values: { id: 'p-2', name: 'Fan' } },
    ])
  })

  test.each([
    ['UTF-8 with a mark', Buffer.from('\uFEFFid,name\n1,Tür\n', 'utf8'), undefined],
    ['UTF-16', Buffer.from('\uFEFFid,name\n1,Tür\n', 'utf16le'), undefined],
    ['windows-1252, which is said', Buffer.from('id,name\n1,Tür\n', 'latin1'), 'windows-1252'],
  ])('may be in %s', async (_, content, encoding) => {
    expect(values(await read(content, encoding))).toEqual([{ id: '1', name: 'Tür' }])
  })

  test('in an encoding that nobody has said is refused, with the line and what to do', async () => {
    const content = Buffer.from('id,name\n1,Fan\n2,Tür\n', 'latin1')
    await expect(read(content)).rejects.toThrow(/not UTF-8 after line \d.*--encoding windows-1252/)
  })

  test.each([
    ['1,Fan,too much', '3 columns instead of 2'],
    [',Fan', 'neither id nor unitId'],
    ['1,Fan "big"', 'a quote inside of a cell that does not begin with one'],
    ['1,"Fan" big', 'text after a closing quote'],
    ['1,"Fan', 'a quote that is never closed'],
  ])('says of the line %s what is wrong with it', async (line, why) => {
    expect(await read(`id,name\n${line}`)).toMatchObject([{ line: 2, broken: why }])
  })

  test.each([
    ['', 'is empty'],
    ['id,colour\n1,red\n', 'columns that nobody knows: colour'],
    ['name\nFan\n', 'no column id or unitId'],
  ])('whose first line is no header is refused', async (content, why) => {
    await expect(read(content)).rejects.toThrow(why)
  })
})

describe('batches', () => {
  async function* rowsOf(customers: readonly string[]): AsyncGenerator<CsvRow> {
    for (const [at, customer] of customers.entries()) {
      yield { line: at + 2, values: { id: String(at), customer } }
    }
  }
  const sizes = async (customers: readonly string[], size: number, held?: number) => {
    const options = { size, customer: undefined, from: undefined, ...(held && { held }) }
    const found: string[] = []
    for await (const { number, customer, rows } of batchesOf(rowsOf(customers), options)) {
      found.push(`${number} ${customer} ${rows.length}`)
    }
    return found
  }

  test('hold one customer each, and never more than their size', async () => {
    expect(await sizes(['a', 'b', 'a', 'a', 'b'], 2)).toEqual(['1 a 2', '2 b 2', '3 a 1'])
  })

  test('close early when too many rows of mixed customers are held', async () => {
    expect(await sizes(['a', 'b', 'a', 'c', 'd'], 3, 3)).toEqual([
      '1 a 2',
      '2 b 1',
      '3 c 1',
      '4 d 1',
    ])
  })
})
