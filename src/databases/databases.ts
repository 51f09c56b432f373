// The customers' databases over all servers: placement, making, proof, drift. Holds ISOLATED, NOTHING-LOST, PROVEN, QUIET.
// One run per customer at a time: a mutex here, an advisory lock on the server for the other replicas. Nothing here drops anything.
import { TenantryError } from '../api/errors.ts'
import type { Reachable } from './breaker.ts'
import type { DatabaseSpec } from './change.sql.ts'
import { endExpired, readClock } from './clock.sql.ts'
import { Clocks } from './clocks.ts'
import { converge, type At } from './converge.ts'
import { credentialsOf } from './credentials.ts'
import { explain } from './failures.ts'
import { applicationRoles, databaseName, groupsOf, loginName, markOf, slotOf } from './names.ts'
import type { ApplicationRole, Slot } from './names.ts'
import { observation, type Kept, type Observation } from './observation.ts'
import { ensurePeople, peopleOf, refuseMistakes, type People, type PersonFound } from './people.ts'
import { revokePeople, type Leaving, type Revoked } from './people-revocation.ts'
import { Placement } from './placement.ts'
import { problemsOf, type Proof } from './proof.ts'
import type { Slots } from './roles.sql.ts'
import { readFitness, type Fitness } from './server.sql.ts'
import { Server, type Lane, type Login, type ServerOptions, type Session } from './server.ts'
import { countDatabases, readState } from './state.sql.ts'
import { KeyedTurns } from './turns.ts'
import { WarmPool } from './warm-pool.ts'

export type CustomerDatabase = DatabaseSpec & {
  readonly server: string
  readonly logins: Readonly<Record<ApplicationRole, Login>>
}

export type DatabasesOptions = {
  readonly servers: readonly ServerOptions[]
  readonly allowedExtensions: readonly string[]
  /** How many databases stand ready on each server before a customer comes. Default 0. */
  readonly warmPool?: number
  /** How many do, whenever that changes. */
  readonly onPoolReady?: (server: string, ready: number) => void
  /** ms since 1970; default the machine's clock. */
  readonly now?: () => number
}

export class Databases {
  readonly #servers: ReadonlyMap<string, Server>
  readonly #allowedExtensions: ReadonlySet<string>
  readonly #makePool: (server: string) => WarmPool
  readonly #pools = new Map<string, WarmPool>()
  readonly #fitness = new Map<string, Fitness>()
  readonly #customers = new KeyedTurns()
  readonly #people = new KeyedTurns()
  readonly #placement = new Placement()
  readonly #kept = new Map<string, Kept>()
  readonly #keptPeople = new Map<string, ReadonlyMap<string, string>>()
  readonly #clocks: Clocks

  constructor(options: DatabasesOptions) {
    const { servers, allowedExtensions, warmPool = 0, onPoolReady, now = Date.now } = options
    this.#clocks = new Clocks(now)
    this.#servers = new Map(servers.map((server) => [server.name, new Server(server)]))
    this.#makePool = (server) =>
      new WarmPool({ wanted: warmPool, onReady: (ready) => onPoolReady?.(server, ready) })
    this.#allowedExtensions = new Set(allowedExtensions)
  }

  get configured(): boolean {
    return this.#servers.size > 0
  }

  nameFor(customerUid: string): string {
    return databaseName(customerUid)
  }

  usernameFor(customerUid: string, role: ApplicationRole, slot: Slot): string {
    return loginName(customerUid, role, slot)
  }

  /** How others reach a server. */
  addressOf(serverName: string): { readonly host: string; readonly port: number } {
    const { host, port, advertise } = this.#server(serverName).options
    return advertise ?? { host, port }
  }

  /** What is known without asking: the last connection that was tried. */
  reachable(server: string): Reachable {
    return this.#servers.get(server)?.reachable ?? 'unknown'
  }

