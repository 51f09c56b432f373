// Sends what outboxes hold, on the leader alone. Level-triggered: a customer's run offers everything
// that its status says is to be sent, and learns at its next run what has become of it.
//
//   offered --due--> sending --arrived, or refused for good, or given up--> settled
//              ^         |
//              +--later--+   doubling delays up to ten minutes, at the end of its time once more
//
// A delivery that is not offered any more is forgotten in every state, and so is all when the lease
// is lost: the next leader finds the same in status. Nobody waits for a delivery.

import { TenantryError } from '../api/errors.ts'
import type { EpochMs } from '../api/time.ts'
import type { Mail, SendMail } from './mail.ts'
import type { WebhookMessage } from './message.ts'
import type { Outcome } from './outbox.ts'
import type { SendWebhook } from './webhook.ts'

/** How messages leave: by mail, and by webhooks by their names. */
export type Senders = {
  readonly mail: SendMail | undefined
  readonly webhooks: ReadonlyMap<string, SendWebhook>
}

export type Delivery = {
  /** From `deliveryKey`. */
  readonly key: string
  /** Not before; what is obsolete by then is not offered any more. */
  readonly due: EpochMs
  /** Since when it is tried. */
  readonly since: EpochMs
} & (
  | { readonly by: 'mail'; readonly mail: Mail }
  | { readonly by: 'webhook'; readonly webhook: string; readonly message: WebhookMessage }
)

export type NotifierOptions = {
  readonly senders: Senders
  /** From the notice on, in ms. */
  readonly giveUpMs: number
  /** Something of this customer is settled. */
  readonly onSettled: (customer: string) => void
  readonly report: (attempt: Attempt) => void
  /** Messages at once. Default 4. */
  readonly atOnce?: number
  /** Shortest delay after a failure, in ms. Default 1,000. */
  readonly firstMs?: number
  /** Longest delay, in ms. Default 600,000. */
  readonly maxMs?: number
  /** Epoch milliseconds. Default `Date.now`. */
  readonly now?: () => EpochMs
  /** In [0, 1). Default `Math.random`. */
  readonly random?: () => number
}

export type Attempt = {
  readonly customer: string
  readonly key: string
  readonly result: 'delivered' | 'again' | 'failed'
  readonly error?: unknown
}

type Job = {
  delivery: Delivery
  timer: NodeJS.Timeout | undefined
  state: 'waiting' | 'sending' | 'settled'
  outcome: Outcome | undefined
}

const ofItsAge = 1 / 8

/** A timer that is set further ahead would fire at once. */
const longestTimerMs = 2 ** 31 - 1

export class Notifier {
  readonly #options: Required<NotifierOptions>
  /** By customer, then by key. */
  readonly #jobs = new Map<string, Map<string, Job>>()
  readonly #due: { readonly customer: string; readonly job: Job }[] = []
  #sending = 0
  #over = new AbortController()

