import { describe, expect, test } from 'vitest'
import { apiErrorOf, isAlreadyExists, isConflict, isGone, isNotFound } from './errors.ts'

const call = { status: 409, method: 'POST', path: '/api/v1/namespaces' }

describe('an error of the API server', () => {
  test('tells method, path and the words of the server', () => {
    const error = apiErrorOf({ kind: 'Status', reason: 'Conflict', message: 'was modified' }, call)
    expect(error.message).toBe('POST /api/v1/namespaces: 409 Conflict: was modified')
    expect(isConflict(error)).toBe(true)
  })

  test('is no conflict when the object is there already', () => {
    const error = apiErrorOf({ reason: 'AlreadyExists', message: 'x' }, call)
    expect([isAlreadyExists(error), isConflict(error)]).toEqual([true, false])
  })

  test('inside of a stream takes its status and its wait from the body', () => {
    const body = { code: 410, reason: 'Expired', details: { retryAfterSeconds: 3 } }
    const error = apiErrorOf(body, { ...call, status: 0 })
    expect(isGone(error)).toBe(true)
    expect(error.retryAfterMs).toBe(3_000)
  })

  test.each(['<html>Bad Gateway</html>', null, 7, []])('can be read from %j', (body) => {
    expect(apiErrorOf(body, { ...call, status: 502 }).reason).toBe('Unknown')
  })

  test('is told apart from errors of others', () => {
    expect(isNotFound(Object.assign(new Error('x'), { status: 404 }))).toBe(false)
    expect(isNotFound(undefined)).toBe(false)
  })
})
