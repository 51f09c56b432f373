import { describe, expect, test } from 'vitest'
import { StreamError } from './errors.ts'
import { Problems, type Problem } from './reflector-problems.ts'

function problems(repeatAfterMs = 600_000) {
  const told: Problem[] = []
  const counted: string[] = []
  const clock = { now: 0 }
  const subject = new Problems('things', {
    report: (problem) => told.push(problem),
    onProblem: (during) => counted.push(during),
    now: () => clock.now,
    repeatAfterMs,
  })
  return { subject, told, counted, clock }
}

describe('a problem', () => {
  test('is told once, counted each time, and told again after ten minutes with its number', () => {
    const { subject, told, counted, clock } = problems()
    for (let i = 0; i < 5; i++)
      subject.tell('watch', new StreamError('malformed', 'broken', 'ns/a'))
    expect(told).toMatchObject([
      { resource: 'things', object: 'ns/a', message: 'broken', times: 1 },
    ])
    expect(counted).toHaveLength(5)
    clock.now = 600_000
    subject.tell('watch', new StreamError('malformed', 'broken', 'ns/a'))
    expect(told[1]).toMatchObject({ times: 5 })
  })

  test('of another object, or of another kind, is another one', () => {
    const { subject, told } = problems()
    subject.tell('watch', new StreamError('malformed', 'x', 'ns/a'))
    subject.tell('watch', new StreamError('malformed', 'x', 'ns/b'))
    subject.tell('watch', new StreamError('idle', 'x'))
    subject.tell('watch', Object.assign(new Error('x'), { code: 'ECONNRESET' }))
    subject.tell('watch', Object.assign(new Error('other text'), { code: 'ECONNRESET' }))
    expect(told).toHaveLength(4)
  })

  test('of each of 100,000 objects does not fill the memory', () => {
    const { subject, counted } = problems()
    for (let i = 0; i < 100_000; i++) subject.tell('object', new Error('x'), `ns/${i}`)
    expect(counted).toHaveLength(100_000)
    expect(subject.remembered).toBeLessThanOrEqual(1_000)
  })
})
