// What becomes of a delivery: timers and chance are the test's own.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { TenantryError } from '../api/errors.ts'
import type { Mail } from './mail.ts'
import { Notifier, type Attempt, type Delivery } from './notifier.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const started = Date.parse('2026-12-01T12:00:00Z')

type Answer = 'taken' | 'away' | 'refused' | 'silent'

function start(answers: Answer[]) {
  vi.setSystemTime(started)
  const sent: Mail[] = []
  const attempts: Attempt[] = []
  const settled: string[] = []
  const notifier = new Notifier({
    senders: {
      webhooks: new Map(),
      mail: async (signal, mail) => {
        sent.push(mail)
        const answer = answers.length > 1 ? answers.shift() : answers[0]
        if (answer === 'silent') {
          await new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason), { once: true })
          })
        }
        if (answer === 'away') throw new TenantryError('MAIL_SERVER_UNREACHABLE', 'ECONNREFUSED')
        if (answer === 'refused') throw new TenantryError('MAIL_REFUSED', '550 No such mailbox')
      },
    },
    giveUpMs: 3_600_000,
    onSettled: (customer) => settled.push(customer),
    report: (attempt) => attempts.push(attempt),
    random: () => 1,
  })
  return { notifier, sent, attempts, settled, results: () => attempts.map(({ result }) => result) }
}

function delivery(key: string, change: { due?: number; address?: string } = {}): Delivery {
  const { due = started, address = 'boss@acme.example' } = change
  const mail = { address, name: undefined, messageID: `<${key}@x>`, subject: 's', text: 't' }
  return { key, since: started, due, by: 'mail', mail }
}

describe('a notifier', () => {
  test('sends what is offered once, however often it is offered', async () => {
    const { notifier, sent, settled } = start(['taken'])
    for (let times = 0; times < 3; times++) {
      notifier.offer('acme', [delivery('a')])
      await vi.runAllTimersAsync()
    }
    expect(sent).toHaveLength(1)
    expect(settled).toEqual(['acme'])
    expect(notifier.settled('acme')).toMatchObject([{ key: 'a', failure: undefined }])
    notifier.offer('acme', [])
    expect(notifier.settled('acme')).toEqual([])
  })

  test('tries again after an eighth of its age, and gives up at the end of its time', async () => {
    const { notifier, sent, results } = start(['away'])
    notifier.offer('acme', [delivery('a')])
    await vi.advanceTimersByTimeAsync(7_500)
    expect(sent).toHaveLength(8) // a second apart
    await vi.advanceTimersByTimeAsync(52_500)
    const afterAMinute = sent.length
    await vi.advanceTimersByTimeAsync(8_000)
    expect(sent).toHaveLength(afterAMinute + 1)
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(sent.length).toBeLessThan(70)
    expect(results().at(-1)).toBe('failed')
    expect(notifier.settled('acme')).toMatchObject([
      { failure: expect.stringContaining('ECONNREFUSED'), address: 'boss@acme.example' },
    ])
    const tries = sent.length
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(sent).toHaveLength(tries)
  })

  test('gives up at once what is refused for good', async () => {
    const { notifier, sent, results } = start(['refused'])
    notifier.offer('acme', [delivery('a')])
    await vi.runAllTimersAsync()
    expect([sent.length, results()]).toEqual([1, ['failed']])
  })

  test('tries a corrected address at once, not after the delay of the wrong one', async () => {
    const { notifier, sent } = start(['away', 'taken'])
    notifier.offer('acme', [delivery('a')])
    await vi.advanceTimersByTimeAsync(0)
    notifier.offer('acme', [delivery('a', { address: 'new@acme.example' })])
    await vi.advanceTimersByTimeAsync(0)
    expect(sent.map(({ address }) => address)).toEqual(['boss@acme.example', 'new@acme.example'])
  })

  test('keeps what is not due yet, and forgets it when it is not offered any more', async () => {
    const { notifier, sent } = start(['taken'])
    notifier.offer('acme', [delivery('a', { due: started + 30_000 })])
    await vi.advanceTimersByTimeAsync(29_000)
    expect(sent).toEqual([])
    notifier.offer('acme', [])
    await vi.runAllTimersAsync()
    expect(sent).toEqual([])
  })

  test('sends four at once, and the others as these end', async () => {
    const { notifier, sent } = start(['silent', 'silent', 'silent', 'silent', 'taken'])
    notifier.offer(
      'acme',
      ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => delivery(key)),
    )
    await vi.advanceTimersByTimeAsync(0)
    expect(sent).toHaveLength(4)
    notifier.drop()
    await vi.advanceTimersByTimeAsync(0)
    notifier.offer('acme', [delivery('e'), delivery('f')])
    await vi.advanceTimersByTimeAsync(0)
    expect(sent).toHaveLength(6)
  })

  test('ends with its customer: what fails then is not tried again', async () => {
    const { notifier, sent, attempts } = start(['away'])
    notifier.offer('acme', [delivery('a')])
    notifier.forget('acme')
    await vi.runAllTimersAsync()
    expect([sent.length, attempts, vi.getTimerCount()]).toEqual([1, [], 0])
  })

  test('cuts everything off when the lease is lost, and reports nothing of it', async () => {
    const { notifier, attempts, settled } = start(['silent'])
    notifier.offer('acme', [delivery('a')])
    notifier.offer('gamma', [delivery('b', { due: started + 1_000 })])
    await vi.advanceTimersByTimeAsync(0)
    notifier.drop()
    await vi.runAllTimersAsync()
    expect([attempts, settled, vi.getTimerCount()]).toEqual([[], [], 0])
  })
})
