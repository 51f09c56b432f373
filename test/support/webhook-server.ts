// A receiver of webhooks for tests: keeps what it is sent, and answers as it is told to.
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'

export type ReceivedCall = { readonly headers: IncomingHttpHeaders; readonly body: string }

export type WebhookServer = AsyncDisposable & {
  readonly url: string
  readonly calls: readonly ReceivedCall[]
  /** What it answers. */
  status: number
}

export async function startWebhookServer(): Promise<WebhookServer> {
  const calls: ReceivedCall[] = []
  const state = { status: 204 }
  const server = createServer((request, answer) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      calls.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') })
      answer.writeHead(state.status, { location: 'http://127.0.0.1:1/' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return Object.assign(state, {
    url: `http://127.0.0.1:${port}/hook?key=not-for-logs`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}
