// A real SMTP server for tests: keeps what it is sent, and can refuse an address, or take a message
// and never say so, as a server does whose answer is lost.
import { once } from 'node:events'
import {
  SMTPServer,
  type SMTPServerDataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from 'smtp-server'

export type ReceivedMail = {
  readonly to: readonly string[]
  readonly user: string | undefined
  readonly encrypted: boolean
  readonly id: string
  readonly subject: string
  readonly text: string
}

export type MailServer = AsyncDisposable & {
  readonly port: number
  readonly mails: readonly ReceivedMail[]
  readonly refused: Set<string>
  /** True: mail is taken, and the answer never comes. */
  silent: boolean
  /** True: whoever connects is sent away. */
  down: boolean
}

/** @param port default: a free one */
export async function startMailServer(
  options: SMTPServerOptions = {},
  port = 0,
): Promise<MailServer> {
  const mails: ReceivedMail[] = []
  const refused = new Set<string>()
  const state = { silent: false, down: false }
  const take = async (
    stream: SMTPServerDataStream,
    { envelope, user, secure: encrypted }: SMTPServerSession,
    done: () => void,
  ) => {
    // A client that is killed meanwhile has sent no mail.
    const source = await textOf(stream).catch(() => undefined)
    if (source === undefined) return
    const to = envelope.rcptTo.map(({ address }) => address)
    mails.push({ to, user, encrypted, ...partsOf(source) })
    if (!state.silent) done()
  }
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    logger: false,
    closeTimeout: 100,
    ...options,
    onConnect: (_, done) => done(state.down ? refusal(421, 'Out of service') : null),
    onRcptTo: ({ address }, _, done) =>
      done(refused.has(address) ? refusal(550, 'No such mailbox') : null),
    onData: (stream, session, done) => void take(stream, session, done),
  })
  server.on('error', () => {}) // a client that is killed
  server.listen(port, '127.0.0.1')
  await once(server.server, 'listening')
  const address = server.server.address()
  return Object.assign(state, {
    port: typeof address === 'object' && address ? address.port : 0,
    mails,
    refused,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  })
}

function refusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode })
}

async function textOf(stream: SMTPServerDataStream): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

function partsOf(source: string) {
  const at = source.indexOf('\r\n\r\n')
  const head = source.slice(0, at).replaceAll(/\r\n[ \t]+/g, ' ')
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1] ?? ''
  const body = source.slice(at + 4)
  const text = /quoted-printable/i.test(header('Content-Transfer-Encoding'))
    ? body
        .replaceAll('=\r\n', '')
        .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        )
    : body
  return { id: header('Message-ID'), subject: header('Subject'), text }
}
