// The kubeconfig as this command reads and extends it. Only contexts that `use` has made are ever
// changed, and current-context; comments, order and everything else stay as they are. While it is being
// written, kubectl's own lock file beside it keeps kubectl away.

import { readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { isMap, isSeq, parseDocument, type Document, type YAMLMap } from 'yaml'
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
  const document = await read(path)
  const name = wanted ?? text(document.get('current-context'))
  const found = name === undefined ? undefined : contextIn(document, name)
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
    const document = await read(file)
    const before = contextIn(document, context.name)
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

async function read(path: string): Promise<Document.Parsed> {
  const document = parseDocument(await readFile(path, 'utf8'))
  const [error] = document.errors
  if (error) {
    throw new Failure('KUBECONFIG', `${path} is not YAML: ${error.message.split('\n')[0]}.`)
  }
  return document
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

function contextIn(document: Document, name: string): Context | undefined {
  const contexts = document.get('contexts')
  if (!isSeq(contexts)) return undefined
  const item = contexts.items.find(
    (each): each is YAMLMap => isMap(each) && each.get('name') === name,
  )
  const inner = item?.get('context')
  if (!isMap(inner)) return undefined
  return {
    name,
    cluster: text(inner.get('cluster')) ?? '',
    user: text(inner.get('user')) ?? '',
    namespace: text(inner.get('namespace')),
    mark: markIn(inner),
  }
}

function markIn(context: YAMLMap): Mark | undefined {
  const extensions = context.get('extensions')
  if (!isSeq(extensions)) return undefined
  const ours = extensions.items.find(
    (item): item is YAMLMap => isMap(item) && item.get('name') === apiGroup,
  )
  const mark = ours?.get('extension')
  if (!isMap(mark)) return undefined
  const [organization, base, scope] = ['organization', 'base', 'scope'].map((key) =>
    text(mark.get(key)),
  )
  if (organization === undefined || base === undefined) return undefined
  return { organization, base, scope: scope === 'all' ? 'all' : 'customer' }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
