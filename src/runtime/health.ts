// The process as kubelet and Prometheus see it: /livez, /readyz, /metrics on plain HTTP. A check
// answers with what is wrong, in words; an empty answer is health. No request and no check that
// throws may end the process.

import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'

type Check = () => readonly string[]

export type HealthOptions = {
  readonly host: string
  /** 0: any free one; which it became, the server that is returned says. */
  readonly port: number
  /** Problems that only a restart can solve. */
  readonly live: Check
  /** Problems because of which this process should not be asked yet. */
  readonly ready: Check
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>
}

export type HealthServer = { readonly port: number; stop(): Promise<void> }

/**
 * Serves until `stop`, also while the process is on its way out; the signal ends only the start.
 *
 * @throws Error when the port is taken
 */
export async function startHealthServer(
  signal: AbortSignal,
  options: HealthOptions,
): Promise<HealthServer> {
  const { host, port } = options
  // Imported by name it brings fetch and WebSockets with it, which a command would wait for and never use.
  const { createServer } = await import('node:http')
  const server = createServer((request, response) => void answer(request, response, options))
  server.listen(port, host)
  try {
    await once(server, 'listening', { signal })
  } catch (error) {
    server.close()
    throw error
  }
  // A connection that cannot be accepted (no file handles left) is the probe's to notice.
  server.on('error', () => {})
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async stop() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  { method, url = '/' }: IncomingMessage,
  response: ServerResponse,
  { live, ready, metrics }: HealthOptions,
): Promise<void> {
  const [path = '/', query = ''] = url.split('?', 2)
  const verbose = new URLSearchParams(query).has('verbose')
  if (method !== 'GET' && method !== 'HEAD') {
    return send(response, 405, 'Only GET and HEAD are answered here.\n')
  }
  switch (path) {
    case '/livez':
    case '/healthz':
      return tell(response, { live }, verbose)
    case '/readyz':
      return tell(response, { live, ready }, verbose)
    case '/metrics':
      try {
        const { contentType, text } = await metrics()
        return send(response, 200, text, contentType)
      } catch {
        return send(response, 500, 'The metrics could not be collected.\n')
      }
    default:
      return send(response, 404, 'There are /livez, /readyz and /metrics.\n')
  }
}

/** A failure always names its problems; `?verbose` lists the checks that passed too. */
function tell(
  response: ServerResponse,
  checks: Readonly<Record<string, Check>>,
  verbose: boolean,
): void {
  const found = Object.entries(checks).map(([name, check]) => ({ name, problems: run(check) }))
  const healthy = found.every(({ problems }) => problems.length === 0)
  const lines = found.flatMap(({ name, problems }) =>
    problems.length === 0 ? [`[+] ${name}: ok`] : problems.map((each) => `[-] ${name}: ${each}`),
  )
  const shown = verbose ? lines : lines.filter((line) => line.startsWith('[-]'))
  send(response, healthy ? 200 : 503, `${[...shown, healthy ? 'ok' : 'failed'].join('\n')}\n`)
}

function run(check: Check): readonly string[] {
  try {
    return check()
  } catch (error) {
    return [`The check itself failed: ${error instanceof Error ? error.message : 'unknown'}`]
  }
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': contentType }).end(text)
}
