// Mail by SMTP: one connection per message. With a user, or with a CA of its own, the connection is
// encrypted or there is none; the password is read from its file each time, since it may be rotated.

import { readFile } from 'node:fs/promises'
import { createTransport } from 'nodemailer'
import type { SmtpConfig } from '../api/config.ts'
import { TenantryError } from '../api/errors.ts'
import type { MailMessage } from './message.ts'

export type Mail = MailMessage & { readonly address: string; readonly name: string | undefined }
export type SendMail = (signal: AbortSignal, mail: Mail) => Promise<void>

const answerWithinMs = 10_000
const smtps = 465

/**
 * @throws TenantryError MAIL_REFUSED when the server says that it will never take this message for
 *   this address, MAIL_SERVER_UNREACHABLE for everything else
 */
export function mailBy(config: SmtpConfig): SendMail {
  const { host, port, user, from, caFile } = config
  return async (signal, { address, name, messageID, subject, text }) => {
    if (!isOneAddress(address)) {
      throw new TenantryError('MAIL_REFUSED', 'it is not one address that mail can be sent to')
    }
    const [pass, ca] = await Promise.all([passwordOf(config), caFile && textOf(caFile)])
    const transport = createTransport({
      host,
      port,
      secure: port === smtps,
      requireTLS: user !== undefined || ca !== undefined,
      connectionTimeout: answerWithinMs,
      greetingTimeout: answerWithinMs,
      socketTimeout: answerWithinMs,
      disableFileAccess: true,
      disableUrlAccess: true,
      ...(user !== undefined && { auth: { user, pass: pass ?? '' } }),
      ...(ca !== undefined && { tls: { ca } }),
    })
    try {
      await transport.sendMail({
        // As objects: nothing of an address is parsed as a list, a group or a comment.
        from: { name: 'Tenantry', address: from },
        to: { name: name ?? '', address },
        messageId: messageID,
        subject,
        text,
        headers: { 'Auto-Submitted': 'auto-generated' },
        signal,
      })
    } catch (error) {
      signal.throwIfAborted()
      throw failureOf(error)
    } finally {
      transport.close()
    }
  }
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

function isOneAddress(text: string): boolean {
  return /^[^@\p{Cc}\s,;:<>()[\]\\"]+@[^@\p{Cc}\s,;:<>()[\]\\"]+$/u.test(text)
}

async function passwordOf({ passwordFile }: SmtpConfig): Promise<string | undefined> {
  return passwordFile === undefined ? undefined : (await textOf(passwordFile)).trimEnd()
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new TenantryError('NOTIFICATION_SECRET_UNREADABLE', 'notifications.smtp', { cause })
  }
}

/** What the server answers to the address or to the message itself, it will answer again. */
const finalAnswersTo = new Set(['RCPT TO', 'DATA'])

function failureOf(error: unknown): TenantryError {
  const failure: SmtpFailure = isSmtpFailure(error) ? error : {}
  const { responseCode, response, command, message = 'no answer' } = failure
  const answer = (response ?? message).replaceAll(/\s+/g, ' ').slice(0, 200)
  const isFinal =
    responseCode !== undefined && responseCode >= 500 && finalAnswersTo.has(command ?? '')
  // No cause: what the client has thrown holds the whole dialogue.
  return new TenantryError(isFinal ? 'MAIL_REFUSED' : 'MAIL_SERVER_UNREACHABLE', answer)
}

type SmtpFailure = {
  readonly responseCode?: number
  readonly response?: string
  readonly command?: string
  readonly message?: string
}

function isSmtpFailure(error: unknown): error is Error & SmtpFailure {
  return error instanceof Error
}
