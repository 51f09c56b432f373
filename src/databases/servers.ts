// All servers of the configuration: which there are, whether they are fit, whether they answer, and work on one of them.
// The rule nobody would guess: whoever waits for a server that is silent is woken when it answers, and does not try on and on.
import { TenantryError } from '../api/errors.ts'
import type { Reachable } from './breaker.ts'
import { explain } from './failures.ts'
import { readFitness, type Fitness } from './server.sql.ts'
import { Server, type Lane, type ServerOptions, type Session } from './server.ts'

/** Where a customer is worked at: a server, and a session on its administrative database. */
export type At = Fitness & {
  readonly server: Server
  readonly sql: Session
}

export class Servers {
  readonly #byName: ReadonlyMap<string, Server>
  readonly #fitness = new Map<string, Fitness>()
  readonly #onBack: ((server: string) => void)[] = []

  constructor(servers: readonly ServerOptions[]) {
    const made = servers.map((options) => {
      const onBack = () => this.#onBack.forEach((tell) => tell(options.name))
      return [options.name, new Server(options, { onBack })] as const
    })
    this.#byName = new Map(made)
  }

  get all(): readonly Server[] {
    return [...this.#byName.values()]
  }

  /** @throws TenantryError SERVER_UNKNOWN */
  named(name: string): Server {
    const server = this.#byName.get(name)
    if (!server) throw new TenantryError('SERVER_UNKNOWN', name)
    return server
  }

  /** What is known without asking: the last connection that was tried. */
  reachable(name: string): Reachable {
    return this.#byName.get(name)?.reachable ?? 'unknown'
  }

  /** Called when a server answers that did not. */
  onBack(tell: (server: string) => void): void {
    this.#onBack.push(tell)
  }

  /**
   * Works on a server's administrative database when its turn comes.
   *
   * @throws TenantryError, whatever the server says against it
   */
  async work<T>(
    signal: AbortSignal,
    name: string,
    work: (at: At) => Promise<T>,
    lane: Lane = 'usual',
  ): Promise<T> {
    const server = this.named(name)
    const fit = async (sql: Session): Promise<T> => {
      const { readsVerifiers } = this.#fitness.get(name) ?? (await readFitness(signal, sql))
      this.#fitness.set(name, { readsVerifiers })
      return work({ server, sql, readsVerifiers })
    }
    try {
      return await server.admin(signal, fit, lane)
    } catch (error) {
      signal.throwIfAborted()
      this.#fitness.delete(name) // the operator's rights may be others now
      throw explain(error, name, 'reading the catalog')
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((server) => server.stop()))
  }
}

/** Works inside the database; what the server says against it is told as such. */
export async function inside<T>(
  signal: AbortSignal,
  { server }: At,
  name: string,
  work: (inner: Session) => Promise<T>,
): Promise<T> {
  try {
    return await server.inside(signal, name, work)
  } catch (error) {
    signal.throwIfAborted()
    throw explain(error, server.name, 'looking inside the database')
  }
}
