// The connection that a kubeconfig describes. Certificates, tokens and impersonation are read here;
// only a user with an exec plugin or an auth provider loads @kubernetes/client-node, which costs
// 87 MB of memory and more than a second.

import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import {
  openConnection,
  type Connection,
  type ConnectionOptions,
  type Identity,
} from './connection.ts'
import { identifyByPlugin } from './connection-plugin.ts'
import { isRecord } from './object.ts'

export type KubeconfigOptions = ConnectionOptions & {
  /** Default: the file's `current-context`. */
  readonly context?: string
}

type Entry = Readonly<Record<string, unknown>>

/** @throws Error when the file cannot be read or does not say where and as whom to sign in */
export async function connectKubeconfig(
  signal: AbortSignal,
  path: string,
  options: KubeconfigOptions = {},
): Promise<Connection> {
  const first = await readKubeconfig(signal, path, options.context)
  let next: Kubeconfig | undefined = first
  const identify = async (signal: AbortSignal) => {
    // Later on the whole file anew: a login tool may have written another user into it.
    const config = next ?? (await readKubeconfig(signal, path, options.context))
    next = undefined
    return identityOf(signal, config, path)
  }
  return openConnection(signal, { server: first.server, identify }, options)
}

/** The namespace of the context, for commands that were given none. */
export async function namespaceOfKubeconfig(
  signal: AbortSignal,
  path: string,
  context?: string,
): Promise<string | undefined> {
  return text((await readKubeconfig(signal, path, context)).context, 'namespace')
}

type Kubeconfig = {
  readonly server: string
  readonly contextName: string
  readonly context: Entry
  readonly cluster: Entry
  readonly user: Entry
}

async function readKubeconfig(
  signal: AbortSignal,
  path: string,
  wanted: string | undefined,
): Promise<Kubeconfig> {
  const { parse } = await import('yaml') // a pod reads no kubeconfig and needs no parser
  const parsed: unknown = parse(await readFile(path, { encoding: 'utf8', signal }))
  const file: Entry = isRecord(parsed) ? parsed : {}
  const contextName = wanted ?? text(file, 'current-context') ?? ''
  const context = entry(file, 'contexts', 'context', contextName)
  if (!context) throw new Error(`${path} has no context ${JSON.stringify(contextName)}.`)
  const cluster = entry(file, 'clusters', 'cluster', text(context, 'cluster') ?? '')
  const url = cluster && text(cluster, 'server')
  if (!url) throw new Error(`Context ${contextName} in ${path} names no cluster with a server.`)
  if (text(cluster, 'proxy-url')) {
    throw new Error(
      `Cluster of context ${contextName} in ${path} sets proxy-url, which is not supported.`,
    )
  }
  // Whoever answers would get the token, and could answer anything about who may enter.
  if (cluster['insecure-skip-tls-verify'] === true) {
    throw new Error(
      `Cluster of context ${contextName} in ${path} sets insecure-skip-tls-verify, which is refused. Put the server's CA into certificate-authority-data instead.`,
    )
  }
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new Error(`Server ${url} of context ${contextName} in ${path} is no URL.`)
  }
  const user = entry(file, 'users', 'user', text(context, 'user') ?? '') ?? {}
  return { server: url, contextName, context, cluster, user }
}

async function identityOf(
  signal: AbortSignal,
  { cluster, user, contextName }: Kubeconfig,
  path: string,
): Promise<Identity> {
  const load = (from: Entry, key: string) => dataOrFile(signal, from, key, dirname(path))
  const ca = await load(cluster, 'certificate-authority')
  const servername = text(cluster, 'tls-server-name')
  const trust = {
    ...(ca === undefined ? {} : { ca }),
    ...(servername === undefined ? {} : { servername }),
  }
  if (user['exec'] !== undefined || user['auth-provider'] !== undefined) {
    const { headers, tls } = await identifyByPlugin(signal, path, contextName)
    return { headers: { ...headers, ...impersonation(user) }, tls: { ...trust, ...tls } }
  }
  const cert = await load(user, 'client-certificate')
  const key = await load(user, 'client-key')
  const token = await tokenOf(signal, user, dirname(path))
  return {
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...impersonation(user),
    },
    tls: {
      ...trust,
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
  }
}

/** `tokenFile` wins, as in kubectl: it is the one that is rotated. */
async function tokenOf(
  signal: AbortSignal,
  user: Entry,
  directory: string,
): Promise<string | undefined> {
  const file = text(user, 'tokenFile')
  if (file === undefined) return text(user, 'token')
  return (await readFile(resolve(directory, file), { encoding: 'utf8', signal })).trim()
}

function impersonation(user: Entry): Record<string, string> {
  const name = text(user, 'as')
  return name === undefined ? {} : { 'impersonate-user': name }
}

/** `<key>-data` wins over the file, as in kubectl; a relative path starts at the kubeconfig. */
async function dataOrFile(
  signal: AbortSignal,
  from: Entry,
  key: string,
  directory: string,
): Promise<string | undefined> {
  const data = text(from, `${key}-data`)
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8')
  const file = text(from, key)
  if (file === undefined) return undefined
  return readFile(resolve(directory, file), { encoding: 'utf8', signal })
}

function entry(file: Entry, list: string, key: string, name: string): Entry | undefined {
  const entries: unknown = file[list]
  if (!Array.isArray(entries)) return undefined
  const found: unknown = entries.find((each: unknown) => isRecord(each) && each['name'] === name)
  const inner = isRecord(found) ? found[key] : undefined
  return isRecord(inner) ? inner : undefined
}

function text(from: Entry, key: string): string | undefined {
  const value = from[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}
