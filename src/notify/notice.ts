// The words of notices: what somebody is told, and whom. A notice is written into the status of its
// customer before it is sent (outbox.ts), so that no crash loses one.

import type { CustomerOrganizationStatus } from '../api/kinds.generated.ts'

export type Outbox = NonNullable<CustomerOrganizationStatus['notifications']>
export type Told = NonNullable<Outbox['told']>
export type Notice = NonNullable<Outbox['pending']>[number]
export type Failed = NonNullable<Outbox['failed']>[number]

export type NoticeKind =
  | 'PortalActivated'
  | 'PartnerInvited'
  | 'PartnerLinked'
  | 'PartnerReleased'
  | 'AccessChanged'
  | 'AccessEnds'
  | 'RevocationHalfProven'
  | 'SignInChanged'

/** Whom a notice is for: the customer's contact, the partner's, the platform, or all webhooks. */
export type Audience = 'Contact' | 'Partner' | 'Platform' | 'Webhooks'

/** Something has happened; whom that reaches the outbox says. */
export type News = {
  readonly kind: NoticeKind
  /** What has happened, in a sentence or two that everybody in `for` may read (ISOLATED). */
  readonly message: string
  readonly partner?: string
  readonly for: readonly Audience[]
  /** A contact without an address is waited for. */
  readonly awaited?: boolean
}

const webhookPrefix = 'Webhook/'

/** One entry of `to`: a contact, or one webhook by its name. */
export function toWebhook(name: string): string {
  return `${webhookPrefix}${name}`
}

export function webhookOf(to: string): string | undefined {
  return to.startsWith(webhookPrefix) ? to.slice(webhookPrefix.length) : undefined
}

/** One message to one receiver of a customer; another customer of the same name has other ones. */
export function deliveryKey({ id, since }: Pick<Notice, 'id' | 'since'>, to: string): string {
  return `${id} ${since} ${to}`
}
