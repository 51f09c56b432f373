// What is due, and whom it wakes.
import { expect, test, vi } from 'vitest'
import { recordAdditions } from '../../test/support/additions.ts'
import { makeDeadlines } from './queues.ts'

test('sessions end at every end that is known, although the run of their customer goes on (NO-LATE)', async () => {
  const { queues, added } = recordAdditions()
  const ends: number[] = []
  const deadlines = makeDeadlines(queues, () => ends.push(Date.now()))
  const first = Date.now() + 20
  for (const at of [first, first + 20, first + 40]) deadlines.sessions.set(String(at), at)
  await vi.waitFor(() => expect(ends).toHaveLength(3))
  for (const [at, asked] of ends.entries()) expect(asked).toBeGreaterThanOrEqual(first + at * 20)
  expect(added()).toMatchObject({ customers: [] })
})

test("a partner's one write goes before the thousands that it concerns are so much as enqueued", async () => {
  const order: string[] = []
  const { queues } = recordAdditions()
  const noting = (who: string) => ({ add: () => order.push(who), addAfter: () => order.push(who) })
  const deadlines = makeDeadlines(
    {
      ...queues,
      partners: { ...queues.partners, ...noting('partner') },
      customers: { ...queues.customers, ...noting('customer') },
    },
    () => {},
  )
  const end = Date.now() + 400
  for (let at = 0; at < 5_000; at += 1) deadlines.customers.set(`customer-${at}`, end)
  deadlines.partners.set('litware', end)
  await vi.waitFor(() => expect(order).toHaveLength(5_001), 3_000)
  expect(order[0]).toBe('partner')
})
