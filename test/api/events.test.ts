// Events as the real API server takes them: its validation is strict, and nobody reads our errors.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  Client,
  EventRecorder,
  connectKubeconfig,
  type Connection,
  type KubeObject,
  type ResourceOf,
} from '../../src/runtime/index.ts'
import { startControlPlane, type ControlPlane } from '../../tools/control-plane/start.ts'

type Event = KubeObject & { readonly note?: string; readonly series?: { readonly count: number } }
const eventsResource: ResourceOf<Event> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
}
const namespaces: ResourceOf<KubeObject> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
}
const accounts: ResourceOf<KubeObject> = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
}

const { signal } = new AbortController()
let plane: ControlPlane
let connection: Connection
let client: Client
beforeAll(async () => {
  plane = await startControlPlane(signal)
  connection = await connectKubeconfig(signal, plane.kubeconfig)
  client = new Client(connection)
})
afterAll(async () => {
  await connection.stop()
  await plane.stop()
})

describe('an event', () => {
  const problems: unknown[] = []
  const details = {
    type: 'Warning',
    reason: 'ReleaseUnproven',
    action: 'ReleasePartner',
    note: 'ü'.repeat(900),
  } as const

  test('about either scope is taken, cut to length, and becomes a series', async () => {
    const events = new EventRecorder({
      client,
      controller: 'example.dev/operator',
      instance: 'operator-0',
      report: ({ error }) => void problems.push(error),
    })
    const namespace = await client.get(signal, namespaces, { name: 'default' })
    const made = { metadata: { namespace: 'default', name: 'tina' } }
    const account = await client.create(signal, accounts, made)
    for (const regarding of [namespace, account]) {
      for (let times = 0; times < 3; times++) {
        events.record(regarding, details)
        await events.flush(signal)
      }
    }
    expect(problems).toEqual([])
    const { items } = await client.list(signal, eventsResource, { namespace: 'default' })
    const ours = items.filter(({ note }) => note?.startsWith('üü'))
    expect(ours.map(({ series }) => series?.count)).toEqual([3, 3])
    const { stdout } = await plane.run(signal, ['describe', 'serviceaccount', 'tina'])
    expect(stdout).toMatch(/Warning\s+ReleaseUnproven.*\(x3 over/)
  })

  test('that the server has forgotten begins anew', async () => {
    const events = new EventRecorder({
      client,
      controller: 'example.dev/operator',
      instance: 'operator-0',
      report: ({ error }) => void problems.push(error),
    })
    const made = { metadata: { namespace: 'default', name: 'tom' } }
    const account = await client.create(signal, accounts, made)
    const once = async () => {
      events.record(account, { ...details, note: 'again' })
      await events.flush(signal)
    }
    await once()
    await plane.run(signal, ['delete', 'events', '--all', '-n', 'default'])
    await once()
    const { items } = await client.list(signal, eventsResource, { namespace: 'default' })
    expect(items.filter(({ note }) => note === 'again')).toHaveLength(1)
    expect(problems).toEqual([])
  })
})
