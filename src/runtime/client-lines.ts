// Cuts a stream of bytes into lines. A character that two chunks share stays whole, because only
// complete lines are decoded; what follows the last line break is thrown away, because half an
// event says nothing and a resumed watch sends it again.

import { StreamError } from './errors.ts'

const lineBreak = 10

export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<string, void, undefined> {
  let pieces: Buffer[] = []
  let held = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(lineBreak); end >= 0; end = chunk.indexOf(lineBreak, from)) {
      pieces.push(chunk.subarray(from, end))
      from = end + 1
      const line = decoded(pieces)
      pieces = []
      held = 0
      if (line !== '') yield line
    }
    if (from === chunk.length) continue
    pieces.push(chunk.subarray(from))
    held += chunk.length - from
    if (held > maxBytes)
      throw new StreamError('malformed', `a line is longer than ${maxBytes} bytes`)
  }
}

function decoded(pieces: readonly Buffer[]): string {
  const [only] = pieces
  return (pieces.length === 1 && only ? only : Buffer.concat(pieces)).toString('utf8').trim()
}
