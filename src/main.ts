// The operator process: read the configuration, wire, run, stop. `node src/main.ts --config FILE`
// runs in a pod; with `--kubeconfig FILE` it runs anywhere. SIGTERM and SIGINT stop it cleanly.

import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { ServerConfig } from './api/config.ts'
import { resources, type Secret } from './api/resources.ts'
import { Databases } from './databases/databases.ts'
import type { ServerOptions } from './databases/server.ts'
import { makeLog } from './observe/log.ts'
import { makeMetrics } from './observe/metrics.ts'
import { ConfigurationError, readConfiguration } from './operator/configuration.ts'
import { makeOperator } from './operator/operator.ts'
import { Client, connectInCluster, connectKubeconfig, startHealthServer } from './runtime/index.ts'

const version = '0.1.0'
const graceMs = 30_000

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: '/etc/tenantry/config.yaml' },
    kubeconfig: { type: 'string' },
  },
})

const stopping = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.once(name, () => {
    stopping.abort(new Error(`Stopped by ${name}.`))
    // A stop that hangs is worse than one that is cut: the lease runs out by itself.
    setTimeout(() => process.exit(1), graceMs).unref()
  })
}

try {
  await main(stopping.signal)
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}

async function main(signal: AbortSignal): Promise<void> {
  const config = await readConfiguration(signal, values.config)
  const log = makeLog(config.log)
  process.on('unhandledRejection', (reason) => {
    log.fatal({ err: reason }, 'a promise was rejected and nobody took it')
    process.exit(1)
  })
  const metrics = makeMetrics()
  const connection = values.kubeconfig
    ? await connectKubeconfig(signal, values.kubeconfig)
    : await connectInCluster(signal, { env: process.env })
  const identity = `${hostname()}_${randomUUID().slice(0, 8)}`
  const client = new Client(connection, {
    userAgent: `tenantry/${version} (${identity})`, // the audit log tells replicas apart by it
    onRequest: metrics.request,
  })
  const databases = new Databases({
    servers: await Promise.all(
      config.databases.servers.map((server) => serverOptions(signal, client, server)),
    ),
    allowedExtensions: config.databases.allowedExtensions,
  })
  const operator = makeOperator({ config, client, databases, log, metrics, identity })
  const health = await startHealthServer(signal, {
    ...config.health,
    live: () => [],
    ready: () => operator.notReady(),
    metrics: metrics.text,
  })
  log.info({ version, identity, port: health.port }, 'started')
  await operator.run(signal)
  await health.stop()
  await connection.stop()
  log.info({}, 'stopped')
}

async function serverOptions(
  signal: AbortSignal,
  client: Client,
  server: ServerConfig,
): Promise<ServerOptions> {
  const { name, host, port, user, maxDatabases, pools, advertise, caFile } = server
  return {
    name,
    host,
    port,
    user,
    maxDatabases,
    pools,
    password: () => passwordOf(signal, client, server),
    tls: caFile === undefined ? 'off' : { ca: await textOf(caFile, `databases.servers.${name}`) },
    ...(advertise && { advertise }),
  }
}

/** Read at every connection: it may be rotated while the operator runs. */
async function passwordOf(
  signal: AbortSignal,
  client: Client,
  { passwordFile, passwordSecret }: ServerConfig,
): Promise<string> {
  if (passwordFile !== undefined) return (await readFile(passwordFile, 'utf8')).trimEnd()
  if (!passwordSecret) return ''
  const secret = await client.get<Secret>(signal, resources.secrets, passwordSecret)
  return Buffer.from(secret.data?.[passwordSecret.key] ?? '', 'base64').toString('utf8')
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
