import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cutTornLine } from './audit-log.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-audit-'))
})
afterAll(() => rm(directory, { recursive: true }))

const long = `${JSON.stringify({ padding: 'é'.repeat(1 << 20) })}\n`

test.each([
  ['nothing', '', ''],
  ['whole lines', '{"a":1}\n{"b":2}\n', '{"a":1}\n{"b":2}\n'],
  ['the beginning of the first line', '{"a"', ''],
  ['the beginning of a line', '{"a":1}\n{"b":', '{"a":1}\n'],
  ['a log longer than what is looked at', `${long}{"b":`, long],
])('a server that was killed leaves whole lines: %s', async (_says, written, left) => {
  const file = join(directory, 'audit.log')
  await writeFile(file, written)
  await cutTornLine(file)
  expect(await readFile(file, 'utf8')).toBe(left)
})

test('a log that no server has begun is none', async () => {
  await expect(cutTornLine(join(directory, 'none.log'))).resolves.toBeUndefined()
})
