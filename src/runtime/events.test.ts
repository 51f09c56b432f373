// What people see in `kubectl describe`, and what it costs. That a real server takes these objects
// is tested in test/api.
import { describe, expect, test } from 'vitest'
import { makeFakeClient, refusal } from '../../test/support/fake-client.ts'
import { EventRecorder, type EventDetails, type EventOptions } from './events.ts'
import type { KubeObject } from './object.ts'

const { signal } = new AbortController()
const customer: KubeObject = {
  apiVersion: 'example.dev/v1',
  kind: 'Customer',
  metadata: { name: 'northwind', uid: 'u1', resourceVersion: '7' },
}
const member: KubeObject = {
  apiVersion: 'example.dev/v1',
  kind: 'Member',
  metadata: { name: 'tina', namespace: 'shop', uid: 'u2', resourceVersion: '8' },
}
const linked: EventDetails = {
  type: 'Normal',
  reason: 'Linked',
  action: 'LinkPartner',
  note: 'Partner fabrikam is linked.',
}

function start(options: Partial<EventOptions> = {}) {
  const client = makeFakeClient()
  const clock = { now: Date.UTC(2026, 10, 25) }
  const problems: string[] = []
  const events = new EventRecorder({
    client,
    controller: 'example.dev/operator',
    instance: 'operator-0',
    now: () => clock.now,
    report: ({ message }) => void problems.push(message),
    ...options,
  })
  return { client, clock, problems, events, written: () => [...client.objects.values()] }
}

describe('an event', () => {
  test('says who, what and about which object', async () => {
    const { events, written } = start()
    events.record(member, linked)
    await events.flush(signal)
    expect(written()).toMatchObject([
      {
        metadata: { namespace: 'shop', name: expect.stringMatching(/^tina\.[0-9a-f]{16}$/) },
        eventTime: '2026-11-25T00:00:00.000000Z',
        reportingController: 'example.dev/operator',
        reportingInstance: 'operator-0',
        ...linked,
        regarding: { kind: 'Member', namespace: 'shop', name: 'tina', uid: 'u2' },
      },
    ])
    expect(written()[0]).not.toHaveProperty('series')
  })

  test('about what has no namespace goes where everybody looks', async () => {
    const { events, written } = start()
    events.record(customer, linked)
    await events.flush(signal)
    expect(written()[0]?.metadata.namespace).toBe('default')
    expect(written()[0]?.['regarding']).not.toHaveProperty('namespace')
  })

  test('about a name that no event may have gets one that it may', async () => {
    const { events, written } = start()
    const role = { ...customer, metadata: { name: 'Tenantry:acme_Admin:', uid: 'u3' } }
    events.record(role, linked)
    events.record({ ...customer, metadata: { name: ':', uid: 'u4' } }, linked)
    await events.flush(signal)
    const [first, second] = written().map(({ metadata }) => metadata.name)
    expect(first).toMatch(/^tenantry-acme-admin\.[0-9a-f]{16}$/)
    expect(second).toMatch(/^event\.[0-9a-f]{16}$/)
  })

  test('with a long note is cut at 1,024 bytes, never inside a character', async () => {
    const { events, written } = start()
    events.record(customer, { ...linked, note: 'ä€😀'.repeat(300) })
    await events.flush(signal)
    const note = String(written()[0]?.['note'])
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024)
    expect(Buffer.byteLength(note)).toBeGreaterThan(1_015)
    expect(note).toMatch(/^(?:ä€😀)+(?:ä€?)?…$/u)
  })
})

