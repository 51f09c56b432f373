// One PostgreSQL server: sessions on its administrative database and inside customers' databases.
// At most four works go on at once, each on an administrative connection with one more inside a database: more DDL workers only
// wait for each other's locks. Whoever takes access away has two places more, and waits for no database that is being made. Who
// waits for a place waits here and not in the pool, whose time-out would look like a dead server.
import { Client, Pool, type ClientConfig } from 'pg'
import { TenantryError } from '../api/errors.ts'
import { Breaker, type BreakerOptions, type Reachable } from './breaker.ts'
import { isCollision, reachability } from './failures.ts'
import { Turns } from './turns.ts'

export type ServerOptions = {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly user: string
  /** Read at every connection: it may be rotated while the operator runs. */
  readonly password: () => Promise<string>
  /** Default postgres. */
  readonly database?: string
  readonly tls: { readonly ca: string } | 'off'
  /** How many customers' databases it may hold. */
  readonly maxDatabases: number
  /** The pools that it belongs to. */
  readonly pools: readonly string[]
  /** What customers' Secrets say, where it differs from how the operator reaches it. */
  readonly advertise?: { readonly host: string; readonly port: number }
}

export type Session = {
  readonly serverName: string
  /** Without values it is the simple protocol: a batch of statements is one transaction. */
  query<Row>(
    signal: AbortSignal,
    text: string,
    values?: readonly unknown[],
  ): Promise<readonly Row[]>
}

/** Urgent is what takes access away. */
export type Lane = 'usual' | 'urgent'

export type Login = { readonly username: string; readonly password: string }

const workers = 4
const urgentWorkers = 2
const attempts = 5

// A customer's objects must never shadow what the operator calls.
const parameters =
  '-c search_path=pg_catalog -c statement_timeout=30s -c idle_in_transaction_session_timeout=30s'
/** On the administrative database one waits for another replica; inside, for a customer's transaction, which may last. */
const lockTimeouts = { admin: '10s', inside: '2s' } as const

export class Server {
  readonly options: ServerOptions
  readonly #pool: Pool
  readonly #lanes = { usual: new Turns(workers), urgent: new Turns(urgentWorkers) } as const
  readonly #breaker: Breaker

  constructor(options: ServerOptions, breaker: BreakerOptions = {}) {
    this.options = options
    this.#breaker = new Breaker(breaker)
    const database = options.database ?? 'postgres'
    this.#pool = new Pool({
      ...this.#config(database, 'admin'),
      max: workers + urgentWorkers,
      idleTimeoutMillis: 30_000,
    })
    this.#pool.on('error', () => {}) // an idle connection was cut; the next use opens another
  }

  get name(): string {
    return this.options.name
  }

  get reachable(): Reachable {
    return this.#breaker.reachable
  }

  /** Works on the administrative database, on one connection from beginning to end, when its turn comes. */
  async admin<T>(
    signal: AbortSignal,
    work: (session: Session) => Promise<T>,
    lane: Lane = 'usual',
  ): Promise<T> {
    return this.#lanes[lane].run(signal, async () => {
      const client = await this.#reach(signal, () => {
        const arriving = this.#pool.connect()
        const leave = () => void arriving.then((late) => late.release()).catch(() => {})
        return orAborted(signal, arriving, leave)
      })
      let broken: Error | undefined
      const onError = (error: Error): void => {
        broken = error
      }
      client.on('error', onError)
      try {
        return await work(this.#session(client))
      } catch (error) {
        // Its session may hold a lock or half a transaction: nobody gets it again.
        broken ??= error instanceof Error ? error : new Error('failed')
        throw error
      } finally {
        client.off('error', onError)
        client.release(broken ?? false)
      }
    })
  }

  /** Works inside a database, as the operator, on a connection of its own. Belongs inside an `admin`, whose turn it shares. */
  async inside<T>(
    signal: AbortSignal,
    database: string,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    return this.#connected(signal, this.#config(database, 'inside'), work)
  }

  /** The same as somebody else: proof by signing in. A refused login is thrown as the driver says it. */
  async as<T>(
    signal: AbortSignal,
    database: string,
    { username: user, password }: Login,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    return this.#connected(signal, { ...this.#config(database, 'inside'), user, password }, work)
  }

  async stop(): Promise<void> {
    await this.#pool.end()
  }

  async #connected<T>(
    signal: AbortSignal,
    config: ClientConfig,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const client = new Client(config)
    client.on('error', () => {}) // the running statement fails and says so
    try {
      await this.#reach(signal, () => orAborted(signal, client.connect(), () => {}))
      return await work(this.#session(client))
    } finally {
      const ended = client.end().catch(() => {}) // it was never connected, or is gone
      if (!signal.aborted) await ended
    }
  }

  #config(database: string, where: keyof typeof lockTimeouts): ClientConfig {
    const { host, port, user, tls } = this.options
    return {
      host,
      port,
      user,
      password: () => this.#password(),
      database,
      ssl: tls === 'off' ? false : { ca: tls.ca, rejectUnauthorized: true },
      application_name: 'tenantry',
      options: `${parameters} -c lock_timeout=${lockTimeouts[where]}`,
      connectionTimeoutMillis: 5_000,
      query_timeout: 35_000,
      keepAlive: true,
    }
  }

  async #password(): Promise<string> {
    try {
      return await this.options.password()
    } catch (error) {
      throw new TenantryError('SERVER_PASSWORD_UNREADABLE', this.name, { cause: error })
    }
  }

  /** Opens a connection, unless the server was silent just now. */
  async #reach<T>(signal: AbortSignal, connect: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    return this.#breaker.attempt(
      connect,
      (error) => (signal.aborted ? 'unknown' : reachability(error)),
      () => new TenantryError('SERVER_UNREACHABLE', this.name),
    )
  }

  #session(client: Client): Session {
    const once = async <Row>(signal: AbortSignal, text: string, values: readonly unknown[]) => {
      const asked =
        values.length === 0
          ? client.query<Row & object>(text)
          : client.query<Row & object>(text, [...values])
      // An abort cuts the connection: PostgreSQL may still carry the statement out, as after a crash.
      const { rows } = await orAborted(signal, asked, () => void client.end().catch(() => {}))
      return rows
    }
    return {
      serverName: this.name,
      query: async <Row>(signal: AbortSignal, text: string, values: readonly unknown[] = []) => {
        for (let attempt = 1; ; attempt += 1) {
          signal.throwIfAborted()
          try {
            return await once<Row>(signal, text, values)
          } catch (error) {
            if (!isCollision(error) || attempt === attempts) throw error
          }
        }
      },
    }
  }
}

/** Waits no longer than the signal allows; `leave` then disposes of what is still under way. */
async function orAborted<T>(signal: AbortSignal, work: Promise<T>, leave: () => void): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onAbort = (): void => {
    leave()
    reject(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  work.then(resolve, reject)
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
