// The operator process: read the configuration, wire, run, stop. `node src/main.ts --config FILE`
// runs in a pod; with `--kubeconfig FILE` it runs anywhere. SIGTERM and SIGINT stop it cleanly.

import { hostname } from 'node:os'
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Control } from './databases/control/control.ts'
import { Databases } from './databases/databases.ts'
import { makeLog } from './observe/log.ts'
import { makeMetrics } from './observe/metrics.ts'
import { ConfigurationError, readConfiguration } from './operator/configuration.ts'
import { nobody } from './operator/impersonation.ts'
import { makeOperator } from './operator/operator.ts'
import { serverOptions } from './operator/servers.ts'
import {
  Client,
  actingAs,
  connectInCluster,
  connectKubeconfig,
  startHealthServer,
} from './runtime/index.ts'

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
  const servers = await Promise.all(
    config.databases.servers.map((server) => serverOptions(signal, client, server)),
  )
  const keeper = servers.find(({ name }) => name === config.databases.control?.server)
  const control = keeper && new Control(keeper)
  const databases = new Databases({
    servers,
    allowedExtensions: config.databases.allowedExtensions,
    warmPool: config.databases.warmPool,
    onPoolReady: metrics.poolReady,
  })
  const asNobody = new Client(actingAs(connection, nobody), { userAgent: `tenantry/${version}` })
  const operator = makeOperator({
    config,
    client,
    asNobody,
    databases,
    control,
    log,
    metrics,
    identity,
  })
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
