// What is kept of an object. managedFields and the last applied configuration are half of the
// bytes of a small object and of no use to a controller.

import type { KubeObject } from './object.ts'

export type SlimOptions<T> = {
  /** Keeps only these fields; metadata and kind should be among them. */
  readonly project?: (object: T) => T
  /** Keeps neither spec, status nor data, also of an own write's answer: for Secrets. */
  readonly metadataOnly?: boolean
  /** Makes the object unchangeable, to find whoever writes into a cache; costs time and memory. */
  readonly freeze?: boolean
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** A copy as far as it differs; the caller's object is left as it is. */
export function slim<T extends KubeObject>(object: T, options: SlimOptions<T>): T {
  const bare = withoutBookkeeping(object)
  const { apiVersion, kind, metadata } = bare
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- T is a kind's metadata here
  const short = options.metadataOnly === true ? ({ apiVersion, kind, metadata } as T) : bare
  const kept = options.project ? options.project(short) : short
  return options.freeze === true ? frozen(kept) : kept
}

function withoutBookkeeping<T extends KubeObject>(object: T): T {
  const { annotations } = object.metadata
  const applied = annotations !== undefined && lastApplied in annotations
  if (!applied && !('managedFields' in object.metadata)) return object
  const { managedFields: _, ...metadata } = { managedFields: undefined, ...object.metadata }
  if (!applied) return { ...object, metadata }
  const { [lastApplied]: __, ...others } = annotations
  return { ...object, metadata: { ...metadata, annotations: others } }
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) frozen(inner)
  return Object.freeze(value)
}
