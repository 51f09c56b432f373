// What an outbox holds from one look to the next.
import { describe, expect, test } from 'vitest'
import { deliveryKey, type News, type Notice, type Outbox } from './notice.ts'
import { nextOutbox, type Outcome, type Reach } from './outbox.ts'

const now = Date.parse('2026-12-01T12:00:00Z')
const reach: Reach = {
  mail: true,
  contact: 'boss@acme.example',
  platform: undefined,
  partner: (name) => (name === 'fabrikam' ? 'ada@fabrikam.example' : undefined),
  webhooks: ['crm'],
}
const opened: News = { kind: 'PortalActivated', message: 'Open.', for: ['Contact', 'Webhooks'] }

type Turn = {
  readonly news?: readonly News[]
  readonly outcomes?: readonly Outcome[]
  readonly obsolete?: readonly string[]
  readonly reach?: Reach
  readonly later?: number
}

function turn(before: Outbox | undefined, with_: Turn = {}): Outbox {
  const { later = 0, ...rest } = with_
  const quiet = { told: {}, news: [], outcomes: [], obsolete: [], reach, now: now + later }
  return nextOutbox(before, { ...quiet, ...rest })
}

function firstOf(outbox: Outbox): Notice {
  const [notice] = outbox.pending ?? []
  if (!notice) throw new Error('nothing is pending')
  return notice
}

const arrived = (notice: Notice, to: string): Outcome => ({
  key: deliveryKey(notice, to),
  failure: undefined,
})

describe('an outbox', () => {
  test('keeps a notice until each receiver has it, and says nothing of it then', () => {
    const sent = turn(undefined, { news: [opened] })
    expect(sent.pending).toEqual([
      {
        id: 'PortalActivated-1',
        kind: 'PortalActivated',
        since: '2026-12-01T12:00:00Z',
        message: 'Open.',
        to: ['Contact', 'Webhook/crm'],
      },
    ])
    const half = turn(sent, { outcomes: [arrived(firstOf(sent), 'Contact')] })
    expect(firstOf(half).to).toEqual(['Webhook/crm'])
    const whole = turn(half, { outcomes: [arrived(firstOf(half), 'Webhook/crm')] })
    expect(whole).toEqual({ count: 1, told: {} })
  })

  test('does not change while nothing happens (QUIET)', () => {
    const sent = turn(undefined, { news: [opened] })
    expect(turn(sent, { later: 60_000 })).toEqual(sent)
  })

  test('numbers notices over all times, so that no two look the same', () => {
    const first = turn(undefined, { news: [opened] })
    const done = turn(first, {
      outcomes: firstOf(first).to.map((to) => arrived(firstOf(first), to)),
    })
    expect(firstOf(turn(done, { news: [opened] })).id).toBe('PortalActivated-2')
  })

  test('does not take what became of an earlier customer for its own', () => {
    const old = turn(undefined, { news: [opened] })
    const anew = turn(undefined, { news: [opened], later: 60_000 })
    expect(turn(anew, { outcomes: [arrived(firstOf(old), 'Contact')], later: 60_000 })).toEqual(
      anew,
    )
  })

  test('keeps what failed with the reason, and tries it again at another address', () => {
    const sent = turn(undefined, { news: [{ ...opened, for: ['Contact'] }] })
    const failed = turn(sent, {
      outcomes: [
        {
          key: deliveryKey(firstOf(sent), 'Contact'),
          failure: 'No such mailbox.',
          address: 'boss@acme.example',
        },
      ],
    })
    expect(failed.pending).toBeUndefined()
    expect(failed.failed).toMatchObject([{ to: 'Contact', reason: 'No such mailbox.' }])
    expect(turn(failed)).toEqual(failed)
    const corrected = turn(failed, { reach: { ...reach, contact: 'new@acme.example' } })
    expect(corrected.failed).toBeUndefined()
    expect(firstOf(corrected)).toMatchObject({ id: 'PortalActivated-2', to: ['Contact'] })
  })

  test('forgets a failure once something else has reached the same receiver', () => {
    const failure = {
      id: 'AccessChanged-1',
      kind: 'AccessChanged',
      to: 'Webhook/crm',
      at: '2026-12-01T11:00:00Z',
      reason: 'away',
      message: 'Changed.',
    }
    const sent = turn({ count: 1, failed: [failure] }, { news: [{ ...opened, for: ['Webhooks'] }] })
    expect(sent.failed).toEqual([failure])
    const reached = turn(sent, { outcomes: [arrived(firstOf(sent), 'Webhook/crm')] })
    expect(reached.failed).toBeUndefined()
  })

  test('drops what is obsolete, and receivers that the configuration has no more', () => {
    const sent = turn(undefined, {
      news: [{ kind: 'RevocationHalfProven', message: 'Half.', for: ['Webhooks'] }, opened],
    })
    const after = turn(sent, {
      obsolete: ['RevocationHalfProven'],
      reach: { ...reach, webhooks: [] },
    })
    expect(after.pending).toMatchObject([{ id: 'PortalActivated-2', to: ['Contact'] }])
  })

  test('has nobody to tell without an address, unless the address is waited for', () => {
    const nobody = { ...reach, contact: undefined, webhooks: [] }
    expect(turn(undefined, { news: [opened], reach: nobody })).toEqual({ count: 0, told: {} })
    const awaited = turn(undefined, { news: [{ ...opened, awaited: true }], reach: nobody })
    expect(firstOf(awaited).to).toEqual(['Contact'])
  })

  test('is bounded: of too many the oldest are given up, and ten failures are remembered', () => {
    const many = turn(undefined, { news: Array.from({ length: 40 }, () => opened) })
    expect(many.pending).toHaveLength(20)
    expect(many.pending?.at(-1)?.id).toBe('PortalActivated-40')
    expect(many.failed).toHaveLength(10)
  })
})
