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
