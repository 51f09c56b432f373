// Credentials from an exec plugin or an auth provider, by @kubernetes/client-node. Imported only
// here and only when called: it costs 87 MB of memory.

import type { RequestOptions } from 'node:https'
import type { Identity } from './connection.ts'

/** A new configuration per reading: the old one would answer from what it remembers. */
export async function identifyByPlugin(
  signal: AbortSignal,
  path: string,
  context: string,
): Promise<Identity> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  signal.throwIfAborted()
  const config = new KubeConfig()
  config.loadFromFile(path)
  config.setCurrentContext(context)
  const options: RequestOptions = {}
  await config.applyToHTTPSOptions(options)
  const cert = pem(options.cert)
  const key = pem(options.key)
  return {
    headers: authorization(options.headers),
    tls: {
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
  }
}

function authorization(headers: RequestOptions['headers']): Record<string, string> {
  if (headers === undefined || Array.isArray(headers)) return {}
  const value = Object.entries(headers).find(
    ([name]) => name.toLowerCase() === 'authorization',
  )?.[1]
  return typeof value === 'string' ? { authorization: value } : {}
}

function pem(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return Buffer.isBuffer(value) ? value.toString('utf8') : undefined
}
