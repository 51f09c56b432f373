// Webhooks at a real receiver on this machine.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startWebhookServer, type WebhookServer } from '../../test/support/webhook-server.ts'
import { signatureOf, webhookBy } from './webhook.ts'

const { signal } = new AbortController()
let directory: string
let server: WebhookServer
let secretFile: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-webhook-'))
  secretFile = join(directory, 'key')
  server = await startWebhookServer()
})
beforeEach(async () => {
  server.status = 204
  await writeFile(secretFile, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n')
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(directory, { recursive: true, force: true })
})

function send(body = '{}', url = server.url) {
  const hook = webhookBy({ name: 'crm', url, secretFile }, () => 1_614_265_330_000)
  return hook(signal, { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body })
}

describe('a webhook', () => {
  test('has the signature of the example in the specification', async () => {
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')
    const example = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: '1614265330',
      body: '{"test": 2432232314}',
    }
    const expected = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    expect(signatureOf(key, example)).toBe(expected)
    await send('{"test": 2432232314}')
    expect(server.calls.at(-1)?.headers).toMatchObject({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': expected,
      'content-type': 'application/json',
    })
  })

  test('is known as genuine by a receiver that does as the documentation says', async () => {
    const page = await readFile('docs/notifications.md', 'utf8')
    const file = join(directory, 'receiver.mjs')
    await writeFile(file, /```js\n(.*?)```/s.exec(page)?.[1] ?? '')
    type Receiver = { isGenuine: (headers: object, body: string, key: string) => boolean }
    const { isGenuine }: Receiver = await import(pathToFileURL(file).href)

    const key = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const hook = webhookBy({ name: 'crm', url: server.url, secretFile }, Date.now)
    await hook(signal, { id: 'one', body: '{"a":1}' })
    const { headers, body } = server.calls.at(-1) ?? { headers: {}, body: '' }
    expect(isGenuine(headers, body, key)).toBe(true)
    expect(isGenuine(headers, '{"a":2}', key)).toBe(false)
    expect(isGenuine({ ...headers, 'webhook-id': 'two' }, body, key)).toBe(false)
    expect(isGenuine({ ...headers, 'webhook-timestamp': '1614265330' }, body, key)).toBe(false)
    await send() // signed as it should be, and years old
    const replayed = server.calls.at(-1) ?? { headers: {}, body: '' }
    expect(isGenuine(replayed.headers, replayed.body, key)).toBe(false)
  })

  test.each([301, 307, 400, 401, 410, 500])(
    'that is answered by %i has not arrived, and nobody else is asked',
    async (status) => {
      server.status = status
      const failure = await send().catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'WEBHOOK_FAILED', retries: true })
      expect(String(failure)).toContain(`crm answers ${status}`)
    },
  )

  test('whose receiver is away says so without its URL', async () => {
    const gone = await startWebhookServer()
    await gone[Symbol.asyncDispose]()
    const failure = await send('{}', gone.url).catch(String)
    expect(failure).toContain('crm does not answer: ECONNREFUSED')
    expect(failure).not.toContain('not-for-logs')
  })

  test.each(['', 'short', 'whsec_c2hvcnQ=', 'spaces and no base64 at all, whatever its length'])(
    'is not sent with the key %j',
    async (text) => {
      await writeFile(secretFile, text)
      const before = server.calls.length
      await expect(send()).rejects.toMatchObject({ code: 'NOTIFICATION_SECRET_UNREADABLE' })
      expect(server.calls).toHaveLength(before)
    },
  )
})
