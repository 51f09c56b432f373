// Webhooks, signed as the Standard Webhooks specification says (HMAC-SHA256 over id, time and body),
// so that receivers verify with a library that exists. Redirects are not followed: the receiver that
// the platform has named is the one that is told. Neither URL nor key gets into an error.

import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Agent, fetch } from 'undici'
import type { WebhookConfig } from '../api/config.ts'
import { TenantryError } from '../api/errors.ts'
import type { WebhookMessage } from './message.ts'

export type SendWebhook = (signal: AbortSignal, message: WebhookMessage) => Promise<void>

const answerWithinMs = 10_000
const shortestKey = 24

/** @throws TenantryError WEBHOOK_FAILED unless the receiver answers 2xx */
export function webhookBy(
  { name, url, secretFile, caFile }: WebhookConfig,
  now: () => number,
): SendWebhook {
  return async (stopping, { id, body }) => {
    const key = await keyOf(name, secretFile)
    const timestamp = String(Math.floor(now() / 1000))
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(answerWithinMs)])
    const dispatcher = new Agent(
      caFile === undefined ? {} : { connect: { ca: await caOf(name, caFile) } },
    )
    try {
      const answer = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'tenantry',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': signatureOf(key, { id, timestamp, body }),
        },
        body,
        signal,
        dispatcher,
      })
      await answer.body?.cancel()
      if (!answer.ok) throw new TenantryError('WEBHOOK_FAILED', `${name} answers ${answer.status}`)
    } catch (error) {
      stopping.throwIfAborted()
      if (error instanceof TenantryError) throw error
      throw new TenantryError('WEBHOOK_FAILED', `${name} does not answer: ${codeOf(error)}`)
    } finally {
      await dispatcher.destroy()
    }
  }
}

/** @returns the value of the header `webhook-signature` */
export function signatureOf(
  key: Buffer,
  { id, timestamp, body }: WebhookMessage & { readonly timestamp: string },
): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}

/** Read each time: it may be rotated. `whsec_` before it, as generators write it, is allowed. */
async function keyOf(name: string, file: string): Promise<Buffer> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new TenantryError('NOTIFICATION_SECRET_UNREADABLE', `webhook ${name}`, { cause })
  })
  const base64 = text.trim().replace(/^whsec_/, '')
  const key = Buffer.from(base64, 'base64')
  if (key.length < shortestKey || !/^[A-Za-z0-9+/]+=*$/.test(base64)) {
    throw new TenantryError('NOTIFICATION_SECRET_UNREADABLE', `webhook ${name}`)
  }
  return key
}

async function caOf(name: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new TenantryError('NOTIFICATION_SECRET_UNREADABLE', `webhook ${name}`, { cause })
  })
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { cause } = error
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return error.name
}
