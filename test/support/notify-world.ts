// A world that tells people things: with a mail server, a receiver of webhooks, and two partners that
// have a contact.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMailServer, type MailServer, type ReceivedMail } from './mail-server.ts'
import { customer, member, partner } from './manifests.ts'
import { startWebhookServer, type WebhookServer } from './webhook-server.ts'
import { field, startWorld, type World } from './world.ts'

export type NotifyWorld = AsyncDisposable & {
  readonly world: World
  readonly mail: MailServer
  readonly hook: WebhookServer
  /** Of the signature. */
  readonly key: Buffer
  readonly mailsTo: (address: string) => readonly ReceivedMail[]
  /** Of what was sent to the webhook about this customer. */
  readonly kindsAbout: (name: string) => readonly string[]
  readonly pendingOf: (name: string) => Promise<unknown>
  /** Nothing is on its way any more. */
  readonly untilToldAll: (name: string) => Promise<void>
  readonly untilReady: (name: string) => Promise<void>
  readonly killAndRestart: () => Promise<void>
  /** In order, as at an upgrade. */
  readonly restart: () => Promise<void>
}

export async function startNotifyWorld(
  options: { readonly postgres?: boolean } = {},
): Promise<NotifyWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-notify-'))
  const key = randomBytes(32)
  const secretFile = join(directory, 'hook.key')
  await writeFile(secretFile, `whsec_${key.toString('base64')}\n`)
  const mail = await startMailServer()
  const hook = await startWebhookServer()
  const world = await startWorld({
    postgres: options.postgres ?? false,
    config: {
      leaseSeconds: 3,
      notifications: {
        portalURL: 'https://portal.platform.example/{customer}',
        smtp: { host: '127.0.0.1', port: mail.port, from: 'tenantry@platform.example' },
        webhooks: [{ name: 'crm', url: hook.url, secretFile }],
      },
    },
  })
  await world.apply(
    partner('fabrikam', { contact: { name: 'Ada', email: 'ada@fabrikam.example' } }),
    partner('lumen', { contact: { email: 'lea@lumen.example' } }),
  )
  for (const name of ['fabrikam', 'lumen']) {
    await world.until(`${name} stands`, async () => {
      return (await world.condition({ kind: 'porg', name }, 'Ready')) === 'True/Ready'
    })
  }
  await world.apply(member('partner-fabrikam', 'tina'), member('partner-lumen', 'luis'))
  const notificationsOf = async (name: string) =>
    field(await world.get('corg', name), 'status', 'notifications')
  return {
    world,
    mail,
    hook,
    key,
    mailsTo: (address) => mail.mails.filter(({ to }) => to.includes(address)),
    kindsAbout: (name) =>
      hook.calls
        .map(({ body }): { type: string; data: { customer: string } } => JSON.parse(body))
        .filter(({ data }) => data.customer === name)
        .map(({ type }) => type.replace('tenantry.', '')),
    pendingOf: async (name) => field(await notificationsOf(name), 'pending'),
    untilToldAll: (name) =>
      world.until(`all is told about ${name}`, async () => {
        const notifications = await notificationsOf(name)
        return notifications !== undefined && field(notifications, 'pending') === undefined
      }),
    untilReady: (name) =>
      world.until(`${name} is ready`, async () => {
        return (await world.condition({ kind: 'corg', name }, 'Ready')) === 'True/Ready'
      }),
    async restart() {
      await world.operators.at(-1)?.stop()
      await world.startOperator()
    },
    async killAndRestart() {
      await world.operators.at(-1)?.kill()
      await world.startOperator()
    },
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await mail[Symbol.asyncDispose]()
      await hook[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** A customer whose portal waits for the CRM to turn it on. */
export function fromCRM(name: string, active: boolean, email = `boss@${name}.example`) {
  return customer(name, {
    displayName: name.toUpperCase(),
    origin: 'CRM',
    contact: { name: 'The Boss', email },
    portal: { active },
    database: { enabled: false },
  })
}
