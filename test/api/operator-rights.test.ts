// What the operator itself may do, asked of the API server: a list of everything as a snapshot, and what must never be in it.
// That it needs each of these rights is shown at the end of `npm test`, over all tests (tools/rights.ts).
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { operatorUser } from '../../tools/local/platform.ts'
import { rulesOfOperator } from '../../tools/rights.ts'
import { customer } from '../support/manifests.ts'
import { startWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ postgres: false })
  await world.apply(customer('acme', { database: { enabled: false } }))
  await world.until('the customer is ready', async () => {
    return (await world.condition({ kind: 'corg', name: 'acme' }, 'Ready')) === 'True/Ready'
  })
})
afterAll(() => world?.[Symbol.asyncDispose]())

test.each(['customer-acme', 'tenantry-system'])(
  'what it may do in %s is what was reviewed',
  async (namespace) => {
    const { stdout } = await world.kubectl(
      'auth',
      'can-i',
      '--list',
      '--no-headers',
      '-n',
      namespace,
      '--as',
      operatorUser,
    )
    const lines = stdout
      .split('\n')
      .map((line) => withSortedVerbs(line.trimEnd().replaceAll(/ {2,}/g, '  ')))
      .filter((line) => /^\S/.test(line)) // without the paths that everybody may read
      .toSorted()
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
      `snapshots/operator-rights-${namespace}.txt`,
    )
  },
)

describe('the operator may not', () => {
  test.each([
    ['read a Secret of the platform', 'get', 'secrets', 'tenantry-system'],
    ['list the Secrets of a customer', 'list', 'secrets', 'customer-acme'],
    ['read a Secret of somebody else', 'get', 'secrets', 'kube-system'],
    ['raise its own rights', 'escalate', 'clusterroles.rbac.authorization.k8s.io', 'default'],
    ['hand out whatever role', 'bind', 'clusterroles.rbac.authorization.k8s.io', 'default'],
    ['act as somebody', 'impersonate', 'users', 'customer-acme'],
    ['act as a group', 'impersonate', 'groups', 'customer-acme'],
    ['make a pod', 'create', 'pods', 'customer-acme'],
    ['run something in a pod', 'create', 'pods/exec', 'customer-acme'],
    ['read logs', 'get', 'pods/log', 'customer-acme'],
    ['get a token', 'create', 'serviceaccounts/token', 'tenantry-system'],
    ['change a policy', 'patch', 'validatingadmissionpolicies.admissionregistration.k8s.io', ''],
    ['change a CRD', 'patch', 'customresourcedefinitions.apiextensions.k8s.io', ''],
    ['delete a customer', 'delete', 'customerorganizations.tenantry.dev', ''],
    ['delete a partner', 'delete', 'partnerorganizations.tenantry.dev', ''],
    ['change itself', 'patch', 'deployments.apps', 'tenantry-system'],
  ])('%s', async (_, verb, resource, namespace) => {
    expect(await world.can(operatorUser, verb, resource, namespace)).toBe(false)
  })
})

test('its roles have no wildcard, and `bind` names each role', () => {
  const rules = rulesOfOperator()
  expect(rules.length).toBeGreaterThan(10)
  for (const rule of rules) {
    expect([...rule.verbs, ...rule.resources, ...rule.apiGroups]).not.toContain('*')
    if (rule.verbs.includes('bind')) expect(rule).toHaveProperty('resourceNames')
  }
})

/** The server adds up roles in any order. */
function withSortedVerbs(line: string): string {
  return line.replace(
    /\[([^\]]*)\]$/,
    (_, verbs: string) => `[${verbs.split(' ').toSorted().join(' ')}]`,
  )
}
