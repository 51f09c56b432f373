import { describe, expect, test } from 'vitest'
import { collectionPath, namespaceOf, objectPath, refOf, withQuery } from './client-paths.ts'

const core = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true }
const roles = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
}

describe('the path of', () => {
  test('a collection tells group and namespace', () => {
    expect(collectionPath(core)).toBe('/api/v1/secrets')
    expect(collectionPath(core, 'a')).toBe('/api/v1/namespaces/a/secrets')
    expect(collectionPath(roles, 'a')).toBe('/apis/rbac.authorization.k8s.io/v1/clusterroles')
  })

  test('an object keeps the case of its name and escapes what is special', () => {
    expect(objectPath(roles, { name: 'Acme:Admin/x' })).toBe(
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/Acme%3AAdmin%2Fx',
    )
    expect(objectPath(core, { namespace: 'a', name: 'b' }, 'status')).toBe(
      '/api/v1/namespaces/a/secrets/b/status',
    )
  })

  test('an object of a namespace without one is a mistake, not an object elsewhere', () => {
    expect(() => objectPath(core, { name: 'b' })).toThrow('Secret b lies in a namespace')
  })

  test('a request leaves out what was not said', () => {
    expect(withQuery('/x', { a: undefined })).toBe('/x')
    expect(withQuery('/x', { a: 'b,c=d', e: 0, f: false })).toBe('/x?a=b%2Cc%3Dd&e=0&f=false')
  })

  test('what an object says of itself', () => {
    expect(refOf({ metadata: { name: 'a', namespace: 'b' } })).toEqual({
      name: 'a',
      namespace: 'b',
    })
    expect(namespaceOf({ metadata: { generateName: 'a-', namespace: 'b' } })).toBe('b')
    expect(() => refOf({ metadata: {} })).toThrow(RangeError)
  })
})
