// The audit log of an API server that is still writing it.

/** @returns its lines, each a JSON event; the beginning of one that is being written is left out */
export function wholeLines(log: string): readonly string[] {
  return log.split('\n').slice(0, -1)
}
