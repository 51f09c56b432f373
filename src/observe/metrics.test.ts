// The names that existing dashboards ask for, filled by the parts of the runtime that fill them.
import { describe, expect, test } from 'vitest'
import { Controller, Queue, TerminalError } from '../runtime/index.ts'
import { makeMetrics } from './metrics.ts'

/** Lines of one metric, without help. */
async function linesOf(metrics: ReturnType<typeof makeMetrics>, name: string) {
  const { text } = await metrics.text()
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
}

describe('the metrics of a controller at work', () => {
  test('count queue and runs under the names of controller-runtime', async () => {
    const metrics = makeMetrics()
    const queue = new Queue({
      name: 'customers',
      lanes: ['change'],
      firstRetryMs: 1,
      metrics: metrics.queue,
    })
    const life = new AbortController()
    let finish = () => {}
    const controller = new Controller({
      name: 'customers',
      queue,
      workers: 3,
      metrics: metrics.controller,
      reconcile: async (_, key) => {
        if (key === 'bad') throw new TerminalError('for good')
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        return { outcome: 'done' }
      },
    })
    const ran = controller.run(life.signal)
    queue.add('bad', 'change')
    queue.add('slow', 'change')
    const labels = '{name="customers",controller="customers"}'
    await expect
      .poll(() => linesOf(metrics, 'controller_runtime_terminal_reconcile_errors_total'))
      .toEqual(['controller_runtime_terminal_reconcile_errors_total{controller="customers"} 1'])
    await expect
      .poll(() => linesOf(metrics, 'controller_runtime_active_workers'))
      .toEqual(['controller_runtime_active_workers{controller="customers"} 1'])
    const [longest = ''] = await linesOf(metrics, 'workqueue_longest_running_processor_seconds')
    expect(Number(longest.split(' ')[1])).toBeGreaterThan(0)
    finish()
    life.abort()
    await ran
    for (const [name, value] of [
      ['workqueue_adds_total', 2],
      ['workqueue_depth', 0],
      ['workqueue_queue_duration_seconds_count', 2],
      ['workqueue_work_duration_seconds_count', 2],
      ['workqueue_unfinished_work_seconds', 0],
      ['workqueue_longest_running_processor_seconds', 0],
    ] as const) {
      expect(await linesOf(metrics, name)).toEqual([`${name}${labels} ${value}`])
    }
    const at = '{controller="customers"'
    expect(await linesOf(metrics, 'controller_runtime_reconcile_total')).toEqual([
      `controller_runtime_reconcile_total${at},result="error"} 1`,
      `controller_runtime_reconcile_total${at},result="success"} 1`,
    ])
    for (const [name, value] of [
      ['controller_runtime_reconcile_errors_total', 1],
      ['controller_runtime_reconcile_time_seconds_count', 2],
      ['controller_runtime_max_concurrent_reconciles', 3],
    ] as const) {
      expect(await linesOf(metrics, name)).toEqual([`${name}${at}} ${value}`])
    }
  })
})

describe('other metrics', () => {
  test('count requests, missed events and leadership', async () => {
    const metrics = makeMetrics()
    metrics.request({ code: '200', method: 'GET', host: 'api' })
    metrics.missedEvents('pods', 2)
    metrics.leads('operator', true)
    metrics.queue.retried('customers')
    const { contentType, text } = await metrics.text()
    expect(contentType).toMatch(/^text\/plain/)
    for (const line of [
      'rest_client_requests_total{code="200",method="GET",host="api"} 1',
      'tenantry_reflector_missed_events_total{resource="pods"} 2',
      'leader_election_master_status{name="operator"} 1',
      'workqueue_retries_total{name="customers",controller="customers"} 1',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    metrics.leads('operator', false)
    expect(await linesOf(metrics, 'leader_election_master_status')).toEqual([
      'leader_election_master_status{name="operator"} 0',
    ])
  })

  test('of two operators in one process do not meet', async () => {
    const [a, b] = [makeMetrics(), makeMetrics()]
    a.queue.added('x')
    expect(await linesOf(b, 'workqueue_adds_total')).toEqual([])
  })
})
