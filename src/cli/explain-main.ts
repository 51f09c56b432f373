// `npm run explain -- <customer> -f <file or folder>`: who may enter, from manifests alone.

import { parseArgs } from 'node:util'
import { parseTime } from '../api/time.ts'
import { explain, tableOf } from './explain.ts'
import { directoryFrom, ManifestError, readManifests } from './manifests.ts'

const usage =
  'Usage: npm run explain -- <customer> -f <file or folder> [-f ...] [--at 2026-12-01T08:00:00Z]'

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      file: { type: 'string', short: 'f', multiple: true, default: [] },
      at: { type: 'string' },
    },
  })
  const [customer] = positionals
  if (customer === undefined || values.file.length === 0) throw new RangeError(usage)
  const now = values.at === undefined ? Date.now() : parseTime(values.at)
  if (now === undefined) {
    throw new RangeError(
      '--at needs an RFC 3339 time with an offset, such as 2026-12-01T08:00:00Z.',
    )
  }
  const objects = await readManifests(new AbortController().signal, values.file)
  console.log(tableOf(explain(directoryFrom(objects), customer, now)))
} catch (error) {
  const told = error instanceof RangeError || error instanceof ManifestError
  if (!told && !(error instanceof TypeError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
