// Which of the chart's admission policies are in force. While one is missing anybody may write what
// it guards; the core then takes nobody's word (access/facts.ts), and this says which one it is.

import { policyIsInForce, policyNames } from '../access/policies.ts'
import type { Stores } from './stores.ts'

type PolicyStores = Pick<Stores, 'policies' | 'policyBindings'>

export function policyIsMissing({ policies, policyBindings }: PolicyStores, name: string): boolean {
  return !policyIsInForce(policies.get({ name }), policyBindings.by('policy', name))
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
