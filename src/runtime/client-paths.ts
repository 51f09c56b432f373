// Where an object lives on the server. Names keep their case and are escaped; the caller's object
// is never touched.

import { isRecord, type ObjectRef, type ResourceOf } from './object.ts'

export type Selection = {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export function collectionPath(resource: ResourceOf<unknown>, namespace?: string): string {
  const { group, version, plural, namespaced } = resource
  const root = group === '' ? `/api/${version}` : `/apis/${escape(group)}/${version}`
  const within = namespaced && namespace !== undefined ? `/namespaces/${escape(namespace)}` : ''
  return `${root}${within}/${plural}`
}

export function objectPath(
  resource: ResourceOf<unknown>,
  ref: ObjectRef,
  subresource?: string,
): string {
  if (resource.namespaced && ref.namespace === undefined) {
    throw new RangeError(`${resource.kind} ${ref.name} lies in a namespace, and none was given`)
  }
  const path = `${collectionPath(resource, ref.namespace)}/${escape(ref.name)}`
  return subresource === undefined ? path : `${path}/${subresource}`
}

/** Leaves out what is undefined. */
export function withQuery(
  path: string,
  query: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const given = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) given.set(key, String(value))
  }
  return given.size === 0 ? path : `${path}?${given.toString()}`
}

export function refOf(body: object): ObjectRef {
  const metadata: unknown = Reflect.get(body, 'metadata')
  const { name, namespace } = isRecord(metadata) ? metadata : {}
  if (typeof name !== 'string') throw new RangeError('an object without metadata.name has no path')
  return typeof namespace === 'string' ? { name, namespace } : { name }
}

/** The namespace to create in; a name may be left to the server (`generateName`). */
export function namespaceOf(body: object): string | undefined {
  const metadata: unknown = Reflect.get(body, 'metadata')
  const namespace = isRecord(metadata) ? metadata['namespace'] : undefined
  return typeof namespace === 'string' ? namespace : undefined
}

function escape(segment: string): string {
  return encodeURIComponent(segment)
}
