// One run of one command: who asks, where, in which scope, and how it ends. The connection is opened
// when it is first needed, so that what works offline works offline.

import type { ResourceOf, SelfReview } from '../api/resources.ts'
import { resources } from '../api/resources.ts'
import type { EpochMs } from '../api/time.ts'
import {
  actingAs,
  Client,
  connectKubeconfig,
  isForbidden,
  isNotFound,
  sleep,
  type Connection,
} from '../runtime/index.ts'
import { Failure } from './failures.ts'
import { kubeconfigPath, readContext, type Context } from './kubeconfig.ts'
import { printable, render, toned, type Answer, type Environment, type Screen } from './output.ts'
import { sayScope, scopeOf, type Scope } from './scope.ts'
import { version } from './version.ts'

/** What can be said about every command. */
export type CommonOptions = {
  readonly kubeconfig?: string
  readonly context?: string
  readonly as?: string
  readonly organization?: string
  readonly watch?: boolean
}

export type Session = {
  readonly signal: AbortSignal
  readonly screen: Screen
  readonly env: Environment
  readonly now: () => EpochMs
  readonly path: string
  readonly context: Context
  readonly scope: Scope
  readonly client: Client
  /** The name by which the API server knows who asks. */
  readonly person: () => Promise<string>
}

export type Outside = Pick<Session, 'signal' | 'screen' | 'env' | 'now'>

/** Runs a command with a connection, and closes it whatever happens. */
export async function withSession<T>(
  outside: Outside,
  options: CommonOptions,
  run: (session: Session) => Promise<T>,
): Promise<T> {
  const { signal, env } = outside
  const path = await kubeconfigPath(options.kubeconfig, env)
  const context = await readContext(path, options.context)
  const { namespace, mark } = context
  const scope = scopeOf({ namespace, mark, organization: options.organization })
  const connection = await open(signal, path, context.name)
  try {
    const client = new Client(
      options.as === undefined ? connection : actingAs(connection, options.as),
      {
        userAgent: `kubectl-tenantry/${version}`,
      },
    )
    let asked: Promise<string> | undefined
    const person = () => (asked ??= whoAsks(signal, client))
    return await run({ ...outside, path, context, scope, client, person })
  } finally {
    await connection.stop()
  }
}

async function open(signal: AbortSignal, path: string, context: string): Promise<Connection> {
  try {
    return await connectKubeconfig(signal, path, { context })
  } catch (cause) {
    if (signal.aborted) throw cause
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new Failure('KUBECONFIG', said.endsWith('.') ? said : `${said}.`, { cause })
  }
}

async function whoAsks(signal: AbortSignal, client: Client): Promise<string> {
  const { status } = await client.create<SelfReview>(signal, resources.selfReviews, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
    metadata: {},
  })
  return status?.userInfo?.username ?? ''
}

/** `undefined`: the person may not see it, or there is no such thing; the server does not always tell which. */
export async function seen<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isForbidden(error) || isNotFound(error)) return undefined
    throw error
  }
}

export type Where = { readonly namespace?: string; readonly labelSelector?: string }

export async function listAll<T>(
  { signal, client }: Session,
  resource: ResourceOf<T>,
  where: Where = {},
): Promise<readonly T[]> {
  return (await client.list(signal, resource, where)).items
}

/** A page at a time, for objects that are too large to hold them all. */
export async function* pagesOf<T>(
  { signal, client }: Session,
  resource: ResourceOf<T>,
  where: Where & { readonly limit: number },
): AsyncGenerator<readonly T[], void, undefined> {
  let next: string | undefined
  do {
    const page = await client.list(signal, resource, {
      ...where,
      ...(next !== undefined && { continue: next }),
    })
    yield page.items
    next = page.continue === '' ? undefined : page.continue
  } while (next !== undefined)
}

const watchEveryMs = 2_000

/** Shows an answer once, or again and again as it changes, until Ctrl-C. */
export async function show(
  session: Session,
  { watch = false }: CommonOptions,
  ask: () => Promise<Answer>,
  customer?: string,
): Promise<void> {
  const { signal, screen } = session
  const scope = sayScope(session.scope, customer)
  say(session, scope)
  for (let before: string | undefined; ;) {
    const answer = await ask()
    const text = await render(answer, scope, screen)
    if (text !== before) {
      if (before !== undefined && screen.live) screen.out.write('\u001B[2J\u001B[H')
      screen.out.write(text)
      if (screen.format === 'table') {
        if (answer.rows.length === 0) note(session, answer.none)
        for (const line of answer.notes ?? []) note(session, line)
      }
      before = text
    }
    if (!watch) return
    await sleep(signal, watchEveryMs)
  }
}

export function say({ screen }: Pick<Session, 'screen'>, scope: string): void {
  if (screen.format !== 'table') return
  const line = `Scope: ${scope}`
  screen.err.write(`${screen.colours.err ? toned(line, 'faint') : line}\n`)
}

export function note({ screen }: Pick<Session, 'screen'>, line: string): void {
  screen.err.write(`${printable(line)}\n`)
}
