// Which promtool, and where the cache keeps it.
import { join } from 'node:path'
import { cacheRoot } from '../control-plane/programs.ts'

export const prometheusVersion = '3.16.0'

/** The version is in the name: an entry is never changed, a new version is a new entry. */
export function promtoolEntry(): string {
  const platform = `${process.platform}-${process.arch}`
  return join(cacheRoot(), 'prometheus', `v${prometheusVersion}-${platform}`)
}
