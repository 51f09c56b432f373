// The page of metrics, from the registry that the operator serves.
import { makeMetrics } from '../../src/observe/metrics.ts'
import { observeTenants } from '../../src/observe/tenants.ts'
import { page, table } from './page.ts'

/** Node's own have a page elsewhere. */
const ours = /^(tenantry|controller_runtime|workqueue|rest_client|leader_election)_/

const empty = { list: () => [], onChange: () => {} }

export async function metricsPage(): Promise<string> {
  const { registry } = makeMetrics()
  observeTenants(
    registry,
    { customers: empty, partners: empty, clusterRoles: empty },
    { now: () => 0 },
  )
  const metrics = await registry.getMetricsAsJSON()
  const rows = metrics
    .filter(({ name }) => ours.test(name))
    .map(({ name, type, help }) => [`\`${name}\``, type, help])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  return page('docs/reference/metrics.md', [
    '<!-- Written by `npm run generate` from src/observe/. -->',
    '',
    '# Metrics',
    '',
    'Served at `/metrics`. The names of queues, controllers, client and lease are those of controller-runtime, so that',
    'dashboards made for it work; what begins with `tenantry_` is our own.',
    '',
    ...table(['Metric', 'Type', 'What it counts'], rows),
  ])
}
