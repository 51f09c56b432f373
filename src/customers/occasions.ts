// The occasions on which somebody is told something of a customer, in the order in which they are told.
// Pure. Each compares how things stand with how they stood at the last notice. ISOLATED: what a partner
// reads names no other partner.

import type { Verdict } from '../api/reasons.ts'
import type { News, Told } from '../notify/notice.ts'

export type Change = {
  readonly customer: string
  readonly was: Told
  readonly is: Told
  /** Why an invited partner is not linked yet. */
  readonly linkWaits: Verdict | undefined
  /** Why the database is not proven closed. */
  readonly unproven: Verdict | undefined
  /** Where the customer's people sign in. */
  readonly issuerURL: string | undefined
  /** How many members the partner that has gone has left. */
  readonly leftBehind: number
}

type Occasion = (change: Change) => News | undefined

const occasions: readonly Occasion[] = [
  portalActivated,
  partnerReleased,
  partnerInvited,
  partnerLinked,
  accessChanged,
  accessEnds,
  revocationHalfProven,
  signInChanged,
]

export function newsOf(change: Change): readonly News[] {
  return occasions.flatMap((occasion) => occasion(change) ?? [])
}

function portalActivated({ customer, was, is }: Change): News | undefined {
  if (is.portal !== 'On' || was.portal === 'On') return undefined
  return {
    kind: 'PortalActivated',
    message: `The portal of ${customer} is open: its people can sign in.`,
    for: ['Contact', 'Webhooks'],
    // Who has turned it on waits for this; who began with it on may have nobody to tell.
    awaited: was.portal === 'Off',
  }
}

function partnerReleased({ customer, was, is, leftBehind }: Change): News | undefined {
  const { partner } = was
  if (partner === undefined || partner === is.partner) return undefined
  return {
    kind: 'PartnerReleased',
    partner,
    message: `Partner ${partner} is no longer the partner of ${customer}. This was checked: nobody of it can enter any more.${leftBehindText(leftBehind)}`,
    for: ['Contact', 'Partner', 'Webhooks'],
  }
}

function leftBehindText(count: number): string {
  if (count === 0) return ''
  return ` Members whom its people wrote down: ${count}. They stay until the customer removes them; status.leftByPartner of its link self names them.`
}

function isInvited({ was, is }: Change): boolean {
  return is.invited !== undefined && is.invited !== was.invited
}

function partnerInvited(change: Change): News | undefined {
  const { customer, is, linkWaits } = change
  const { invited } = is
  if (invited === undefined || !isInvited(change)) return undefined
  const then =
    is.partner === invited
      ? `The access is ${accessOf(is)}.`
      : (linkWaits?.message ?? 'It is linked as soon as nobody else is.')
  return {
    kind: 'PartnerInvited',
    partner: invited,
    message: `Customer ${customer} has invited ${invited} as its partner. ${then}`,
    for: ['Partner', 'Webhooks'],
  }
}

function partnerLinked(change: Change): News | undefined {
  const { customer, was, is } = change
  const { partner } = is
  if (partner === undefined || partner === was.partner) return undefined
  const knowsByInvitation = isInvited(change) && is.invited === partner
  return {
    kind: 'PartnerLinked',
    partner,
    message: `Partner ${partner} is now the partner of ${customer}. The access is ${accessOf(is)}.`,
    for: knowsByInvitation ? ['Contact', 'Webhooks'] : ['Contact', 'Partner', 'Webhooks'],
  }
}

function accessChanged({ customer, was, is }: Change): News | undefined {
  const { partner } = is
  if (partner === undefined || partner !== was.partner) return undefined
  if (is.access === undefined || was.access === undefined) return undefined
  if (is.access === was.access && is.until === was.until) return undefined
  return {
    kind: 'AccessChanged',
    partner,
    message: `The access of partner ${partner} to ${customer} is now ${accessOf(is)}; it was ${accessOf(was)}.`,
    for: ['Contact', 'Partner', 'Webhooks'],
  }
}

function accessEnds({ customer, was, is }: Change): News | undefined {
  const { partner, endsWithinDays: days, until = '' } = is
  if (partner === undefined || days === undefined) return undefined
  if (days >= (was.endsWithinDays ?? Infinity)) return undefined
  const within = days === 1 ? 'a day' : `${days} days`
  return {
    kind: 'AccessEnds',
    partner,
    message: `The access of partner ${partner} to ${customer} ends at ${until}, in ${within} or sooner. Whoever decides about it sets a later spec.access.notAfter, if it is to go on.`,
    for: ['Contact', 'Partner', 'Webhooks'],
  }
}

function revocationHalfProven({ customer, was, is, unproven }: Change): News | undefined {
  if (!is.halfProven || was.halfProven || !unproven) return undefined
  return {
    kind: 'RevocationHalfProven',
    message: `People who must leave ${customer} are out of Kubernetes. Of its database this is not proven. ${unproven.message}`,
    for: ['Platform', 'Webhooks'],
  }
}

/** To whoever administers the customer: who can move the door can come in by it. */
function signInChanged({ customer, was, is, issuerURL }: Change): News | undefined {
  if (was.signIn === undefined || was.signIn === is.signIn) return undefined
  const now = issuerURL === undefined ? 'nowhere any more' : `at ${issuerURL}`
  return {
    kind: 'SignInChanged',
    message: `The people of ${customer} sign in ${now}: its IdentityProvider was changed. If none of its Admins has done that, correct it and look at who is an Admin.`,
    for: ['Contact', 'Webhooks'],
  }
}

function accessOf({ access = 'None', until }: Told): string {
  return until === undefined ? access : `${access} until ${until}`
}
