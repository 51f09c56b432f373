// Why a partner cannot be linked to a customer now. Asked by the link of a customer that has a grant, by the grant,
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

/** Nothing stands against it, and it is not done: mostly a hand-over that goes on. */
export function partnerNotLinked(partner: string, customer: string): Verdict {
  return {
    reason: 'PartnerNotLinked',
    // ISOLATED: who the other partner is stays unsaid, since both may read this
    message: `Partner ${partner} is not linked to ${customer}. Access starts once the customer's PartnerLinked is True; its message says what it waits for.`,
  }
}
