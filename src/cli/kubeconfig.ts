// The kubeconfig as this command reads and extends it. Only contexts that `use` has made are ever
// changed, and current-context; comments, order and everything else stay as they are. While it is being
// written, kubectl's own lock file beside it keeps kubectl away.

import { readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { isMap, isSeq, parse, parseDocument, type Document } from 'yaml'
import { apiGroup } from '../api/names.ts'
import { Failure } from './failures.ts'
import type { Environment } from './output.ts'
import type { Mark } from './scope.ts'

export type Context = {
  readonly name: string
  readonly cluster: string
  readonly user: string
  readonly namespace: string | undefined
  readonly mark: Mark | undefined
}

/** As kubectl finds it: what was said, then the first file of KUBECONFIG that is there, then the home's. */
export async function kubeconfigPath(said: string | undefined, env: Environment): Promise<string> {
  const paths = said === undefined ? (env['KUBECONFIG'] ?? '').split(delimiter) : [said]
  const candidates = paths.filter((path) => path !== '')
  if (candidates.length === 0) candidates.push(join(env['HOME'] ?? '', '.kube', 'config'))
  for (const path of candidates) if (await exists(path)) return path
  throw new Failure('KUBECONFIG', `There is no kubeconfig at ${candidates.join(' or ')}.`)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

export async function readContext(path: string, wanted: string | undefined): Promise<Context> {
  const config = await read(path)
  const name = wanted ?? text(config, 'current-context')
  const found = name === undefined ? undefined : contextIn(config, name)
  if (name === undefined || !found) {
    throw new Failure('KUBECONFIG', `${path} has no context ${name ?? 'that is the current one'}.`)
  }
  return found
}

/** Adds or renews a context of ours and makes it the current one. Everything else stays, byte by byte where YAML allows it. */
export async function writeContext(path: string, context: Context): Promise<void> {
  const file = await realpath(path)
  const release = await lock(file)
  try {
    const document = await readDocument(file)
    const before = contextIn(document.toJS(), context.name)
    if (before && !before.mark) {
      throw new Failure(
        'KUBECONFIG_TAKEN',
        `${path} has a context ${context.name} that this command has not made.`,
      )
    }
    const upToDate = before !== undefined && isDeepStrictEqual(before, context)
    if (upToDate && document.get('current-context') === context.name) return
    if (!upToDate) put(document, context)
    document.set('current-context', context.name)
    const dashesAreIndented = !/^- /m.test(await readFile(file, 'utf8'))
    const { mode } = await stat(file)
    const temporary = `${file}.${process.pid}`
    await writeFile(temporary, document.toString({ lineWidth: 0, indentSeq: dashesAreIndented }), {
      mode,
    })
    await rename(temporary, file)
  } finally {
    await release()
  }
}

async function lock(file: string): Promise<() => Promise<void>> {
  const path = `${file}.lock`
  try {
    await writeFile(path, '', { flag: 'wx', mode: 0 })
  } catch (cause) {
    throw new Failure('KUBECONFIG_TAKEN', `${path} is there: another program writes this file.`, {
      cause,
    })
  }
  return () => rm(path, { force: true })
}

/** What it says; a document, which keeps comments, takes five times as long. */
async function read(path: string): Promise<unknown> {
  const written = await readFile(path, 'utf8')
  try {
    return parse(written)
  } catch (cause) {
    throw notYaml(path, cause)
  }
}

async function readDocument(path: string): Promise<Document.Parsed> {
  const document = parseDocument(await readFile(path, 'utf8'))
  const [error] = document.errors
  if (error) throw notYaml(path, error)
  return document
}

function notYaml(path: string, cause: unknown): Failure {
  const said = cause instanceof Error ? cause.message : String(cause)
  return new Failure('KUBECONFIG', `${path} is not YAML: ${said.split('\n')[0]}.`, { cause })
}

function put(document: Document, context: Context): void {
  const { name, cluster, user, namespace, mark } = context
  const entry = document.createNode({
    name,
    context: {
      cluster,
      user,
      namespace,
      extensions: [{ name: apiGroup, extension: mark }],
    },
  })
  const contexts = document.get('contexts')
  if (!isSeq(contexts)) {
    document.set('contexts', document.createNode([entry]))
    return
  }
  const at = contexts.items.findIndex((item) => isMap(item) && item.get('name') === name)
  if (at < 0) contexts.items.push(entry)
  else contexts.items[at] = entry
}

function contextIn(config: unknown, name: string): Context | undefined {
  const context = named(field(config, 'contexts'), name, 'context')
  if (context === undefined) return undefined
  return {
    name,
    cluster: text(context, 'cluster') ?? '',
    user: text(context, 'user') ?? '',
    namespace: text(context, 'namespace'),
    mark: markIn(context),
  }
}

function markIn(context: object): Mark | undefined {
  const mark = named(field(context, 'extensions'), apiGroup, 'extension')
  const [organization, base, scope] = ['organization', 'base', 'scope'].map((key) =>
    text(mark, key),
  )
  if (organization === undefined || base === undefined) return undefined
  return { organization, base, scope: scope === 'all' ? 'all' : 'customer' }
}

/** As a kubeconfig lists things: `- name: …` and beside it what has that name. */
function named(list: unknown, name: string, key: string): object | undefined {
  const entries: readonly unknown[] = Array.isArray(list) ? list : []
  const found = field(
    entries.find((entry) => field(entry, 'name') === name),
    key,
  )
  return typeof found === 'object' && found !== null ? found : undefined
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

function text(from: unknown, key: string): string | undefined {
  const value = field(from, key)
  return typeof value === 'string' && value !== '' ? value : undefined
}
