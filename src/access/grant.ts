// A partner's grant as the core reads it, and how its access stands as a whole.
// Managed access is Continuous whatever else is written: the customer does not edit it.

import { annotations } from '../api/names.ts'
import type { Verdict } from '../api/reasons.ts'
import type { EpochMs } from '../api/time.ts'
import { always, phaseOf, windowOf, type Window, type WindowText } from './window.ts'

export const maxTechnicians = 500

export type Scope = 'Full' | 'ReadOnly' | 'Impersonate'

export type TechnicianEntry = WindowText & {
  readonly name: string
  readonly scope: Scope
  /** Of scope Impersonate: whom, and why. */
  readonly actsAs?: readonly string[]
  readonly reason?: string
}

export type Grant = {
  readonly object?: { readonly uid: string; readonly generation?: number }
  readonly partner: string
  readonly relationship: 'Managed' | 'Invited'
  readonly mode: 'Continuous' | 'Period' | 'Disabled'
  readonly window: WindowText
  readonly maxScope: 'Full' | 'ReadOnly'
  readonly allowImpersonation?: boolean
  readonly technicians: readonly TechnicianEntry[]
  /** Deleted, and held by the finalizer: it gives nothing any more. */
  readonly deleting: boolean
  /** Changed while the policy was missing that lets only the right people change it. */
  readonly unguarded?: boolean
}

export type GrantAccess = 'None' | 'Scheduled' | 'Active' | 'Disabled' | 'Expired'

/** The window of the grant itself; `undefined` when nobody can read it. */
export function grantWindow(grant: Grant): Window | undefined {
  if (grant.relationship === 'Managed' || grant.mode !== 'Period') return always
  if (grant.window.notBefore === undefined || grant.window.notAfter === undefined) return undefined
  return windowOf(grant.window)
}

/** What the grant says now, as `kubectl get corg` shows it. */
export function grantAccess(grant: Grant, now: EpochMs): GrantAccess {
  if (grant.deleting || grant.technicians.length === 0) return 'None'
  if (isDisabled(grant)) return 'Disabled'
  const window = grantWindow(grant)
  if (!window) return 'None'
  switch (phaseOf(window, now)) {
    case 'Before':
      return 'Scheduled'
    case 'During':
      return 'Active'
    case 'After':
      return 'Expired'
  }
}

export function isDisabled(grant: Grant): boolean {
  return grant.mode === 'Disabled' && grant.relationship !== 'Managed'
}

export function unguardedGrant(customer: string): Verdict {
  return {
    reason: 'PolicyMissing',
    message: `The grant of ${customer} was changed while the policy tenantry-grants was missing, so nobody can tell by what right, and it gives nothing. The platform applies the chart again; then delete the grant and write it anew, or, having looked at it, annotate customer ${customer} with ${annotations.confirmGrant}=<metadata.generation of the grant>.`,
  }
}
