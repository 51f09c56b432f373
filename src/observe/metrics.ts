// What Prometheus reads. The names and labels of queues, controllers, client and lease are those of
// controller-runtime, so that existing dashboards and alerts work. Returned are the sinks that the
// runtime declares, by shape alone.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from '@prometheus-io/client'
import { WindowTotals, type Windows } from './windows.ts'

export type Metrics = ReturnType<typeof makeMetrics>

/** controller-runtime's own for reconcile times, thinned out: a bucket costs memory per label. */
const runSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
/** client-go's for queues start lower: a key that waits for no worker waits for microseconds. */
const queueSeconds = [0.00001, 0.0001, 0.001, 0.01, 0.1, 1, 10, 100, 1000]

/**
 * How often the delay of the event loop is looked at, in ms; what the metric says holds this time too. Each look wakes the process:
 * at the library's 10 ms that alone took 0.36 % of a core, at this 0.04 %.
 */
export const loopSampleMs = 100

const onQueue = ['name', 'controller'] as const

export function makeMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: loopSampleMs })
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers })

  const requests = counter(
    'rest_client_requests_total',
    'Requests to the API server, by status code, method and host.',
    ...(['code', 'method', 'host'] as const),
  )
  const windows = new WindowTotals()
  const sumOf = (name: string, help: string, of: keyof Windows) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(windows.sum(of))
      },
    })
  sumOf('tenantry_windows_open', 'Ends of windows of access that are open now.', 'open')
  sumOf(
    'tenantry_windows_not_armed',
    'Of these, how many the cluster would not end by itself if the operator were dead.',
    'notArmed',
  )
  const drift = counter(
    'tenantry_database_drift_total',
    'Differences in databases that somebody made by hand and the operator repaired.',
  )
  const skew = gauge(
    'tenantry_clock_skew_seconds',
    'How far the clock of the API server (kubernetes) or of a PostgreSQL server is ahead of ours, as far as it counts.',
    'clock',
  )
  const missingPolicy = gauge(
    'tenantry_policy_missing',
    'Whether an admission policy of the chart is not in force; what it guards then gives nothing.',
    'policy',
  )
  const notices = counter(
    'tenantry_notifications_total',
    'Attempts to tell somebody something, by result: delivered, again, failed for good.',
    'result',
  )
  // Seen from the start: what appears with its first failure has not grown.
  for (const result of ['delivered', 'again', 'failed']) notices.inc({ result }, 0)
  const poolReady = gauge(
    'tenantry_pool_ready',
    'Databases that stand ready on a server before a customer comes.',
    'server',
  )
  const leader = gauge(
    'leader_election_master_status',
    'Whether this replica leads, by lease: one for each shard.',
    'name',
  )
  const missed = counter(
    'tenantry_reflector_missed_events_total',
    'Changes that a list had to repair because a healthy watch had not told them; stays 0.',
    'resource',
  )
  return {
    registry,
    request: ({ code, method, host }: Record<'code' | 'method' | 'host', string>) =>
      requests.inc({ code, method, host }),
    queue: queueMetrics(registry),
    controller: controllerMetrics(registry),
    leads: (name: string, leads: boolean) => leader.set({ name }, leads ? 1 : 0),
    windows,
    drift: (differences: number) => drift.inc(differences),
    skew: (clock: string, ms: number) => skew.set({ clock }, ms / 1000),
    policyMissing: (policy: string, isMissing: boolean) =>
      missingPolicy.set({ policy }, isMissing ? 1 : 0),
    notice: (result: string) => notices.inc({ result }),
    poolReady: (server: string, ready: number) => poolReady.set({ server }, ready),
    missedEvents: (resource: string, count: number) => missed.inc({ resource }, count),
    text: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

function queueMetrics(registry: Registry) {
  const base = { labelNames: onQueue, registers: [registry] }
  const running = new Map<string, () => readonly number[]>()
  const adds = new Counter({
    ...base,
    name: 'workqueue_adds_total',
    help: 'Keys added to a queue.',
  })
  const depth = new Gauge({ ...base, name: 'workqueue_depth', help: 'Keys that wait for a run.' })
  const retries = new Counter({
    ...base,
    name: 'workqueue_retries_total',
    help: 'Keys that come again because their run failed.',
  })
  const buckets = queueSeconds
  const waited = new Histogram({
    ...base,
    name: 'workqueue_queue_duration_seconds',
    help: 'How long keys wait for a run.',
    buckets,
  })
  const worked = new Histogram({
    ...base,
    name: 'workqueue_work_duration_seconds',
    help: 'How long runs take.',
    buckets,
  })
  // Read when Prometheus asks: a run that hangs shows although nothing happens.
  const unfinished = new Gauge({
    labelNames: onQueue,
    registers: [],
    name: 'workqueue_unfinished_work_seconds',
    help: 'Seconds of all runs that go on; what only grows is stuck.',
    collect() {
      for (const [name, seconds] of running) this.set(named(name), sum(seconds()))
    },
  })
  const longest = new Gauge({
    labelNames: onQueue,
    registers: [],
    name: 'workqueue_longest_running_processor_seconds',
    help: 'Seconds of the longest run that goes on.',
    collect() {
      for (const [name, seconds] of running) this.set(named(name), Math.max(0, ...seconds()))
    },
  })
  for (const each of [unfinished, longest]) registry.registerMetric(each)
  return {
    added: (name: string) => adds.inc(named(name)),
    depth: (name: string, keys: number) => depth.set(named(name), keys),
    waited: (name: string, seconds: number) => waited.observe(named(name), seconds),
    worked: (name: string, seconds: number) => worked.observe(named(name), seconds),
    retried: (name: string) => retries.inc(named(name)),
    watch: (name: string, seconds: () => readonly number[]) => void running.set(name, seconds),
  }
}

function controllerMetrics(registry: Registry) {
  const base = { labelNames: ['controller'] as const, registers: [registry] }
  const results = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Runs, by result.',
    labelNames: ['controller', 'result'] as const,
    registers: [registry],
  })
  const errors = new Counter({
    ...base,
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Runs that failed.',
  })
  const terminal = new Counter({
    ...base,
    name: 'controller_runtime_terminal_reconcile_errors_total',
    help: 'Runs that failed and are not tried again.',
  })
  const times = new Histogram({
    ...base,
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long runs take.',
    buckets: runSeconds,
  })
  const active = new Gauge({
    ...base,
    name: 'controller_runtime_active_workers',
    help: 'Runs that go on.',
  })
  const most = new Gauge({
    ...base,
    name: 'controller_runtime_max_concurrent_reconciles',
    help: 'Runs that can go on at once.',
  })
  return {
    active: (controller: string, workers: number) => active.set({ controller }, workers),
    workers: (controller: string, workers: number) => {
      most.set({ controller }, workers)
      // Seen from the start, as controller-runtime has it: a first failure is a change from 0.
      for (const each of [errors, terminal]) each.inc({ controller }, 0)
    },
    finished: (controller: string, result: string, seconds: number) => {
      const isTerminal = result === 'terminal_error'
      const isError = isTerminal || result === 'error'
      results.inc({ controller, result: isError ? 'error' : result })
      times.observe({ controller }, seconds)
      if (isError) errors.inc({ controller })
      if (isTerminal) terminal.inc({ controller })
    },
  }
}

function named(name: string) {
  return { name, controller: name }
}

function sum(seconds: readonly number[]): number {
  return seconds.reduce((total, each) => total + each, 0)
}
