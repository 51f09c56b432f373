// Writers that make objects as fast as the API server takes them, so that what is measured beside them
// has to get through.
import { connectKubeconfig, Client } from '../../src/runtime/index.ts'
import type { BenchWorld } from './world.ts'

const writers = 16
const filling = 'x'.repeat(500)

/** @returns what ends it, and says how many were made */
export async function startLoad(
  signal: AbortSignal,
  { platform }: BenchWorld,
): Promise<() => Promise<number>> {
  const connection = await connectKubeconfig(signal, platform.plane.kubeconfig)
  const client = new Client(connection, { userAgent: 'bench-load', timeoutMs: 60_000 })
  const stopping = new AbortController()
  let made = 0
  const write = async () => {
    while (!stopping.signal.aborted && !signal.aborted) {
      await client.request(signal, {
        method: 'POST',
        path: '/api/v1/namespaces/default/configmaps',
        body: {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { generateName: 'load-' },
          data: { filling },
        },
      })
      made += 1
    }
  }
  const writing = Promise.all(Array.from({ length: writers }, write))
  writing.catch(() => {}) // told by whoever ends it
  return async () => {
    stopping.abort()
    await writing
    await connection.stop()
    return made
  }
}
