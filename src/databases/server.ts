// One PostgreSQL server: sessions on its administrative database and inside customers' databases.
// At most four works go on at once, each on an administrative connection with one more inside a database: more DDL workers only
// wait for each other's locks. Whoever takes access away has two places more, and waits for no database that is being made; the one
// statement that ends all sessions whose time is over has a place of its own, and waits for nobody's proof either. Who waits for a
// place waits here and not in the pool, whose time-out would look like a dead server.
import { createHash } from 'node:crypto'
import { Client, Pool, type ClientConfig, type PoolClient } from 'pg'
import { TenantryError } from '../api/errors.ts'
import { Breaker, type BreakerOptions, type Reachable } from './breaker.ts'
import { isCollision, reachability } from './failures.ts'
import { Turns } from './turns.ts'

export type Address = { readonly host: string; readonly port: number; readonly user: string }

export type ServerOptions = Address & {
  readonly name: string
  /** Instead of host, port and user where these may change: asked again after a connection that failed. */
  readonly locate?: () => Promise<Address>
  /** Read at every connection: it may be rotated while the operator runs. */
  readonly password: () => Promise<string>
  /** Default postgres. */
  readonly database?: string
  /** What it acts as on that database. Default: the user. */
  readonly role?: string
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
  /**
   * The same for a question that is asked again and again: the connection keeps it parsed, and plans it each time. For catalogs
   * alone: a table of ours may get another shape, and PostgreSQL then refuses what it has kept.
   */
  queryOften<Row>(
    signal: AbortSignal,
    text: string,
    values: readonly unknown[],
  ): Promise<readonly Row[]>
}

/** Urgent is what takes access away, and ending what does so without proof; patient what nobody waits for. */
export type Lane = 'usual' | 'urgent' | 'ending' | 'patient'

export type Login = { readonly username: string; readonly password: string }

const places = { usual: 4, urgent: 2, ending: 1 } as const
const attempts = 5

const parameters = [
  // A customer's objects must never shadow what the operator calls.
  'search_path=pg_catalog',
  // A plan that was kept while the catalogs were small reads them whole when they are large: from 1 to 7 ms with 480 customers.
  'plan_cache_mode=force_custom_plan',
  'statement_timeout=30s',
  'idle_in_transaction_session_timeout=30s',
]
/** On the administrative database one waits for another replica; inside, for a customer's transaction, which may last. */
const lockTimeouts = { admin: '10s', inside: '2s' } as const

export class Server {
  readonly options: ServerOptions
  #located: Address | undefined
  #pool: { readonly key: string; readonly pool: Pool } | undefined
  readonly #lanes = {
    usual: new Turns(places.usual),
    urgent: new Turns(places.urgent),
    ending: new Turns(places.ending),
  } as const
  readonly #breaker: Breaker

  constructor(options: ServerOptions, breaker: BreakerOptions = {}) {
    this.options = options
    this.#breaker = new Breaker(breaker)
  }

  get name(): string {
    return this.options.name
  }

  get reachable(): Reachable {
    return this.#breaker.reachable
  }

  /** See Breaker. */
  tryNow(): void {
    this.#breaker.tryNow()
  }

  /** Works on the administrative database, on one connection from beginning to end, when its turn comes. */
  async admin<T>(
    signal: AbortSignal,
    work: (session: Session) => Promise<T>,
    lane: Lane = 'usual',
  ): Promise<T> {
    const turns = this.#lanes[lane === 'patient' ? 'usual' : lane]
    const turn = async (): Promise<T> => {
      const client = await this.#reach(signal, () => {
        const arriving = this.#connect()
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
    }
    return turns.run(signal, turn, lane === 'patient' ? 'patient' : 'usual')
  }

  /** Works inside a database, as the operator, on a connection of its own. Belongs inside an `admin`, whose turn it shares. */
  async inside<T>(
    signal: AbortSignal,
    database: string,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    return this.#connected(signal, this.#config(await this.address(), database, 'inside'), work)
  }

  /** The same as somebody else: proof by signing in. A refused login is thrown as the driver says it. */
  async as<T>(
    signal: AbortSignal,
    database: string,
    { username: user, password }: Login,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const config = this.#config(await this.address(), database, 'inside')
    return this.#connected(signal, { ...config, user, password }, work)
  }

  async stop(): Promise<void> {
    await this.#pool?.pool.end()
  }

  /** @throws TenantryError SERVER_PASSWORD_UNREADABLE */
  async address(): Promise<Address> {
    const { locate } = this.options
    if (!locate) return this.options
    this.#located ??= await this.#readable(locate)
    return this.#located
  }

  /** On the administrative database; connections to another address than before are left to end by themselves. */
  async #connect(): Promise<PoolClient> {
    const { database = 'postgres', role } = this.options
    const address = await this.address()
    const key = JSON.stringify([address.host, address.port, address.user])
    if (this.#pool?.key !== key) {
      void this.#pool?.pool.end().catch(() => {})
      const pool = new Pool({
        ...this.#config(address, database, 'admin', role),
        max: places.usual + places.urgent + places.ending,
        idleTimeoutMillis: 30_000,
      })
      pool.on('error', () => {}) // an idle connection was cut; the next use opens another
      this.#pool = { key, pool }
    }
    try {
      return await this.#pool.pool.connect()
    } catch (error) {
      this.#located = undefined
      throw error
    }
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

  #config(
    { host, port, user }: Address,
    database: string,
    where: keyof typeof lockTimeouts,
    role?: string,
  ): ClientConfig {
    const { tls } = this.options
    return {
      host,
      port,
      user,
      password: () => this.#readable(this.options.password),
      database,
      ssl: tls === 'off' ? false : { ca: tls.ca, rejectUnauthorized: true },
      application_name: 'tenantry',
      options: [
        ...parameters,
        `lock_timeout=${lockTimeouts[where]}`,
        ...(role === undefined ? [] : [`role=${role}`]),
      ]
        .map((setting) => `-c ${setting}`)
        .join(' '),
      connectionTimeoutMillis: 5_000,
      query_timeout: 35_000,
      keepAlive: true,
    }
  }

  async #readable<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read()
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
    const query = async <Row>(
      signal: AbortSignal,
      text: string,
      values: readonly unknown[] = [],
      name?: string,
    ): Promise<readonly Row[]> => {
      const config = { text, ...(values.length > 0 && { values: [...values] }) }
      for (let attempt = 1; ; attempt += 1) {
        signal.throwIfAborted()
        try {
          const asked = client.query<Row & object>(
            name === undefined ? config : { ...config, name },
          )
          // An abort cuts the connection: PostgreSQL may still carry the statement out, as after a crash.
          const { rows } = await orAborted(signal, asked, () => void client.end().catch(() => {}))
          return rows
        } catch (error) {
          if (!isCollision(error) || attempt === attempts) throw error
        }
      }
    }
    return {
      serverName: this.name,
      query: (signal, text, values) => query(signal, text, values),
      queryOften: (signal, text, values) => query(signal, text, values, nameOf(text)),
    }
  }
}

/** What is kept under a name must be the same text each time; PostgreSQL takes 63 bytes of a name. */
function nameOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
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
