// Which Helm, and where the cache keeps it.
import { dirname, join } from 'node:path'
import { cacheRoot } from '../control-plane/programs.ts'

export const helmVersion = 'v4.3.1'

/** The version is in the name: an entry is never changed, a new version is a new entry. */
export function helmEntry(): string {
  return join(cacheRoot(), 'helm', `${helmVersion}-${process.platform}-${process.arch}`)
}

/** Renderings of the chart, by what they are made from. */
export function renderingsEntry(): string {
  return join(dirname(helmEntry()), 'renderings')
}
