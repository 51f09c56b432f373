// Whether what is there is what is wanted: the question that spares a write.
// The hash tells what was asked for last time, so that a field we no longer want is noticed; the
// comparison tells what somebody changed by hand. A field that only others set is theirs.

import { hash as digest } from 'node:crypto'
import { isRecord, type KubeObject } from './object.ts'

/** 22 characters that change with any change of the object; the order of keys does not count. */
export function hashOf(object: unknown): string {
  return digest('sha256', inOrder(object), 'base64url').slice(0, 22)
}

/** JSON with its keys in order, as text alone: every run asks for the hash of everything it wants. */
function inOrder(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inOrder).join(',')}]`
  if (!isRecord(value)) return JSON.stringify(value) ?? 'null'
  let fields = ''
  for (const key of Object.keys(value).sort()) {
    const inner = value[key]
    if (inner === undefined) continue
    if (fields !== '') fields += ','
    fields += `${JSON.stringify(key)}:${inOrder(inner)}`
  }
  return `{${fields}}`
}

/** `object` with the hash of itself, which the caller may know already, in an annotation. */
export function stamped<T extends KubeObject>(
  object: T,
  annotation: string,
  hash: string = hashOf(object),
): T {
  const annotations = { ...object.metadata.annotations, [annotation]: hash }
  return { ...object, metadata: { ...object.metadata, annotations } }
}

/**
 * Every field of `wanted` is in `found`; lists are equal in length and element by element. Text is
 * compared as text: a quantity that the server writes otherwise is a difference.
 */
export function holds(found: unknown, wanted: unknown): boolean {
  if (wanted === undefined) return true
  // The server leaves out an empty map, and an empty list too.
  if (found === undefined) return isEmpty(wanted)
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(found) &&
      found.length === wanted.length &&
      wanted.every((element, at) => holds(found[at], element))
    )
  }
  if (!isRecord(wanted)) return found === wanted
  return isRecord(found) && Object.keys(wanted).every((key) => holds(found[key], wanted[key]))
}

/** Equal in both directions. */
export function same(a: unknown, b: unknown): boolean {
  return holds(a, b) && holds(b, a)
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  return isRecord(value) && Object.values(value).every((inner) => holds(undefined, inner))
}
