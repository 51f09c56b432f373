// An independent watcher: when each customer, or object of another kind, became Ready, as everybody else would
// see it. One watch, open before the first manifest is sent. Objects are told apart by their names alone.
import { resources } from '../../src/api/resources.ts'
import type { Client, ResourceOf } from '../../src/runtime/index.ts'
import { field } from '../support/world.ts'

export type ReadyWatch = {
  /** When its event came, by `performance.now`; `undefined`: not Ready yet. */
  at(name: string): number | undefined
  /** Resolves when all of these have been Ready. */
  all(names: readonly string[], withinMs: number): Promise<void>
  readonly count: number
  stop(): Promise<void>
}

const watchSeconds = 3_600

export async function watchReady(
  signal: AbortSignal,
  client: Client,
  resource: ResourceOf<unknown> = resources.customers,
): Promise<ReadyWatch> {
  const stopping = new AbortController()
  const both = AbortSignal.any([signal, stopping.signal])
  const { resourceVersion } = await client.list(signal, resource, { limit: 1 })
  const when = new Map<string, number>()
  let told = () => {}
  let failure: unknown
  const watching = (async () => {
    const options = { resourceVersion, timeoutSeconds: watchSeconds }
    for await (const { type, object } of client.watch(both, resource, options)) {
      if (type === 'BOOKMARK' || !isReady(object)) continue
      const name = String(field(object, 'metadata', 'name'))
      if (when.has(name)) continue
      when.set(name, performance.now())
      told()
    }
    throw new Error(`The watch of ${resource.plural} ended. Run the benchmark again.`)
  })().catch((error: unknown) => {
    if (both.aborted) return
    failure = error
    told()
  })
  return {
    at: (name) => when.get(name),
    get count() {
      return when.size
    },
    async all(names, withinMs) {
      const missing = new Set(names)
      const enough = AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
      await new Promise<void>((resolve, reject) => {
        const look = () => {
          if (failure !== undefined) reject(failure)
          for (const name of missing) if (when.has(name)) missing.delete(name)
          if (missing.size === 0) resolve()
        }
        told = look
        enough.addEventListener('abort', () => {
          const some = [...missing].slice(0, 3).join(', ')
          reject(
            signal.aborted
              ? signal.reason
              : new Error(
                  `${missing.size} ${resource.plural} are not Ready after ${withinMs / 1000} s, ${some} among them. The operator's log says why.`,
                ),
          )
        })
        look()
      })
    },
    async stop() {
      stopping.abort()
      await watching
    },
  }
}

export function isReady(object: unknown): boolean {
  const conditions = field(object, 'status', 'conditions')
  return (
    Array.isArray(conditions) &&
    conditions.some((one) => field(one, 'type') === 'Ready' && field(one, 'status') === 'True')
  )
}
