// Why a partner cannot be linked to a customer now. Asked by the link of a customer that has a grant,
// and by the CustomerLink that would create a customer of the partner.

import type { Verdict } from '../api/reasons.ts'
import type { Partner } from './organization.ts'

export function partnerObjection(partner: Partner | undefined, name: string): Verdict | undefined {
  if (!partner || partner.deleting)
    return {
      reason: 'PartnerNotFound',
      message: `There is no partner ${name}. Create it, or correct spec.partnerRef.name of the grant.`,
    }
  if (partner.suspended)
    return {
      reason: 'Suspended',
      message: `Partner ${name} is suspended. It is linked when the platform lifts that.`,
    }
  if (!partner.accredited)
    return {
      reason: 'NotAccredited',
      message: `Partner ${name} is not accredited. It is linked when the platform sets spec.accredited.`,
    }
  if (!partner.signInReady)
    return {
      reason: 'SignInMissing',
      message: `Partner ${name} has no identity provider. It is linked when it has one.`,
    }
  return undefined
}
