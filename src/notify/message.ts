// A notice as a mail and as the body of a webhook. Pure. Names are data: a subject keeps no line
// break, whatever a display name holds.

import { parseTime } from '../api/time.ts'
import type { Notice } from './notice.ts'

/** What a message says beside its notice, as it is at the time of sending. */
export type About = {
  readonly customer: string
  readonly customerID: string
  readonly displayName: string | undefined
  /** Where the customer's people begin. */
  readonly portalURL: string
}

export type MailMessage = {
  readonly messageID: string
  readonly subject: string
  readonly text: string
}

const subjects: Readonly<Record<string, string>> = {
  PortalActivated: 'Your portal is open',
  PartnerInvited: 'An invitation',
  PartnerLinked: 'A partner is linked',
  PartnerReleased: 'A partner is out',
  AccessChanged: 'The access has changed',
  AccessEnds: 'The access ends soon',
  RevocationHalfProven: 'A revocation is half proven',
  SignInChanged: 'Where people sign in has changed',
}

/**
 * @param domain of the sender. The identifier stays the same over every repetition, and differs from
 *   those of a customer of the same name, or of one whose status was lost
 */
export function mailOf(notice: Notice, about: About, domain: string): MailMessage {
  const { customer, displayName, portalURL } = about
  const title = subjects[notice.kind] ?? notice.kind
  const name = oneLine(displayName ?? customer)
  const lines = [
    notice.message,
    ...(notice.kind === 'PortalActivated' ? ['', portalURL] : []),
    '',
    `Customer: ${name} (${customer})`,
    'Nobody reads answers to this address.',
  ]
  return {
    messageID: `<${identifier(notice, about)}@${domain}>`,
    subject: `${name}: ${title}`,
    text: `${lines.join('\n')}\n`,
  }
}

export type WebhookMessage = { readonly id: string; readonly body: string }

export function webhookBody(notice: Notice, about: About): WebhookMessage {
  const { customer, customerID, displayName, portalURL } = about
  const { kind, partner, message, since } = notice
  const data = {
    customer,
    customerID,
    ...(displayName !== undefined && { displayName }),
    ...(partner !== undefined && { partner }),
    message,
    ...(kind === 'PortalActivated' && { portalURL }),
  }
  return {
    id: identifier(notice, about),
    body: JSON.stringify({ type: `tenantry.${kind}`, timestamp: since, data }),
  }
}

function identifier({ id, since }: Notice, { customerID }: About): string {
  return `${id}.${parseTime(since) ?? 0}.${customerID}`.toLowerCase()
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim()
}
