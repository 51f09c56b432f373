// What a run of a customer sees of notices: whom they reach, what has become of the last ones, and
// where the next go. Left out, nobody is told anything and no status speaks of it.

import type { NotificationsConfig } from '../api/config.ts'
import { parseTime, type EpochMs } from '../api/time.ts'
import { domainOf, mailBy } from './mail.ts'
import { mailOf, webhookBody, type About } from './message.ts'
import { deliveryKey, webhookOf, type Notice } from './notice.ts'
import { Notifier, type Attempt, type Delivery } from './notifier.ts'
import { addressOf, type Outcome, type Reach } from './outbox.ts'
import { webhookBy } from './webhook.ts'

export type Notify = {
  /** What the configuration reaches; the addresses of a customer are its own to say. */
  readonly reach: Pick<Reach, 'mail' | 'platform' | 'webhooks'>
  /** With `{customer}` in it. */
  readonly portalURL: string
  readonly settled: (customer: string) => readonly Outcome[]
  readonly offer: (about: Recipient, notices: readonly Notice[]) => void
  readonly forget: (customer: string) => void
  readonly drop: () => void
}

export type Recipient = About & { readonly reach: Reach; readonly contactName: string | undefined }

export type NotifyOptions = {
  readonly onSettled: (customer: string) => void
  readonly report: (attempt: Attempt) => void
  readonly clock: { readonly now: () => EpochMs }
}

/** So long a revocation may be half proven before anybody is woken. */
const patienceMs = 30_000

export function makeNotify(config: NotificationsConfig, options: NotifyOptions): Notify {
  const { smtp, webhooks, platformEmail, portalURL, giveUpSeconds } = config
  const { clock } = options
  const notifier = new Notifier({
    senders: {
      mail: smtp && mailBy(smtp),
      webhooks: new Map(webhooks.map((hook) => [hook.name, webhookBy(hook, clock.now)])),
    },
    giveUpMs: giveUpSeconds * 1000,
    onSettled: options.onSettled,
    report: options.report,
    now: clock.now,
  })
  const domain = domainOf(smtp?.from ?? '')
  return {
    reach: {
      mail: smtp !== undefined,
      platform: smtp && platformEmail,
      webhooks: webhooks.map(({ name }) => name),
    },
    portalURL,
    settled: (customer) => notifier.settled(customer),
    offer: (about, notices) =>
      notifier.offer(
        about.customer,
        notices.flatMap((notice) =>
          notice.to.flatMap((to) => deliveryOf(notice, to, about, domain) ?? []),
        ),
      ),
    forget: (customer) => notifier.forget(customer),
    drop: () => notifier.drop(),
  }
}

/** `undefined`: it waits for an address. */
function deliveryOf(
  notice: Notice,
  to: string,
  about: Recipient,
  domain: string,
): Delivery | undefined {
  const since = parseTime(notice.since) ?? 0
  const due = notice.kind === 'RevocationHalfProven' ? since + patienceMs : since
  const base = { key: deliveryKey(notice, to), since, due }
  const webhook = webhookOf(to)
  if (webhook !== undefined) {
    return { ...base, by: 'webhook', webhook, message: webhookBody(notice, about) }
  }
  const address = addressOf(about.reach, to, notice)
  if (address === undefined) return undefined
  const name = to === 'Contact' ? about.contactName : undefined
  return { ...base, by: 'mail', mail: { ...mailOf(notice, about, domain), address, name } }
}
