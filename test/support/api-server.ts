// Speaks to the local API server as whoever a kubeconfig says: plain JSON in, status and plain JSON out.
// Tests ask here what the operator's own client would hide: what the server answers, word for word.
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { parse } from 'yaml'

export type Answer = { readonly status: number; readonly body: unknown }

export type ApiServer = Disposable & {
  /** @param headers beside those that say who asks, or instead of the content type */
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
}

type Config = {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[]
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[]
}

export function connect(kubeconfig: string): ApiServer {
  const config: Config = parse(readFileSync(kubeconfig, 'utf8'))
  const cluster = config.clusters[0]?.cluster ?? {}
  const user = config.users[0]?.user ?? {}
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 8,
    ca: decoded(cluster['certificate-authority-data']),
    cert: decoded(user['client-certificate-data']),
    key: decoded(user['client-key-data']),
  })
  const ask: ApiServer['ask'] = (method, path, body, extra = {}) =>
    new Promise((resolve, reject) => {
      const headers = {
        'content-type': contentType(method),
        ...(user['token'] === undefined ? {} : { authorization: `Bearer ${user['token']}` }),
        ...extra,
      }
      const url = `${cluster['server'] ?? ''}${path}`
      const asked = request(url, { method, agent, headers, timeout: 10_000 }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          // Not by the YAML parser: of a thousand devices that would take a hundred times as long.
          const isJson = response.headers['content-type']?.includes('json') === true
          resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text })
        })
      })
      asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer in 10 s`)))
      asked.on('error', reject)
      asked.end(body === undefined ? undefined : JSON.stringify(body))
    })
  return { ask, [Symbol.dispose]: () => agent.destroy() }
}

function contentType(method: string): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
}

function decoded(base64: string | undefined): Buffer | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64')
}
