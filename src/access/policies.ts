// The chart's admission policies, and when one is in force. Asked by the operator of its caches, and by the command line of the
// API server: both must come to the same answer, since what was written without a policy gives nothing.
// Its rules are not compared: whoever may change those is the platform, and may do anything.

import type { Policy, PolicyBinding } from '../api/resources.ts'

export const policyNames = [
  'tenantry-created-by',
  'tenantry-customers',
  'tenantry-devices',
  'tenantry-grants',
  'tenantry-members',
  'tenantry-namespaces',
  'tenantry-rolebindings',
  'tenantry-window-ends',
  'tenantry-workloads',
] as const

/** It is there, and something binds it to deny. */
export function policyIsInForce(
  policy: Policy | undefined,
  bindings: readonly PolicyBinding[],
): boolean {
  if (!policy || policy.metadata.deletionTimestamp) return false
  return bindings.some(
    ({ spec }) =>
      spec?.policyName === policy.metadata.name && spec.validationActions?.includes('Deny'),
  )
}
