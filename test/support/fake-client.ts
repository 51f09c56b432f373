// An API server's memory without a server: versions that count up, one object per path, merge
// patches, and server-side apply as far as one manager goes. What only a real server can tell
// (managers, validation, garbage collection) is asked of one in test/api.

import {
  ApiError,
  type ApplyOptions,
  type Client,
  type KubeObject,
  type PatchOptions,
  type RemoveOptions,
  type ResourceOf,
} from '../../src/runtime/index.ts'
import { keyOf, type ObjectRef } from '../../src/runtime/object.ts'
import { typed } from '../../src/runtime/client-answers.ts'

type Json = Record<string, unknown>
type Stored = Json & KubeObject

export type FakeClient = Pick<
  Client,
  'find' | 'create' | 'apply' | 'patch' | 'update' | 'remove'
> & {
  readonly objects: Map<string, Stored>
  /** `apply widgets a`, in order. */
  readonly requests: string[]
  /** Thrown by the next call, or by all while it is there and `always`. */
  fail: { readonly error: unknown; readonly always?: boolean } | undefined
  /** Somebody else writes. */
  write(resource: ResourceOf<unknown>, ref: ObjectRef, change: Json): Stored
}

export function refusal(status: number, reason: string): ApiError {
  return new ApiError({ status, reason, method: 'PATCH', path: '/x', message: 'refused' })
}

export function makeFakeClient(): FakeClient {
  const objects = new Map<string, Stored>()
  const requests: string[] = []
  let version = 0
  const pathOf = (resource: ResourceOf<unknown>, ref: ObjectRef) =>
    `${resource.plural} ${keyOf(ref)}`
  const called = (verb: string, resource: ResourceOf<unknown>, ref: ObjectRef) => {
    const path = pathOf(resource, ref)
    requests.push(`${verb} ${path}`)
    const { fail } = client
    if (fail?.always !== true) client.fail = undefined
    if (fail) throw fail.error
    return path
  }
  const keep = (path: string, resource: ResourceOf<unknown>, object: Json): Stored => {
    const before = objects.get(path)?.metadata
    const { name = '' } = typed(anything, object['metadata'])
    const metadata = {
      ...typed(anything, object['metadata']),
      name,
      uid: before?.uid ?? `uid-${++version}`,
      resourceVersion: String(++version),
    }
    const stored = { ...object, apiVersion: 'v1', kind: resource.kind, metadata }
    objects.set(path, stored)
    return structuredClone(stored)
  }
  const guard = (path: string, { metadata }: { metadata?: Json }): void => {
    const before = objects.get(path)?.metadata
    for (const field of ['uid', 'resourceVersion'] as const) {
      const wanted = metadata?.[field]
      if (wanted !== undefined && wanted !== before?.[field]) throw refusal(409, 'Conflict')
    }
  }
  const client: FakeClient = {
    objects,
    requests,
    fail: undefined,
    write: (resource, ref, change) => {
      const path = pathOf(resource, ref)
      return keep(path, resource, merged(objects.get(path) ?? { metadata: { ...ref } }, change))
    },
    find: async (_, resource, ref) => {
      const found = objects.get(called('find', resource, ref))
      return found && typed(resource, structuredClone(found))
    },
    create: async (_, resource, body) => {
      const { metadata } = typed(anyObject, body)
      const path = called('create', resource, metadata)
      if (objects.has(path)) throw refusal(409, 'AlreadyExists')
      return typed(resource, keep(path, resource, { ...body }))
    },
    apply: async (_, resource, body, { subresource }: ApplyOptions) => {
      const object = typed(anyObject, body)
      const verb = subresource === undefined ? 'apply' : `apply/${subresource}`
      const path = called(verb, resource, object.metadata)
      guard(path, typed(anyParts, body))
      return typed(resource, keep(path, resource, merged(objects.get(path) ?? {}, { ...body })))
    },
    patch: async (_, resource, ref, body, options: PatchOptions) => {
      const path = called(`patch/${options.type}`, resource, ref)
      if (!objects.has(path)) throw refusal(404, 'NotFound')
      guard(path, typed(anyParts, body))
      const change = typed<Json>(anyParts, body)
      return typed(resource, keep(path, resource, merged(objects.get(path) ?? {}, change)))
    },
    update: async (_, resource, body) => {
      const path = called('update', resource, typed(anyObject, body).metadata)
      if (!objects.has(path)) throw refusal(404, 'NotFound')
      guard(path, typed(anyParts, body))
      return typed(resource, keep(path, resource, { ...body }))
    },
    remove: async (_, resource, ref, options?: RemoveOptions) => {
      const path = called('remove', resource, ref)
      const found = objects.get(path)
      if (!found) return undefined
      guard(path, { metadata: { uid: options?.uid } })
      if (!found.metadata.finalizers?.length) return void objects.delete(path)
      const deletionTimestamp = '2026-11-25T00:00:00Z'
      return keep(path, resource, { ...found, metadata: { ...found.metadata, deletionTimestamp } })
    },
  }
  return client
}

const base = { group: '', version: 'v1', kind: 'Any', plural: 'anys', namespaced: true }
const anything: ResourceOf<Json & { name?: string }> = base
const anyObject: ResourceOf<KubeObject> = base
const anyParts: ResourceOf<{ metadata?: Json } & Json> = base

/** RFC 7386. */
function merged(before: Json, change: Json): Json {
  const after = { ...before }
  for (const [key, value] of Object.entries(change)) {
    const inner = after[key]
    if (value === null || value === undefined) delete after[key]
    else if (isMap(value)) after[key] = merged(isMap(inner) ? inner : {}, value)
    else after[key] = value
  }
  return after
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