describe('the same event again', () => {
  test('within six minutes counts up, in one object', async () => {
    const { clock, events, written } = start()
    for (let times = 0; times < 3; times++) {
      events.record(customer, linked)
      await events.flush(signal)
      clock.now += 300_000
    }
    expect(written()).toHaveLength(1)
    expect(written()[0]?.['series']).toEqual({
      count: 3,
      lastObservedTime: '2026-11-25T00:10:00.000000Z',
    })
  })

  test('of something else is one of its own', async () => {
    const { events, written } = start()
    for (const of of ['1', '2']) events.record(customer, { ...linked, of })
    await events.flush(signal)
    expect(written()).toHaveLength(2)
    expect(written()[0]).not.toHaveProperty('of')
  })

  test('a thousand times at once costs two requests', async () => {
    const { client, events, written } = start()
    for (let times = 0; times < 1_000; times++) events.record(customer, linked)
    await events.flush(signal)
    expect(client.requests).toHaveLength(2)
    expect(written()[0]?.['series']).toMatchObject({ count: 1_000 })
  })

  test('after six quiet minutes is a new one', async () => {
    const { clock, events, written } = start()
    events.record(customer, linked)
    await events.flush(signal)
    clock.now += 360_000
    events.record(customer, linked)
    await events.flush(signal)
    expect(written()).toHaveLength(2)
  })

  test('whose object the server no longer has begins anew', async () => {
    const { client, events, written } = start()
    events.record(customer, linked)
    events.record(customer, linked)
    await events.flush(signal)
    client.objects.clear()
    events.record(customer, linked)
    await events.flush(signal)
    expect(written()).toHaveLength(1)
    expect(written()[0]).not.toHaveProperty('series')
    events.record(customer, linked)
    await events.flush(signal)
    expect(written()[0]?.['series']).toMatchObject({ count: 2 })
  })

  test.each([
    ['another object', member, linked],
    ['another reason', customer, { ...linked, reason: 'Vacant' }],
    ['another type', customer, { ...linked, type: 'Warning' as const }],
    ['another action', customer, { ...linked, action: 'Release' }],
  ])('with %s is another', async (_, regarding, details) => {
    const { events, written } = start()
    events.record(customer, linked)
    events.record(regarding, details)
    await events.flush(signal)
    expect(written()).toHaveLength(2)
  })
})

describe('an event that cannot be written', () => {
  test('is reported, and the next one tries again', async () => {
    const { client, problems, events, written } = start()
    client.fail = { error: refusal(403, 'Forbidden') }
    events.record(customer, linked)
    await events.flush(signal)
    expect(problems).toEqual(['an event could not be written'])
    events.record(customer, linked)
    await events.flush(signal)
    expect(written()[0]?.['series']).toMatchObject({ count: 2 })
  })

  test('harms nobody even when the report throws', async () => {
    const { client, events } = start({
      report: () => {
        throw new Error('no')
      },
    })
    client.fail = { error: refusal(500, 'InternalError') }
    events.record(customer, linked)
    await events.flush(signal)
  })

  test('because too many are being written is dropped', async () => {
    const { problems, events, written } = start({ limit: 1 })
    events.record(customer, linked)
    events.record(member, linked)
    await events.flush(signal)
    expect([problems, written().length]).toEqual([['an event was dropped: 1 are being written'], 1])
  })

  test('in time is given up when the flush is', async () => {
    const { client, problems, events } = start()
    client.create = (callSignal) =>
      new Promise((_, reject) => {
        callSignal.addEventListener('abort', () => reject(callSignal.reason))
      })
    events.record(customer, linked)
    await events.flush(AbortSignal.timeout(10))
    expect(problems).toEqual(['an event could not be written'])
  })
})

describe('a thousand different events', () => {
  test('are forgotten after their six minutes', async () => {
    const { client, clock, events } = start({ limit: 10_000 })
    const details = (n: number): EventDetails => ({ ...linked, reason: `Reason${n}` })
    for (let n = 0; n < 1_000; n++) events.record(customer, details(n))
    await events.flush(signal)
    clock.now += 200_000
    events.record(customer, details(0))
    clock.now += 200_000
    events.record(customer, details(0)) // seen lately: goes on
    events.record(customer, details(1)) // too old: begins anew
    await events.flush(signal)
    expect(client.requests.filter((each) => each.startsWith('create'))).toHaveLength(1_001)
  })
})
