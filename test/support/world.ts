// A whole platform for one test file: real API server, real PostgreSQL, the operator as a process.
// Tests ask effects here: what the API server answers about a person, what a login can do.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { stringify } from 'yaml'
import {
  operatorUser,
  startPlatform,
  type Platform,
  type PlatformOptions,
} from '../../tools/local/platform.ts'
import type { RunningOperator } from '../../tools/local/operator.ts'
import { wholeLines } from '../../tools/control-plane/audit-log.ts'
import type { CommandResult } from '../../tools/control-plane/command.ts'
import { noteRights } from '../../tools/rights.ts'
import { connect, type ApiServer } from './api-server.ts'

export type WorldOptions = {
  /** Default 1. */
  readonly replicas?: number
  readonly postgres?: boolean
  readonly config?: NonNullable<PlatformOptions['config']>
  /** Default true. False where the operator is refused on purpose, or by an API server that has only just begun. */
  readonly notesRights?: boolean
  /** What brings the chart and starts operators. Default: as the demo does. */
  readonly start?: (signal: AbortSignal, options: PlatformOptions) => Promise<Platform>
}

export type AuditEvent = {
  readonly verb: string
  readonly user: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly code: number
  /** User agent: which replica. */
  readonly agent: string
  /** Epoch ms at which the request was answered. */
  readonly at: number
}

export type World = AsyncDisposable & {
  readonly platform: Platform
  readonly operators: RunningOperator[]
  readonly api: ApiServer
  readonly kubectl: (...args: readonly string[]) => Promise<CommandResult>
  /** As an administrator applies a manifest; refused ones throw. */
  readonly apply: (...manifests: readonly object[]) => Promise<void>
  /** Asks the API server; nobody's own objects are read. */
  readonly can: (
    person: string,
    verb: string,
    resource: string,
    namespace: string,
  ) => Promise<boolean>
  readonly get: (kind: string, name: string, namespace?: string) => Promise<Found | undefined>
  /** `Ready/Reason` of an object's condition, or `none`. */
  readonly condition: (what: Where, type: string) => Promise<string>
  readonly until: (what: string, holds: () => Promise<unknown>, withinMs?: number) => Promise<void>
  /** Signs in to PostgreSQL with what a Secret says, in another database if one is named. */
  readonly loginAs: (namespace: string, secret: string, database?: string) => Promise<Client>
  /** The same with a Secret that was read before. */
  readonly signInWith: (secret: Found | undefined, database?: string) => Promise<Client>
  readonly startOperator: () => Promise<RunningOperator>
  /** What the operator has written, in order; leases and reviews left out. */
  readonly writes: () => Promise<readonly AuditEvent[]>
}

export type Found = Readonly<Record<string, unknown>>
export type Where = { readonly kind: string; readonly name: string; readonly namespace?: string }

