// In which scope a command works, from the context alone.
import { describe, expect, test } from 'vitest'
import { customerIn, sayScope, scopeOf } from './scope.ts'

const nothing = { namespace: undefined, mark: undefined, organization: undefined }
const marked = (scope: 'all' | 'customer') =>
  ({ organization: 'partner/nordic', base: 'prod', scope }) as const

describe('the scope', () => {
  test.each([
    ['the platform, when nothing is said', nothing, 'the whole platform'],
    [
      "all of a partner's customers, in its namespace",
      { ...nothing, namespace: 'partner-nordic' },
      'all customers of partner/nordic, read-only',
    ],
    ['one customer, in its namespace', { ...nothing, namespace: 'customer-acme' }, 'customer acme'],
    [
      'one customer, as `use` has marked it',
      { ...nothing, namespace: 'customer-acme', mark: marked('customer') },
      'customer acme, seen from partner/nordic',
    ],
    [
      'all of a customer, although the namespace is its own',
      {
        namespace: 'customer-acme',
        mark: { organization: 'customer/acme', base: 'prod', scope: 'all' as const },
        organization: undefined,
      },
      'all customers of customer/acme, read-only',
    ],
    [
      'the organization that was named',
      { ...nothing, organization: 'partner/nordic' },
      'all customers of partner/nordic, read-only',
    ],
  ])('is %s', (_, context, said) => {
    expect(sayScope(scopeOf(context))).toBe(said)
  })

  test('without a customer changes nothing', () => {
    const scope = scopeOf({ ...nothing, namespace: 'partner-nordic', mark: marked('all') })
    expect(() => customerIn(scope, undefined)).toThrow('kubectl tenantry use <customer>')
    expect(customerIn(scope, 'acme')).toBe('acme')
  })

  test.each(['Acme', '../secrets', '-acme', 'a'.repeat(55)])(
    'never is %s: that is no name of a customer',
    (name) => {
      expect(() => customerIn(scopeOf(nothing), name)).toThrow('no name of a customer')
    },
  )

  test('refuses an organization that it cannot read', () => {
    expect(() => scopeOf({ ...nothing, organization: 'nordic' })).toThrow('partner/<name>')
  })
})
