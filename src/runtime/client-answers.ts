// What comes back from an API server, looked at once before it gets a type.

import type { List, TableRow, WatchEvent } from './client-options.ts'
import { ApiError, StreamError } from './errors.ts'
import { isRecord, resourceName, versionOf, type KubeObject, type ResourceOf } from './object.ts'

/** The one place where the server's word is taken for the type of a kind. */
export function typed<T>(_: ResourceOf<T>, answer: unknown): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- outside data meets its type here
  return answer as T
}

/** A DELETE answers with a Status when the object is gone, else with the object. */
export function stays(answer: unknown): answer is KubeObject {
  return (
    isRecord(answer) &&
    answer['kind'] !== 'Status' &&
    isRecord(answer['metadata']) &&
    typeof answer['metadata']['deletionTimestamp'] === 'string'
  )
}

export function listOf<T>(answer: unknown, resource: ResourceOf<T>): List<T> {
  const metadata = isRecord(answer) && isRecord(answer['metadata']) ? answer['metadata'] : {}
  const items: unknown = isRecord(answer) ? (answer['items'] ?? []) : undefined
  const { resourceVersion, continue: next } = metadata
  if (!Array.isArray(items) || typeof resourceVersion !== 'string') {
    throw new ApiError({
      status: 200,
      reason: 'MalformedAnswer',
      method: 'GET',
      path: resourceName(resource),
      message: 'the answer is no list',
    })
  }
  const naming = namingOf(resource)
  return {
    items: items.map((item: unknown) =>
      typed(resource, isRecord(item) ? named(item, naming) : item),
    ),
    resourceVersion,
    ...(typeof next === 'string' && next !== '' ? { continue: next } : {}),
  }
}

export function tableOf(answer: unknown, resource: ResourceOf<unknown>): readonly TableRow[] {
  const table = isRecord(answer) ? answer : {}
  const { columnDefinitions: columns } = table
  const rows = table['rows'] ?? []
  if (!Array.isArray(columns) || !Array.isArray(rows)) {
    throw new ApiError({
      status: 200,
      reason: 'MalformedAnswer',
      method: 'GET',
      path: resourceName(resource),
      message: 'the answer is no table',
    })
  }
  const names = columns.map((column: unknown) => (isRecord(column) ? String(column['name']) : ''))
  return rows.map((row: unknown) => {
    const cells: unknown = isRecord(row) ? row['cells'] : undefined
    return Object.fromEntries(
      names.map((name, at): [string, unknown] => [name, Array.isArray(cells) ? cells[at] : null]),
    )
  })
}

export type Naming = { readonly apiVersion: string; readonly kind: string }

/** To be made once per list and watch: a string of its own would be a fourth of a slim object. */
export function namingOf(resource: ResourceOf<unknown>): Naming {
  return { apiVersion: versionOf(resource), kind: resource.kind }
}

/** Items of a list lack apiVersion and kind, and metadata alone claims to be of another kind. */
function named(object: Record<string, unknown>, naming: Naming): Record<string, unknown> {
  return Object.assign(object, naming)
}

export function eventOf(line: string, naming: Naming): WatchEvent {
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch {
    throw new StreamError(
      'malformed',
      `a line of ${line.length} characters is not JSON`,
      nameIn(line),
    )
  }
  if (!isRecord(event) || typeof event['type'] !== 'string' || !isRecord(event['object'])) {
    throw new StreamError('malformed', 'a line is JSON, but no event', nameIn(line))
  }
  const { type, object } = event
  return { type, object: type === 'ERROR' ? object : named(object, naming) }
}

const versionMark = '"resourceVersion":"'

/**
 * The version of an object that is new or changed, read without parsing the line. The mark cannot be part of a text, where its quotes
 * were escaped; a field or an annotation of that name makes it two.
 *
 * @returns `undefined` where only the whole line tells
 */
export function versionIn(line: string): string | undefined {
  if (!line.startsWith('{"type":"MODIFIED"') && !line.startsWith('{"type":"ADDED"'))
    return undefined
  const at = line.indexOf(versionMark)
  if (at < 0 || line.indexOf(versionMark, at + 1) >= 0) return undefined
  const begin = at + versionMark.length
  return line.slice(begin, line.indexOf('"', begin))
}

/** What is known of an event already says no more than how far the watch has come. */
export function bookmarkOf(resourceVersion: string): WatchEvent {
  return { type: 'BOOKMARK', object: { metadata: { resourceVersion } } }
}

/** The first name in a line that cannot be parsed: nearly always the object's. */
function nameIn(line: string): string | undefined {
  return /"name"\s*:\s*"([^"\\]{1,253})"/.exec(line)?.[1]
}
