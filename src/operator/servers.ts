// PostgreSQL servers as the configuration names them: where they are, how the operator signs in, whom it trusts.
// What lies in a Secret is read when a connection needs it: it may be rotated, or come later than the operator.

import { readFile } from 'node:fs/promises'
import type { ServerConfig } from '../api/config.ts'
import { resources, type Secret } from '../api/resources.ts'
import type { Address, ServerOptions } from '../databases/server.ts'
import type { Client } from '../runtime/index.ts'
import { ConfigurationError } from './configuration.ts'

type Reader = Pick<Client, 'get'>

export async function serverOptions(
  signal: AbortSignal,
  client: Reader,
  server: ServerConfig,
): Promise<ServerOptions> {
  const { name, host = '', port, user = '', maxDatabases, pools, advertise, caFile } = server
  return {
    name,
    host,
    port,
    user,
    maxDatabases,
    pools,
    ...(server.connectionSecret && { locate: () => locate(signal, client, server) }),
    password: () => passwordOf(signal, client, server),
    tls: caFile === undefined ? 'off' : { ca: await textOf(caFile, `databases.servers.${name}`) },
    ...(advertise && { advertise }),
  }
}

/** What the configuration says goes before what the Secret says. */
async function locate(
  signal: AbortSignal,
  client: Reader,
  { connectionSecret, host, port, user }: ServerConfig,
): Promise<Address> {
  const secret = await valuesOf(signal, client, connectionSecret)
  return {
    host: host ?? qualified(secret('host'), connectionSecret?.namespace),
    port: Number(secret('port') ?? port),
    user: user ?? secret('username') ?? '',
  }
}

/** CloudNativePG writes the bare name of a Service, which is known in its own namespace alone. */
function qualified(host = '', namespace = ''): string {
  return /^[a-z0-9-]+$/.test(host) && host !== 'localhost' ? `${host}.${namespace}.svc` : host
}

async function passwordOf(
  signal: AbortSignal,
  client: Reader,
  { passwordFile, passwordSecret, connectionSecret }: ServerConfig,
): Promise<string> {
  if (passwordFile !== undefined) return (await readFile(passwordFile, 'utf8')).trimEnd()
  const secret = await valuesOf(signal, client, connectionSecret ?? passwordSecret)
  return secret(passwordSecret?.key ?? 'password') ?? ''
}

async function valuesOf(
  signal: AbortSignal,
  client: Reader,
  ref: { readonly namespace: string; readonly name: string } | undefined,
): Promise<(key: string) => string | undefined> {
  if (!ref) return () => undefined
  const { data } = await client.get<Secret>(signal, resources.secrets, ref)
  return (key) => {
    const value = data?.[key]
    return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8')
  }
}

async function textOf(file: string, path: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(
      `${path}.caFile: ${file} cannot be read. Correct the path, or mount the file.`,
      { cause },
    )
  }
}
