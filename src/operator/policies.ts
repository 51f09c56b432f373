// Which of the chart's admission policies are in force. While one is missing anybody may write what
// it guards; the core then takes nobody's word (access/facts.ts), and this says which one it is.
// Its rules are not compared: whoever may change those is the platform, and may do anything.

import type { Stores } from './stores.ts'

export const policyNames = [
  'tenantry-created-by',
  'tenantry-customers',
  'tenantry-devices',
  'tenantry-grants',
  'tenantry-members',
  'tenantry-namespaces',
  'tenantry-rolebindings',
  'tenantry-window-ends',
] as const

type PolicyStores = Pick<Stores, 'policies' | 'policyBindings'>

/** It is not there, or nothing binds it to deny. */
export function policyIsMissing({ policies, policyBindings }: PolicyStores, name: string): boolean {
  const policy = policies.get({ name })
  if (!policy || policy.metadata.deletionTimestamp) return true
  return !policyBindings
    .by('policy', name)
    .some(({ spec }) => spec?.validationActions?.includes('Deny'))
}

/** Tells how each stands now, and then whenever one comes or goes. */
export function watchPolicies(
  stores: PolicyStores,
  tell: (policy: string, isMissing: boolean) => void,
): void {
  const told = new Map<string, boolean>()
  const look = () => {
    for (const name of policyNames) {
      const isMissing = policyIsMissing(stores, name)
      if (told.get(name) === isMissing) continue
      told.set(name, isMissing)
      tell(name, isMissing)
    }
  }
  stores.policies.onChange(look)
  stores.policyBindings.onChange(look)
  look()
}