const { signal } = new AbortController()

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-world-'))
  const remove = () => rm(directory, { recursive: true, force: true })
  const platform = await (options.start ?? startPlatform)(signal, {
    directory,
    auditLog: true,
    fsync: false,
    postgres: options.postgres ?? true,
    ...(options.config && { config: options.config }),
  }).catch(async (error: unknown) => {
    await remove()
    throw error
  })
  const api = connect(platform.plane.kubeconfig)
  const operators: RunningOperator[] = []
  const startOperator = async () => {
    const operator = await platform.operator(signal)
    operators.push(operator)
    return operator
  }
  for (let count = options.replicas ?? 1; count > 0; count -= 1) await startOperator()

  const { plane } = platform
  const get: World['get'] = async (kind, name, namespace) => {
    const where = namespace === undefined ? [] : ['-n', namespace]
    const { code, stdout } = await plane.run(signal, ['get', kind, name, ...where, '-o', 'json'], {
      allowFailure: true,
    })
    return code === 0 ? JSON.parse(stdout) : undefined
  }
  const world: World = {
    platform,
    operators,
    api,
    kubectl: (...args) => plane.run(signal, args, { allowFailure: true }),
    async apply(...manifests) {
      const input = manifests.map((manifest) => stringify(manifest)).join('---\n')
      await plane.run(signal, ['apply', '-f', '-'], { input })
    },
    async can(person, verb, resource, namespace) {
      const [name, ...rest] = resource.split('.')
      const answer = await api.ask(
        'POST',
        '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        reviewOf({ person, verb, resource: name ?? '', group: rest.join('.'), namespace }),
      )
      return field(answer.body, 'status', 'allowed') === true
    },
    get,
    async condition({ kind, name, namespace }, type) {
      const conditions = field(await get(kind, name, namespace), 'status', 'conditions')
      const found: unknown = Array.isArray(conditions)
        ? conditions.find((condition) => field(condition, 'type') === type)
        : undefined
      return found ? `${text(field(found, 'status'))}/${text(field(found, 'reason'))}` : 'none'
    },
    until: (what, holds, withinMs = 30_000) => until(what, holds, withinMs),
    loginAs: async (namespace, secret, database) =>
      signInWith(await get('secret', secret, namespace), database),
    signInWith,
    startOperator,
    writes: async () => writesIn(await readFile(plane.auditLog ?? '', 'utf8')),
    async [Symbol.asyncDispose]() {
      api[Symbol.dispose]()
      if (options.notesRights !== false) noteRights(plane.auditLog, operatorUser)
      await platform.stop()
      await remove()
    },
  }
  return world
}

async function signInWith(secret: Found | undefined, database?: string): Promise<Client> {
  const data = field(secret, 'data')
  const value = (key: string) => Buffer.from(text(field(data, key)), 'base64').toString('utf8')
  const client = new Client({
    host: value('host'),
    port: Number(value('port')),
    user: value('username'),
    password: value('password'),
    database: database ?? value('dbname'),
    ssl: { ca: value('ca.crt') },
  })
  await client.connect()
  return client
}

function reviewOf({
  person,
  verb,
  resource,
  group,
  namespace,
}: Record<'person' | 'verb' | 'resource' | 'group' | 'namespace', string>) {
  const [name = resource, subresource] = resource.split('/', 2)
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: person,
      groups: ['system:authenticated'],
      resourceAttributes: {
        namespace,
        verb,
        group,
        resource: name,
        ...(subresource !== undefined && { subresource }),
      },
    },
  }
}

async function until(what: string, holds: () => Promise<unknown>, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  let last: unknown
  for (;;) {
    try {
      last = await holds()
      if (last === true) return
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${withinMs} ms; the last answer was ${String(last)}`, {
        cause: last,
      })
    }
    await sleep(25)
  }
}

const reads = new Set(['get', 'list', 'watch'])
const leftOut = new Set(['leases', 'subjectaccessreviews', 'selfsubjectreviews'])

function writesIn(log: string): readonly AuditEvent[] {
  return wholeLines(log)
    .map((line) => eventOf(JSON.parse(line)))
    .filter(
      ({ user, verb, resource }) =>
        user === operatorUser && !reads.has(verb) && !leftOut.has(resource),
    )
}

function eventOf(line: unknown): AuditEvent {
  return {
    verb: text(field(line, 'verb')),
    user: text(field(line, 'user', 'username')),
    resource: text(field(line, 'objectRef', 'resource')),
    subresource: text(field(line, 'objectRef', 'subresource')),
    namespace: text(field(line, 'objectRef', 'namespace')),
    name: text(field(line, 'objectRef', 'name')),
    code: Number(field(line, 'responseStatus', 'code')),
    agent: text(field(line, 'userAgent')),
    at: Date.parse(text(field(line, 'stageTimestamp'))),
  }
}

/** A field of what came from outside, whatever it is. */
export function field(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined,
    value,
  )
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
