import { describe, expect, test } from 'vitest'
import { sleep, startDeadline, whileWaiting } from './sleep.ts'

const late = () => new Error('too late')

describe('a deadline', () => {
  test('passes with its own reason', async () => {
    using deadline = startDeadline(new AbortController().signal, 5, late)
    await sleep(new AbortController().signal, 20)
    expect(deadline.passed).toBe(true)
    expect(deadline.signal.reason).toEqual(late())
  })

  test('follows the signal that it was given, and has not passed then', () => {
    const parent = new AbortController()
    using deadline = startDeadline(parent.signal, 5, late)
    parent.abort(new Error('stop'))
    expect(deadline.signal.reason).toEqual(new Error('stop'))
    expect(deadline.passed).toBe(false)
  })

  test('has ended before it began when the signal had', () => {
    using deadline = startDeadline(AbortSignal.abort('gone'), 5, late)
    expect(deadline.signal.aborted).toBe(true)
  })

  test('that is renewed begins anew', async () => {
    using deadline = startDeadline(new AbortController().signal, 60, late)
    for (let i = 0; i < 4; i++) {
      await sleep(new AbortController().signal, 30)
      deadline.renew()
    }
    expect(deadline.passed).toBe(false)
  })

  test('that was taken down never passes', async () => {
    const deadline = startDeadline(new AbortController().signal, 5, late)
    deadline[Symbol.dispose]()
    await sleep(new AbortController().signal, 20)
    expect(deadline.signal.aborted).toBe(false)
  })
})

describe('waiting for what others wait for too', () => {
  test('ends with the signal; what is awaited goes on', async () => {
    const shared = Promise.withResolvers<string>()
    const life = new AbortController()
    const waiting = whileWaiting(life.signal, shared.promise)
    life.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    shared.resolve('there')
    await expect(whileWaiting(new AbortController().signal, shared.promise)).resolves.toBe('there')
  })

  test('fails as it fails', async () => {
    const failing = Promise.reject(new Error('broken'))
    await expect(whileWaiting(new AbortController().signal, failing)).rejects.toThrow('broken')
  })
})