  constructor(options: NotifierOptions) {
    this.#options = {
      atOnce: 4,
      firstMs: 1_000,
      maxMs: 600_000,
      now: Date.now,
      random: Math.random,
      ...options,
    }
  }

  /** All that is to be sent for this customer now. */
  offer(customer: string, deliveries: readonly Delivery[]): void {
    const known = this.#jobs.get(customer) ?? new Map<string, Job>()
    const offered = new Set(deliveries.map(({ key }) => key))
    for (const [key, job] of known) {
      if (offered.has(key)) continue
      clearTimeout(job.timer)
      known.delete(key)
    }
    for (const delivery of deliveries) {
      const job = known.get(delivery.key)
      if (!job) {
        const added: Job = {
          delivery,
          timer: undefined,
          state: 'waiting',
          outcome: undefined,
        }
        known.set(delivery.key, added)
        this.#wait(customer, added, delivery.due - this.#options.now())
      } else if (isChanged(job.delivery, delivery)) {
        job.delivery = delivery
        // A corrected address need not wait out the delay of the wrong one.
        if (job.state === 'waiting') this.#wait(customer, job, delivery.due - this.#options.now())
      }
    }
    if (known.size > 0) this.#jobs.set(customer, known)
    else this.#jobs.delete(customer)
  }

  /** What has become of that which was offered last; the status is to say so. */
  settled(customer: string): readonly Outcome[] {
    return [...(this.#jobs.get(customer)?.values() ?? [])].flatMap(({ outcome }) => outcome ?? [])
  }

  /** The customer is gone, and its outbox with it: what is being sent is sent, and nothing after it. */
  forget(customer: string): void {
    this.offer(customer, [])
  }

  /** The lease is lost, or the process ends. What is being sent is cut off. */
  drop(): void {
    for (const jobs of this.#jobs.values()) {
      for (const { timer } of jobs.values()) clearTimeout(timer)
    }
    this.#jobs.clear()
    this.#due.length = 0
    this.#over.abort(new Error('Another replica sends from now on.'))
    this.#over = new AbortController()
  }

  #wait(customer: string, job: Job, ms: number): void {
    clearTimeout(job.timer)
    const isDue = () => {
      job.timer = undefined
      this.#due.push({ customer, job })
      this.#next()
    }
    if (ms <= 0) return isDue()
    job.timer = setTimeout(isDue, Math.min(ms, longestTimerMs))
  }

  #next(): void {
    while (this.#sending < this.#options.atOnce) {
      const next = this.#due.shift()
      if (!next) return
      if (next.job.state !== 'waiting' || next.job.timer !== undefined) continue
      this.#sending++
      void this.#send(next.customer, next.job).finally(() => {
        this.#sending--
        this.#next()
      })
    }
  }

  async #send(customer: string, job: Job): Promise<void> {
    const { signal } = this.#over
    const { delivery } = job
    const { key, since } = delivery
    job.state = 'sending'
    try {
      await transmit(signal, this.#options.senders, delivery)
      this.#settle(customer, job, delivery, undefined)
      this.#report({ customer, key, result: 'delivered' })
    } catch (error) {
      if (signal.aborted || this.#jobs.get(customer)?.get(key) !== job) return
      const { now, giveUpMs, firstMs, maxMs, random } = this.#options
      const left = since + giveUpMs - now()
      const isFinal = error instanceof TenantryError && !error.retries
      if (isChanged(job.delivery, delivery)) {
        job.state = 'waiting'
        this.#wait(customer, job, 0)
      } else if (isFinal || left <= 0) {
        this.#settle(customer, job, delivery, messageOf(error))
        this.#report({ customer, key, result: 'failed', error })
      } else {
        const delay = Math.min(maxMs, Math.max(firstMs, (now() - since) * ofItsAge))
        job.state = 'waiting'
        this.#wait(customer, job, Math.min((delay * (1 + random())) / 2, left))
        this.#report({ customer, key, result: 'again', error })
      }
    }
  }

  #settle(customer: string, job: Job, sent: Delivery, failure: string | undefined): void {
    const { key } = sent
    job.state = 'settled'
    job.outcome = {
      key,
      failure,
      ...(sent.by === 'mail' && { address: sent.mail.address }),
    }
    this.#options.onSettled(customer)
  }

  #report(attempt: Attempt): void {
    try {
      this.#options.report(attempt)
    } catch {
      // Nobody is left to tell.
    }
  }
}

async function transmit(signal: AbortSignal, senders: Senders, delivery: Delivery): Promise<void> {
  if (delivery.by === 'mail') {
    if (!senders.mail) throw new TenantryError('MAIL_SERVER_UNREACHABLE', 'none is configured')
    return senders.mail(signal, delivery.mail)
  }
  const send = senders.webhooks.get(delivery.webhook)
  if (!send) throw new TenantryError('WEBHOOK_FAILED', `${delivery.webhook} is not configured`)
  return send(signal, delivery.message)
}

function isChanged(before: Delivery, after: Delivery): boolean {
  return JSON.stringify(before) !== JSON.stringify(after)
}

function messageOf(error: unknown): string {
  return error instanceof TenantryError ? error.message : 'The operator failed; its log says why.'
}