  /**
   * The server that holds this customer's database already; else one of the pool that has room.
   *
   * @param mayStand something of it was made before, so that it may stand on a server that is silent now: it is waited for
   * @throws TenantryError POOL_UNKNOWN, SERVER_FULL, SERVER_UNREACHABLE when none of the pool answers
   */
  async place(
    signal: AbortSignal,
    pool: string,
    customerUid: string,
    mayStand = false,
  ): Promise<{ readonly server: string }> {
    const servers = [...this.#servers.values()]
    const inPool = servers.map(({ options }) => options.pools.includes(pool))
    if (!inPool.includes(true)) throw new TenantryError('POOL_UNKNOWN', pool)
    const [name, mark] = [databaseName(customerUid), markOf(customerUid)]
    const tried = await Promise.allSettled(
      servers.map((server) =>
        this.#admin(signal, server, async (sql) => ({
          server: server.options,
          ...(await countDatabases(signal, sql, name, mark)),
        })),
      ),
    )
    signal.throwIfAborted()
    const rooms = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const [failure] = tried.flatMap((each, index) =>
      each.status === 'rejected' && (inPool[index] || mayStand) ? [each.reason] : [],
    )
    const isFound = rooms.some(({ holds }) => holds)
    const hasRoom = !mayStand && rooms.some(({ server }) => server.pools.includes(pool))
    if (failure !== undefined && !isFound && !hasRoom) throw failure
    return { server: this.#placement.choose(customerUid, pool, rooms) }
  }

  /** Brings the database to its spec. Reads first; where nothing differs nothing is written. */
  async ensure(
    signal: AbortSignal,
    spec: CustomerDatabase,
  ): Promise<{ readonly wrote: boolean; readonly steps: readonly string[] }> {
    this.#refuseExtensions(spec)
    const used = slotsOf(spec)
    return this.#customer(signal, spec, async (at) => {
      const { steps, roles } = await converge(signal, at, spec, used)
      const verifiers = applicationRoles.map((role) => {
        const { username } = spec.logins[role]
        return [username, roles.get(username)?.verifier] as const
      })
      this.#placement.made(spec.customerUid)
      this.#kept.set(spec.customerUid, { spec, used, verifiers: new Map(verifiers) })
      return { wrote: steps.length > 0, steps }
    })
  }

  /** Asks the catalog again, and signs in as each application (PROVEN). */
  async prove(signal: AbortSignal, spec: CustomerDatabase): Promise<Proof> {
    const used = slotsOf(spec)
    return this.#customer(signal, spec, async (at) => {
      const problems = await problemsOf(signal, at, spec, used)
      return { isolated: problems.length === 0, problems }
    })
  }

  /** Makes databases until enough stand ready, one at a time and whenever no customer is worked for. */
  async fillPool(signal: AbortSignal, serverName: string): Promise<void> {
    const server = this.#server(serverName)
    const pool = this.#pool(server)
    let more = !pool.isFull
    while (more) {
      more = await this.#admin(
        signal,
        server,
        (sql) =>
          pool.fill(signal, sql, {
            maxDatabases: server.options.maxDatabases,
            promised: this.#placement.promisedOn(serverName),
          }),
        'patient',
      )
    }
  }

  /** Another replica may have used and filled the pools meanwhile. */
  forgetPools(): void {
    for (const pool of this.#pools.values()) pool.forget()
  }

  /** What differs on a server, of all its customers: two queries and no write. */
  async observe(signal: AbortSignal, serverName: string): Promise<Observation> {
    const server = this.#server(serverName)
    const state = await this.#admin(signal, server, async (sql, { readsVerifiers }) => {
      const askedAt = this.#clocks.now()
      const found = await readState(signal, sql, 'all', readsVerifiers)
      this.#clocks.saw(serverName, found.clock, askedAt)
      return found
    })
    const kept = [...this.#kept].filter(([, { spec }]) => spec.server === serverName)
    return observation(state, new Map(kept), this.#keptPeople)
  }

  /**
   * Makes and corrects exactly these logins; everybody else's stay as they are. All are tried before a failure is thrown.
   *
   * @throws TenantryError ROLE_FOREIGN for a login that somebody else made: it is not touched
   * @throws RangeError when a login is no person's of this customer, or a technician is to be in `adm`
   */
  async ensurePeople(signal: AbortSignal, people: People): Promise<{ readonly wrote: boolean }> {
    refuseMistakes(people)
    const { customerUid } = people
    const known = this.#keptPeople.get(customerUid)
    const groups = people.people.map(
      (person) => [person.login, groupsOf(customerUid, person).toSorted().join(' ')] as const,
    )
    // Before the first statement: one that fails may have made a login all the same.
    if (known) this.#keptPeople.set(customerUid, new Map([...known, ...groups]))
    const wrote = await this.#inTurn(signal, people, 'usual', async (at) => {
      await this.#lookAtClock(signal, at)
      return ensurePeople(signal, at, {
        ...people,
        people: people.people.map((person) => ({
          ...person,
          until: this.#clocks.endOn(people.server, person.until),
        })),
      })
    })
    return { wrote }
  }

  /**
   * Ends the sessions of all people of all customers on this server whose login has ended: one statement, however many there are.
   * It proves nothing; each customer's own run does.
   *
   * @returns how many there were
   */
  async endExpired(signal: AbortSignal, server: string): Promise<number> {
    const now = this.#clocks.now()
    return this.#admin(
      signal,
      this.#server(server),
      (sql) => endExpired(signal, sql, now),
      'urgent',
    )
  }

  /** How far the server's clock is ahead of ours, in ms, as far as it counts. */
  skewMs(server: string): number {
    return this.#clocks.skewMs(server)
  }

  /**
   * Takes away every person's login of this customer but those that stay (NO-LATE, PROVEN). Any replica may, at any time.
   *
   * @throws TenantryError ROLE_FOREIGN when one of these names is somebody else's: ours are gone then
   */
  async revokePeople(signal: AbortSignal, leaving: Leaving): Promise<Revoked> {
    const { customerUid } = leaving
    const known = this.#keptPeople.get(customerUid)
    this.#keptPeople.delete(customerUid)
    const revoked = await this.#inTurn(signal, leaving, 'urgent', (at) =>
      revokePeople(signal, at, leaving),
    )
    if ('except' in leaving && revoked.proven) {
      const { except } = leaving
      const groups = except.map((login) => [login, known?.get(login) ?? ''] as const)
      this.#keptPeople.set(customerUid, new Map(groups))
    }
    return revoked
  }

  /** Nobody but these has a login here, as far as this process has proven it; `undefined`: not proven. */
  provenPeople(customerUid: string): readonly string[] | undefined {
    const kept = this.#keptPeople.get(customerUid)
    return kept && [...kept.keys()]
  }

  /** Another replica may have let people in meanwhile, or somebody by hand: of one customer, or of all. */
  forgetPeople(customerUid?: string): void {
    if (customerUid === undefined) this.#keptPeople.clear()
    else this.#keptPeople.delete(customerUid)
  }

  /** Everybody who is no application of this customer and has a role of its name, a membership, or a session in its database. */
  async peopleOf(
    signal: AbortSignal,
    customer: { readonly server: string; readonly customerUid: string },
  ): Promise<readonly PersonFound[]> {
    return this.#admin(
      signal,
      this.#server(customer.server),
      (sql) => peopleOf(signal, sql, customer.customerUid),
      'urgent',
    )
  }

  /** Works on the server of a customer's database while nobody else of this process works on that customer. */
  async inTurnOf<T>(
    signal: AbortSignal,
    customer: { readonly server: string; readonly customerUid: string },
    work: (at: At) => Promise<T>,
  ): Promise<T> {
    return this.#customer(signal, customer, work)
  }

  /** A customer that is gone is no longer missed by `observe`. */
  forget(customerUid: string): void {
    this.#placement.made(customerUid)
    this.#kept.delete(customerUid)
    this.#keptPeople.delete(customerUid)
  }

  async credentials(
    serverName: string,
    customerUid: string,
    role: ApplicationRole,
    username: string,
    password: string,
  ): Promise<Record<string, string>> {
    const server = this.#server(serverName)
    const { host, port } = await server.address()
    const options = { ...server.options, host, port }
    return credentialsOf(options, customerUid, role, { username, password })
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((server) => server.stop()))
  }

  #server(name: string): Server {
    const server = this.#servers.get(name)
    if (!server) throw new TenantryError('SERVER_UNKNOWN', name)
    return server
  }

  #pool({ name }: Server): WarmPool {
    const pool = this.#pools.get(name) ?? this.#makePool(name)
    this.#pools.set(name, pool)
    return pool
  }

  #refuseExtensions({ extensions }: DatabaseSpec): void {
    for (const extension of extensions) {
      if (!this.#allowedExtensions.has(extension)) {
        throw new TenantryError('EXTENSION_NOT_ALLOWED', extension)
      }
    }
  }

  async #lookAtClock(signal: AbortSignal, { server, sql }: At): Promise<void> {
    if (this.#clocks.isKnown(server.name)) return
    const askedAt = this.#clocks.now()
    this.#clocks.saw(server.name, await readClock(signal, sql), askedAt)
  }

  /** The customer's turn first, then the server's: nobody holds a worker while waiting for another run of the same customer. */
  async #customer<T>(
    signal: AbortSignal,
    { server: serverName, customerUid }: { readonly server: string; readonly customerUid: string },
    work: (at: At) => Promise<T>,
  ): Promise<T> {
    const server = this.#server(serverName)
    return this.#customers.run(signal, customerUid, () =>
      this.#admin(signal, server, (sql, { readsVerifiers }) =>
        work({ server, sql, readsVerifiers, pool: this.#pool(server) }),
      ),
    )
  }

  /** The server's turn first: a revocation must not wait for a person's turn that itself waits for the server. */
  async #inTurn<T>(
    signal: AbortSignal,
    { server: name, customerUid }: { readonly server: string; readonly customerUid: string },
    lane: Lane,
    work: (at: At) => Promise<T>,
  ): Promise<T> {
    const server = this.#server(name)
    return this.#admin(
      signal,
      server,
      (sql, { readsVerifiers }) =>
        this.#people.run(signal, customerUid, () =>
          work({ server, sql, readsVerifiers, pool: this.#pool(server) }),
        ),
      lane,
    )
  }

  async #admin<T>(
    signal: AbortSignal,
    server: Server,
    work: (sql: Session, fitness: Fitness) => Promise<T>,
    lane: Lane = 'usual',
  ): Promise<T> {
    const fit = async (sql: Session): Promise<T> => {
      const fitness = this.#fitness.get(server.name) ?? (await readFitness(signal, sql))
      this.#fitness.set(server.name, fitness)
      return work(sql, fitness)
    }
    try {
      return await server.admin(signal, fit, lane)
    } catch (error) {
      signal.throwIfAborted()
      this.#fitness.delete(server.name) // the operator's rights may be others now
      throw explain(error, server.name, 'reading the catalog')
    }
  }
}

/** @throws RangeError when a login is none of the two of its role */
function slotsOf({ customerUid, logins }: CustomerDatabase): Slots {
  return {
    adm: slotOf(customerUid, 'adm', logins.adm.username),
    rw: slotOf(customerUid, 'rw', logins.rw.username),
    ro: slotOf(customerUid, 'ro', logins.ro.username),
  }
}
