import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linesOf } from './client-lines.ts'

async function read(chunks: readonly Buffer[], maxBytes = 1_000_000): Promise<string[]> {
  async function* stream() {
    yield* chunks
  }
  const lines: string[] = []
  for await (const line of linesOf(stream(), maxBytes)) lines.push(line)
  return lines
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((end) => end % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

describe('lines of a stream', () => {
  test('are the same wherever the network cuts it, characters of several bytes included', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', minLength: 1 })),
        fc.array(fc.nat()),
        async (texts, at) => {
          const lines = texts.map((text) => JSON.stringify(text))
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
          expect(await read(cut(bytes, at))).toEqual(
            lines.map((line) => Buffer.from(line).toString('utf8')),
          )
        },
      ),
    ))

  test('leave out the last one when it has no end', async () => {
    expect(await read([Buffer.from('whole\nha'), Buffer.from('lf')])).toEqual(['whole'])
  })

  test('end with an error when one is longer than allowed', async () => {
    const chunk = Buffer.alloc(60, 'x')
    await expect(read([chunk, chunk], 100)).rejects.toThrow('longer than 100 bytes')
  })
})
