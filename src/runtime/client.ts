// Plain JSON in and out of an API server: fields that nobody here knows pass through untouched.
// Each call names its kind by a constant, has a deadline, and fails with an ApiError that callers
// tell apart. Answers are as the server sent them: times are text.

import {
  bookmarkOf,
  eventOf,
  listOf,
  namingOf,
  stays,
  tableOf,
  typed,
  versionIn,
} from './client-answers.ts'
import { linesOf } from './client-lines.ts'
import type {
  ApplyOptions,
  ClientOptions,
  CreateOptions,
  List,
  ListOptions,
  PatchOptions,
  RawRequest,
  RemoveOptions,
  TableRow,
  UpdateOptions,
  WatchEvent,
  WatchOptions,
} from './client-options.ts'
import {
  collectionPath,
  namespaceOf,
  objectPath,
  refOf,
  withQuery,
  type Selection,
} from './client-paths.ts'
import { Transport } from './client-transport.ts'
import type { Connection } from './connection.ts'
import { isNotFound, StreamError } from './errors.ts'
import { versionOf, type KubeObject, type ObjectRef, type ResourceOf } from './object.ts'
import { startDeadline, type Deadline } from './sleep.ts'

const metadataOf = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1`

export class Client {
  readonly #transport: Transport
  readonly #timeoutMs: number
  readonly #listTimeoutMs: number

  constructor(connection: Connection, options: ClientOptions = {}) {
    this.#transport = new Transport(connection, options)
    this.#timeoutMs = options.timeoutMs ?? 10_000
    this.#listTimeoutMs = options.listTimeoutMs ?? 60_000
  }

  /** Called when the server does what it is asked and had not even answered before. */
  onBack(tell: () => void): void {
    this.#transport.onBack(tell)
  }

  /** Server's clock minus ours, in ms; `undefined` before the first answer. */
  skewMs(): number | undefined {
    return this.#transport.clock.skewMs()
  }

  /** Calls in flight at this moment, watches left out. */
  get inFlight(): number {
    return this.#transport.inFlight
  }

  async get<T>(signal: AbortSignal, resource: ResourceOf<T>, ref: ObjectRef): Promise<T> {
    const answer = await this.#ask(signal, { method: 'GET', path: objectPath(resource, ref) })
    return typed(resource, answer)
  }

  /** `undefined` when it does not exist. */
  async find<T>(
    signal: AbortSignal,
    resource: ResourceOf<T>,
    ref: ObjectRef,
  ): Promise<T | undefined> {
    try {
      return await this.get(signal, resource, ref)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** A POST, never sent twice: after a lost answer the object may be there. */
  async create<T>(
    signal: AbortSignal,
    resource: ResourceOf<T>,
    body: object,
    options: CreateOptions = {},
  ): Promise<T> {
    const { fieldManager, dryRun, subresource } = options
    const path =
      subresource === undefined
        ? collectionPath(resource, namespaceOf(body))
        : objectPath(resource, refOf(body), subresource)
    const answer = await this.#ask(signal, {
      method: 'POST',
      path: withQuery(path, { fieldValidation: 'Strict', fieldManager, dryRun: all(dryRun) }),
      body,
      ...options,
    })
    return typed(resource, answer)
  }

  /** Server-side apply: makes the object, or brings it to what `body` says of it. */
  async apply<T>(
    signal: AbortSignal,
    resource: ResourceOf<T>,
    body: object & { readonly metadata: object },
    options: ApplyOptions,
  ): Promise<T> {
    const { fieldManager, force = false, subresource, dryRun } = options
    const path = objectPath(resource, refOf(body), subresource)
    const query = { fieldManager, force, fieldValidation: 'Strict', dryRun: all(dryRun) }
    const answer = await this.#ask(signal, {
      method: 'PATCH',
      path: withQuery(path, query),
      // JSON is YAML, and the server parses it faster.
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: versionOf(resource), kind: resource.kind, ...body },
      repeatable: true,
      ...options,
    })
    return typed(resource, answer)
  }

  async patch<T>(
    signal: AbortSignal,
    resource: ResourceOf<T>,
    ref: ObjectRef,
    body: unknown,
    options: PatchOptions,
  ): Promise<T> {
    const { type, fieldManager, subresource, dryRun } = options
    const query = { fieldManager, fieldValidation: 'Strict', dryRun: all(dryRun) }
    const answer = await this.#ask(signal, {
      method: 'PATCH',
      path: withQuery(objectPath(resource, ref, subresource), query),
      contentType: `application/${type === 'merge' ? 'merge-patch' : 'json-patch'}+json`,
      body,
      ...options,
    })
    return typed(resource, answer)
  }

  /** A PUT of the whole object; with a resourceVersion in it, only when nobody wrote meanwhile. */
  async update<T>(
    signal: AbortSignal,
    resource: ResourceOf<T>,
    body: object,
    options: UpdateOptions = {},
  ): Promise<T> {
    const { fieldManager, subresource } = options
    const path = objectPath(resource, refOf(body), subresource)
    const answer = await this.#ask(signal, {
      method: 'PUT',
      path: withQuery(path, { fieldManager, fieldValidation: 'Strict' }),
      body,
      ...options,
    })
    return typed(resource, answer)
  }

  /**
   * The object as long as it stays (finalizers hold it), `undefined` when it is gone; a 404 is
   * success. With `uid`, an object that was made anew under the name is left alone: 409.
   */
  async remove(
    signal: AbortSignal,
    resource: ResourceOf<unknown>,
    ref: ObjectRef,
    options: RemoveOptions = {},
  ): Promise<KubeObject | undefined> {
    const { uid, resourceVersion, propagationPolicy, dryRun } = options
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      ...(dryRun === true ? { dryRun: ['All'] } : {}),
      ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
      ...(uid === undefined && resourceVersion === undefined
        ? {}
        : { preconditions: { uid, resourceVersion } }),
    }
    try {
      const answer = await this.#ask(signal, {
        method: 'DELETE',
        path: objectPath(resource, ref),
        body,
        repeatable: uid !== undefined,
        ...options,
      })
      return stays(answer) ? answer : undefined
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** One page; `continue` leads to the next one of the same moment. */
  async list<T>(
    signal: AbortSignal,
    resource: ResourceOf<T>,
    options: ListOptions = {},
  ): Promise<List<T>> {
    const { namespace, labelSelector, fieldSelector, limit, metadataOnly = false } = options
    const query = { labelSelector, fieldSelector, limit, continue: options.continue }
    const answer = await this.#ask(signal, {
      method: 'GET',
      path: withQuery(collectionPath(resource, namespace), query),
      timeoutMs: this.#listTimeoutMs,
      ...(metadataOnly ? { accept: metadataOf('PartialObjectMetadataList') } : {}),
    })
    return listOf<T>(answer, resource)
  }

  /** The columns that the server shows of a kind, without its objects: a tenth of the work for both sides. */
  async table(
    signal: AbortSignal,
    resource: ResourceOf<unknown>,
    { namespace, labelSelector, fieldSelector }: Selection = {},
  ): Promise<readonly TableRow[]> {
    const query = { labelSelector, fieldSelector, includeObject: 'None' }
    const answer = await this.#ask(signal, {
      method: 'GET',
      path: withQuery(collectionPath(resource, namespace), query),
      timeoutMs: this.#listTimeoutMs,
      accept: 'application/json;as=Table;g=meta.k8s.io;v=v1',
    })
    return tableOf(answer, resource)
  }

  /** Events from after `resourceVersion` until the server closes; ends with what broke it. */
  async *watch(
    signal: AbortSignal,
    resource: ResourceOf<unknown>,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent, void, undefined> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds } = options
    const { idleMs = 90_000, maxLineBytes = 32 * 2 ** 20, metadataOnly = false } = options
    const { isKnown = () => false } = options
    const path = withQuery(collectionPath(resource, namespace), {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion,
      timeoutSeconds,
      labelSelector,
      fieldSelector,
    })
    const naming = namingOf(resource)
    using idle = startDeadline(
      signal,
      idleMs,
      () => new StreamError('idle', `nothing came for ${idleMs} ms, not even a bookmark`),
    )
    const stream = await this.#transport.open(idle.signal, {
      method: 'GET',
      path,
      timeoutMs: this.#timeoutMs,
      ...(metadataOnly ? { accept: metadataOf('PartialObjectMetadata') } : {}),
    })
    try {
      for await (const line of linesOf(heard(stream.body, idle), maxLineBytes)) {
        const version = versionIn(line)
        if (version !== undefined && isKnown(version)) yield bookmarkOf(version)
        else yield eventOf(line, naming)
      }
    } catch (error) {
      throw idle.signal.aborted ? idle.signal.reason : error
    } finally {
      stream.close()
    }
  }

  /** What has no kind: `/version`, `/readyz`. JSON comes parsed, anything else as text. */
  async request(signal: AbortSignal, request: RawRequest): Promise<unknown> {
    return this.#ask(signal, request)
  }

  #ask(
    signal: AbortSignal,
    call: RawRequest & { readonly repeatable?: boolean },
  ): Promise<unknown> {
    const { method, timeoutMs = this.#timeoutMs, lane = 'normal' } = call
    const { repeatable = method === 'GET' } = call
    return this.#transport.send(signal, { ...call, timeoutMs, lane, repeatable })
  }
}

async function* heard(
  chunks: AsyncIterable<Buffer>,
  idle: Deadline,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of chunks) {
    idle.renew()
    yield chunk
  }
}

function all(dryRun: boolean | undefined): 'All' | undefined {
  return dryRun === true ? 'All' : undefined
}
