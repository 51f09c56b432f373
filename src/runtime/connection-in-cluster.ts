// The connection of a pod: its service account's token and the cluster's CA, both files that the
// kubelet replaces while we run.

import { readFile } from 'node:fs/promises'
import { openConnection, type Connection, type ConnectionOptions } from './connection.ts'

export type InClusterOptions = ConnectionOptions & {
  /** Where the API server is: `KUBERNETES_SERVICE_HOST` and `_PORT`, as the kubelet sets them. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Holds `token` and `ca.crt`. Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly directory?: string
}

/** @throws Error outside of a pod, or when the service account's files cannot be read */
export async function connectInCluster(
  signal: AbortSignal,
  options: InClusterOptions,
): Promise<Connection> {
  const { env, directory = '/var/run/secrets/kubernetes.io/serviceaccount' } = options
  const host = env['KUBERNETES_SERVICE_HOST']
  const port = env['KUBERNETES_SERVICE_PORT']
  if (host === undefined || host === '' || port === undefined) {
    throw new Error(
      'KUBERNETES_SERVICE_HOST is not set, so this is no pod. Give a kubeconfig instead.',
    )
  }
  const server = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`).origin
  return openConnection(
    signal,
    {
      server,
      identify: async (signal) => {
        const [token, ca] = await Promise.all([
          readFile(`${directory}/token`, { encoding: 'utf8', signal }),
          readFile(`${directory}/ca.crt`, { encoding: 'utf8', signal }),
        ])
        return { headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } }
      },
    },
    options,
  )
}
