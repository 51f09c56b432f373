// What can be said about a call, and the shapes of lists and watch events.

import type { Selection } from './client-paths.ts'
import type { Lane } from './client-slots.ts'
import type { TransportOptions } from './client-transport.ts'

export type ClientOptions = TransportOptions & {
  /** For a call, in ms. Default 10,000. */
  readonly timeoutMs?: number
  /** For a page of a list, in ms. Default 60,000. */
  readonly listTimeoutMs?: number
}

type Urgency = { readonly lane?: Lane }

export type CreateOptions = Urgency & {
  readonly fieldManager?: string
  readonly subresource?: string
  readonly dryRun?: boolean
}

export type ApplyOptions = Urgency & {
  readonly fieldManager: string
  /** Take over fields that others own. Default false. */
  readonly force?: boolean
  readonly subresource?: string
  readonly dryRun?: boolean
}

export type PatchOptions = Urgency & {
  readonly type: 'merge' | 'json'
  readonly fieldManager?: string
  readonly subresource?: string
  readonly dryRun?: boolean
}

export type UpdateOptions = Urgency & {
  readonly fieldManager?: string
  readonly subresource?: string
}

export type RemoveOptions = Urgency & {
  readonly uid?: string
  readonly resourceVersion?: string
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  readonly dryRun?: boolean
}

export type ListOptions = Selection & {
  readonly limit?: number
  readonly continue?: string
  /** Without spec and status; the answer still has the kind's own apiVersion and kind. */
  readonly metadataOnly?: boolean
}

export type List<T> = {
  readonly items: readonly T[]
  readonly resourceVersion: string
  readonly continue?: string
}

/** Cells by the name of their column; null or undefined where there is nothing to show. */
export type TableRow = Readonly<Record<string, unknown>>

export type WatchOptions = Selection & {
  readonly resourceVersion: string
  readonly metadataOnly?: boolean
  /** How long the server keeps the watch open, in seconds. */
  readonly timeoutSeconds: number
  /** Without a byte for this long, in ms, the watch counts as dead. Default 90,000. */
  readonly idleMs?: number
  /** Longest line, in bytes. Default 32 MiB. */
  readonly maxLineBytes?: number
  /** Asked of a version before its event is parsed; one that is known comes as a BOOKMARK. Default: none is. */
  readonly isKnown?: (resourceVersion: string) => boolean
}

/** `type` as the server wrote it. `object` is a Status for ERROR and only a version for BOOKMARK. */
export type WatchEvent = { readonly type: string; readonly object: Record<string, unknown> }

export type RawRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly timeoutMs?: number
  readonly lane?: Lane
}
