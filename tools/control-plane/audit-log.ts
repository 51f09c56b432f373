// The audit log of an API server that is still writing it, or was killed while it did.
import { open } from 'node:fs/promises'

/** @returns its lines, each a JSON event; the beginning of one that is being written is left out */
export function wholeLines(log: string): readonly string[] {
  return log.split('\n').slice(0, -1)
}

/** Longer than any event of ours, in bytes. */
const longestLine = 1 << 20

/**
 * A server that is killed may leave the beginning of a line, to which the next one, that only appends, would add its first line.
 * @param file which nobody writes now; it may not exist yet
 */
export async function cutTornLine(file: string): Promise<void> {
  const log = await open(file, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!log) return
  try {
    const { size } = await log.stat()
    const from = Math.max(0, size - longestLine)
    const { buffer, bytesRead } = await log.read(Buffer.alloc(size - from), 0, size - from, from)
    const whole = buffer.subarray(0, bytesRead).lastIndexOf('\n') + 1
    if (from + whole < size) await log.truncate(from + whole)
  } finally {
    await log.close()
  }
}
