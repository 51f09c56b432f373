import { expect, test } from 'vitest'
import type { Request } from './audit.ts'
import { traceOf } from './traces.ts'

const request = (verb: string, resource: string, received: number, answered: number): Request => ({
  verb,
  resource,
  subresource: '',
  uri: '',
  name: 'one',
  namespace: 'customer-revoked',
  code: 200,
  received,
  answered,
})
const edit = { sent: 100, written: 110, lag: 50 }
const binding = (namespace: string) => ({ what: 'delete rolebindings', namespace })

test('a revocation is told by its DELETE, and by what the operator had in flight beside it', () => {
  const requests = [
    request('delete', 'rolebindings', 20, 30), // of the one before
    request('patch', 'customers', 90, 125),
    request('delete', 'rolebindings', 130, 150),
    request('create', 'subjectaccessreviews', 155, 158),
  ]
  expect(traceOf(edit, requests, binding('customer-revoked'))).toEqual({
    deleteReceived: 20,
    deleteAnswered: 40,
    denied: 50,
    meanwhile: [['patch customers', 35]],
  })
})

test('many accesses that end by one DELETE are told by it, also when nobody was let in after the moment', () => {
  const moment = { sent: 110, written: 110, lag: 0 }
  const ending = { ...request('delete', 'clusterroles', 112, 120), namespace: '' }
  const within = (withinMs: number) => ({ what: 'delete clusterroles', withinMs })
  expect(traceOf(moment, [ending], within(5))).toMatchObject({ deleteReceived: 2, denied: 0 })
  expect(traceOf(moment, [ending], within(1))).toBeUndefined()
})

test('a DELETE elsewhere ends nothing here', () => {
  const requests = [request('delete', 'rolebindings', 130, 150)]
  expect(traceOf(edit, requests, binding('customer-other'))).toBeUndefined()
})
