// What is asked, what is remembered, and what is forgotten.
import { describe, expect, test } from 'vitest'
import { AccessReviews, type AccessReviewsOptions } from './access-reviews.ts'
import type { Client } from './client.ts'

const { signal } = new AbortController()
const attributes = { verb: 'get', version: 'v1', resource: 'pods' }

/** An API server that knows only who is in. */
function reviewsOf(inside: Set<string>, options: Partial<AccessReviewsOptions> = {}) {
  const asked: string[] = []
  const client: Pick<Client, 'create'> = {
    create: async (_signal, _resource, body) => {
      const { spec } = JSON.parse(JSON.stringify(body))
      asked.push(spec.user)
      const answer = { status: { allowed: inside.has(spec.user) } }
      return JSON.parse(JSON.stringify(answer))
    },
  }
  return { asked, reviews: new AccessReviews(client, { attributes, ...options }) }
}

const out = (person: string) => ({ person, expected: false })
const enters = (person: string) => ({ person, expected: true })

describe('a review of who may enter', () => {
  test('asks once, and not again while the answer is the expected one (QUIET)', async () => {
    const { asked, reviews } = reviewsOf(new Set(['tina']))
    const questions = [enters('tina'), out('tom')]
    expect(await reviews.ask(signal, 'a', questions)).toMatchObject({ open: [], misses: 0 })
    expect(await reviews.ask(signal, 'a', questions)).toMatchObject({ open: [] })
    expect(asked).toEqual(['tina', 'tom'])
  })

  test('asks again, ever more slowly, while an answer is not the expected one (PROVEN)', async () => {
    const inside = new Set(['tom'])
    const { asked, reviews } = reviewsOf(inside, { firstWaitMs: 20, longestWaitMs: 100 })
    const waits: number[] = []
    for (let times = 0; times < 4; times += 1) {
      const { open, askAgainMs } = await reviews.ask(signal, 'a', [out('tom')])
      expect(open).toEqual([out('tom')])
      waits.push(askAgainMs)
    }
    expect(waits).toEqual([40, 80, 100, 100])
    inside.delete('tom')
    expect(await reviews.ask(signal, 'a', [out('tom')])).toMatchObject({ open: [], misses: 0 })
    expect(asked).toHaveLength(5)
  })

  test('asks anew when what is expected of a person has turned', async () => {
    const { asked, reviews } = reviewsOf(new Set(['tina']))
    await reviews.ask(signal, 'a', [enters('tina')])
    expect((await reviews.ask(signal, 'a', [out('tina')])).open).toEqual([out('tina')])
    expect(asked).toHaveLength(2)
  })

  test('trusts no answer from before a binding changed, and none of another namespace', async () => {
    const { asked, reviews } = reviewsOf(new Set())
    await reviews.ask(signal, 'a', [out('tom')])
    await reviews.ask(signal, 'b', [out('tom')])
    reviews.forget('a')
    await reviews.ask(signal, 'a', [out('tom')])
    await reviews.ask(signal, 'b', [out('tom')])
    expect(asked).toHaveLength(3)
  })
})
