// Mail through a real SMTP server on this machine: encryption, sign-in, refusals, addresses.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startMailServer, type MailServer } from '../../test/support/mail-server.ts'
import { createAuthority } from '../../tools/control-plane/certificates.ts'
import { mailBy, type Mail } from './mail.ts'

const { signal } = new AbortController()
const password = 'a-password-of-the-mail-server'
const from = 'tenantry@platform.example'
let directory: string
let plain: MailServer
let guarded: MailServer
let closed: number

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-mail-'))
  const authority = createAuthority('mail-ca', new Date())
  const { certificate, key } = authority.issueServer('mail', ['localhost', '127.0.0.1'])
  await writeFile(join(directory, 'ca.crt'), authority.certificate)
  await writeFile(join(directory, 'password'), `${password}\n`)
  plain = await startMailServer()
  guarded = await startMailServer({
    disabledCommands: [],
    authMethods: ['PLAIN', 'LOGIN'],
    cert: certificate,
    key,
    onAuth: ({ username, password: given }, _, done) =>
      given === password ? done(null, { user: username ?? '' }) : done(new Error('No.')),
  })
  const gone = await startMailServer()
  closed = gone.port
  await gone[Symbol.asyncDispose]()
})
afterAll(async () => {
  await plain[Symbol.asyncDispose]()
  await guarded[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

function mail(address = 'boss@acme.example', change: Partial<Mail> = {}): Mail {
  const messageID = '<portalactivated-1.0.uid@platform.example>'
  return { address, name: 'The Boss', messageID, subject: 'Open', text: 'It is.\n', ...change }
}

function sender(port: number, change: object = {}) {
  return mailBy({ host: '127.0.0.1', port, from, ...change })
}

describe('a mail', () => {
  test('arrives as it is, with its identifier', async () => {
    await sender(plain.port)(signal, mail())
    expect(plain.mails.at(-1)).toMatchObject({
      to: ['boss@acme.example'],
      id: '<portalactivated-1.0.uid@platform.example>',
      subject: 'Open',
      text: expect.stringContaining('It is.'),
    })
  })

  test('to a server with a password goes encrypted, with the password from its file', async () => {
    const options = {
      user: 'tenantry',
      passwordFile: join(directory, 'password'),
      caFile: join(directory, 'ca.crt'),
    }
    await sender(guarded.port, options)(signal, mail())
    expect(guarded.mails.at(-1)).toMatchObject({ encrypted: true, user: 'tenantry' })
  })

  test('never sends a password to a server without encryption, or with a certificate of nobody', async () => {
    const passwordFile = join(directory, 'password')
    const unencrypted = sender(plain.port, { user: 'tenantry', passwordFile })
    const untrusted = sender(guarded.port, { user: 'tenantry', passwordFile })
    for (const send of [unencrypted, untrusted]) {
      const failure = await send(signal, mail()).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'MAIL_SERVER_UNREACHABLE' })
      expect(JSON.stringify(failure) + String(failure)).not.toContain(password)
    }
  })

  test('to a mailbox that does not exist is refused for good; a server that is away is tried again', async () => {
    plain.refused.add('typo@acme.example')
    await expect(sender(plain.port)(signal, mail('typo@acme.example'))).rejects.toMatchObject({
      code: 'MAIL_REFUSED',
      retries: false,
      message: expect.stringContaining('550 No such mailbox'),
    })
    await expect(sender(closed)(signal, mail())).rejects.toMatchObject({
      code: 'MAIL_SERVER_UNREACHABLE',
      retries: true,
    })
  })

  test.each([
    'a@acme.example,b@evil.example',
    'a@acme.example\r\nRCPT TO:<b@evil.example>',
    'Boss <a@acme.example>',
    '',
  ])('goes to nobody when the address is %j', async (address) => {
    const before = plain.mails.length
    const refused = sender(plain.port)(signal, mail(address))
    await expect(refused).rejects.toMatchObject({ code: 'MAIL_REFUSED' })
    expect(plain.mails).toHaveLength(before)
  })

  test('takes no header from a name', async () => {
    await sender(plain.port)(signal, mail(undefined, { name: 'Boss\r\nBcc: all@evil.example' }))
    expect(plain.mails.at(-1)?.to).toEqual(['boss@acme.example'])
  })

  test('is cut off when the operator stops', async () => {
    plain.silent = true
    const stopping = new AbortController()
    const sending = sender(plain.port)(stopping.signal, mail())
    setTimeout(() => stopping.abort(new Error('stopped')), 50)
    await expect(sending).rejects.toThrow('stopped')
    plain.silent = false
  })
})
