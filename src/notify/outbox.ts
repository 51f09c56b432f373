// The outbox of one customer, as its status keeps it. Pure. What is to be sent stands in status before
// it is sent, and leaves it when it has arrived, so a message is sent at least once whatever crashes
// in between, and again only when a crash falls between the receiver's answer and our next write.
// Bounded: beyond twenty that wait the oldest are given up, and ten that failed are remembered.

import { formatTime, type EpochMs } from '../api/time.ts'
import {
  deliveryKey,
  toWebhook,
  webhookOf,
  type Failed,
  type News,
  type Notice,
  type Outbox,
  type Told,
} from './notice.ts'

/** Who can be reached at all; without an address there is nobody to tell. */
export type Reach = {
  /** There is a mail server. */
  readonly mail: boolean
  readonly contact: string | undefined
  readonly platform: string | undefined
  readonly partner: (name: string) => string | undefined
  readonly webhooks: readonly string[]
}

export type Outcome = {
  /** From `deliveryKey`. */
  readonly key: string
  /** What is told of a failure; `undefined`: it has arrived. */
  readonly failure: string | undefined
  /** Where it was sent to, if by mail. */
  readonly address?: string
}

export type Turn = {
  readonly told: Told
  readonly news: readonly News[]
  readonly outcomes: readonly Outcome[]
  /** Kinds that, as things stand now, need not be sent any more. */
  readonly obsolete: readonly string[]
  readonly reach: Reach
  readonly now: EpochMs
}

const mostPending = 20
const mostFailed = 10

export function nextOutbox(before: Outbox | undefined, turn: Turn): Outbox {
  const { told, news, outcomes, obsolete, reach, now } = turn
  const settled = new Map(outcomes.map((outcome) => [outcome.key, outcome]))
  const waiting = (before?.pending ?? [])
    .filter(({ kind }) => !obsolete.includes(kind))
    .map((notice) => ({ ...notice, to: notice.to.filter((to) => exists(notice, to, reach)) }))
  const revived = (before?.failed ?? []).filter((failed) => hasNewAddress(failed, reach))
  const arrived = new Set(
    waiting.flatMap((notice) => notice.to.filter((to) => hasArrived(settled, notice, to))),
  )
  let count = before?.count ?? 0
  const added = [...revived, ...news].flatMap((each): Notice[] => {
    const to = 'for' in each ? receiversOf(each, reach) : [each.to]
    if (to.length === 0) return []
    count += 1
    const { kind, partner } = each
    const message = each.message.slice(0, 2048)
    const id = `${kind}-${count}`
    const since = formatTime(now)
    return [{ id, kind, since, ...(partner !== undefined && { partner }), message, to }]
  })
  const still = waiting
    .map((notice) => ({ ...notice, to: notice.to.filter((to) => !isSettled(settled, notice, to)) }))
    .filter(({ to }) => to.length > 0)
  const pending = [...still, ...added]
  const tooMany = pending.slice(0, Math.max(0, pending.length - mostPending))
  const failed = [
    // Whom something has reached since can be reached again.
    ...(before?.failed ?? []).filter((each) => !revived.includes(each) && !arrived.has(each.to)),
    ...waiting.flatMap((notice) => failuresOf(settled, notice, now)),
    ...tooMany.flatMap((notice) =>
      notice.to.map((to) =>
        failedAt(notice, {
          to,
          now,
          reason: 'Too many others waited.',
          address: addressOf(reach, to, notice),
        }),
      ),
    ),
  ].slice(-mostFailed)
  const kept = pending.slice(tooMany.length)
  return {
    count,
    told,
    ...(kept.length > 0 && { pending: kept }),
    ...(failed.length > 0 && { failed }),
  }
}

/** A receiver that the configuration has no more is told nothing. A contact may get an address yet. */
function exists(notice: Notice, to: string, reach: Reach): boolean {
  if (to === 'Contact') return reach.mail
  const webhook = webhookOf(to)
  if (webhook !== undefined) return reach.webhooks.includes(webhook)
  return addressOf(reach, to, notice) !== undefined
}

function receiversOf({ for: audiences, partner, awaited }: News, reach: Reach): string[] {
  return audiences.flatMap((audience): readonly string[] => {
    switch (audience) {
      case 'Contact':
        return reach.contact !== undefined || (awaited && reach.mail) ? ['Contact'] : []
      case 'Partner':
        return partner === undefined || reach.partner(partner) === undefined ? [] : ['Partner']
      case 'Platform':
        return reach.platform === undefined ? [] : ['Platform']
      case 'Webhooks':
        return reach.webhooks.map(toWebhook)
    }
  })
}

/** `undefined`: there is none, or it is no address. */
export function addressOf(
  reach: Reach,
  to: string,
  { partner }: Pick<Notice, 'partner'>,
): string | undefined {
  switch (to) {
    case 'Contact':
      return reach.contact
    case 'Platform':
      return reach.platform
    case 'Partner':
      return partner === undefined ? undefined : reach.partner(partner)
    default:
      return undefined
  }
}

function isSettled(settled: ReadonlyMap<string, Outcome>, notice: Notice, to: string) {
  return settled.has(deliveryKey(notice, to))
}

function hasArrived(settled: ReadonlyMap<string, Outcome>, notice: Notice, to: string) {
  const outcome = settled.get(deliveryKey(notice, to))
  return outcome !== undefined && outcome.failure === undefined
}

function hasNewAddress(failed: Failed, reach: Reach): boolean {
  if (webhookOf(failed.to) !== undefined) return false
  const address = addressOf(reach, failed.to, failed)
  return address !== undefined && address !== failed.address
}

function failuresOf(
  settled: ReadonlyMap<string, Outcome>,
  notice: Notice,
  now: EpochMs,
): readonly Failed[] {
  return notice.to.flatMap((to) => {
    const outcome = settled.get(deliveryKey(notice, to))
    if (outcome?.failure === undefined) return []
    return [failedAt(notice, { to, now, reason: outcome.failure, address: outcome.address })]
  })
}

type Failure = {
  readonly to: string
  readonly now: EpochMs
  readonly reason: string
  readonly address: string | undefined
}

function failedAt(notice: Notice, { to, now, reason, address }: Failure): Failed {
  const { id, kind, partner, message } = notice
  return {
    id,
    kind,
    to,
    ...(address !== undefined && { address }),
    at: formatTime(now),
    ...(partner !== undefined && { partner }),
    reason: reason.slice(0, 1024),
    message,
  }
}
