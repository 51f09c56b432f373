// The customers' databases over all servers: placement, making, proof, drift. Holds ISOLATED, NOTHING-LOST, PROVEN, QUIET.
// One run per customer at a time: a mutex here, an advisory lock on the server for the other replicas. Nothing here drops anything.
import { TenantryError } from '../api/errors.ts'
import type { Reachable } from './breaker.ts'
import type { DatabaseSpec } from './change.sql.ts'
import { Clocks } from './clocks.ts'
import { converge } from './converge.ts'
import { credentialsOf } from './credentials.ts'
import { applicationRoles, databaseName, loginName, slotOf } from './names.ts'
import type { ApplicationRole, Slot } from './names.ts'
import { Motion } from './motion.ts'
import { observation, type Kept, type Observation } from './observation.ts'
import { PeopleLogins } from './people-logins.ts'
import type { People, PersonFound } from './people.ts'
import type { Leaving, Revoked } from './people-revocation.ts'
import { Placement } from './placement.ts'
import { problemsOf, type Proof } from './proof.ts'
import type { Slots } from './roles.sql.ts'
import { readRooms } from './rooms.ts'
import type { Login, ServerOptions } from './server.ts'
import { Servers, type At } from './servers.ts'
import { readState } from './state.sql.ts'
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
  readonly #servers: Servers
  readonly #allowedExtensions: ReadonlySet<string>
  readonly #makePool: (server: string) => WarmPool
  readonly #pools = new Map<string, WarmPool>()
  readonly #customers = new KeyedTurns()
  readonly #placement = new Placement()
  readonly #kept = new Map<string, Kept>()
  readonly #clocks: Clocks
  readonly #people: PeopleLogins
  readonly #motion = new Motion()

  constructor(options: DatabasesOptions) {
    const { servers, allowedExtensions, warmPool = 0, onPoolReady, now = Date.now } = options
    this.#clocks = new Clocks(now)
    this.#servers = new Servers(servers)
    this.#people = new PeopleLogins(this.#servers, this.#clocks)
    this.#makePool = (server) =>
      new WarmPool({ wanted: warmPool, onReady: (ready) => onPoolReady?.(server, ready) })
    this.#allowedExtensions = new Set(allowedExtensions)
  }

  get configured(): boolean {
    return this.#servers.all.length > 0
  }

  nameFor(customerUid: string): string {
    return databaseName(customerUid)
  }

  usernameFor(customerUid: string, role: ApplicationRole, slot: Slot): string {
    return loginName(customerUid, role, slot)
  }

  /** How others reach a server. */
  addressOf(serverName: string): { readonly host: string; readonly port: number } {
    const { host, port, advertise } = this.#servers.named(serverName).options
    return advertise ?? { host, port }
  }

  /** What is known without asking: the last connection that was tried. */
  reachable(server: string): Reachable {
    return this.#servers.reachable(server)
  }

  /** Finds out whether a server answers. @throws TenantryError when it does not */
  async ask(signal: AbortSignal, server: string): Promise<void> {
    await this.#servers.work(signal, server, async () => {})
  }

  /** Called when a server answers that did not: who waits for it need not wait longer. */
  onBack(tell: (server: string) => void): void {
    this.#servers.onBack(tell)
  }

  /**
   * The server that holds this customer's database already; else one of the pool that has room.
   *
   * @param mayStand something of it was made before, so that it may stand on a server that is silent now: it is waited for
   * @throws TenantryError POOL_UNKNOWN, SERVER_FULL, SERVER_UNREACHABLE
   */
  async place(
    signal: AbortSignal,
    pool: string,
    customerUid: string,
    mayStand = false,
  ): Promise<{ readonly server: string }> {
    const rooms = await readRooms(signal, this.#servers, { pool, customerUid, mayStand })
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
      const { steps, roles } = await converge(signal, at, spec, {
        used,
        pool: this.#pool(spec.server),
      })
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
    const pool = this.#pool(serverName)
    let more = !pool.isFull
    while (more) {
      const fill = ({ sql, server }: At) =>
        pool.fill(signal, sql, {
          maxDatabases: server.options.maxDatabases,
          promised: this.#placement.promisedOn(serverName),
        })
      more = await this.#servers.work(signal, serverName, fill, 'patient')
    }
  }

  /** Another replica may have used and filled the pools meanwhile. */
  forgetPools(): void {
    for (const pool of this.#pools.values()) pool.forget()
  }

  /** What differs on a server, of all its customers: two queries and no write. */
  async observe(signal: AbortSignal, serverName: string): Promise<Observation> {
    const begun = this.#motion.now()
    const state = await this.#servers.work(signal, serverName, async ({ sql, readsVerifiers }) => {
      const askedAt = this.#clocks.now()
      const found = await readState(signal, sql, 'all', readsVerifiers)
      this.#clocks.saw(serverName, found.clock, askedAt)
      return found
    })
    const kept = [...this.#kept].filter(([, { spec }]) => spec.server === serverName)
    const isStill = (uid: string) => this.#motion.stillSince(uid, begun)
    return observation(state, new Map(kept), this.#people.kept, isStill)
  }

  /**
   * Makes and corrects exactly these logins; everybody else's stay as they are. All are tried before a failure is thrown.
   *
   * @throws TenantryError ROLE_FOREIGN for a login that somebody else made: it is not touched
   * @throws RangeError when a login is no person's of this customer, or a technician is to be in `adm`
   */
  async ensurePeople(signal: AbortSignal, people: People): Promise<{ readonly wrote: boolean }> {
    return this.#motion.during(people.customerUid, () => this.#people.ensure(signal, people))
  }

  /**
   * Ends the sessions of all people of all customers on this server whose login has ended: one statement, however many there are.
   * It proves nothing; each customer's own run does.
   *
   * @returns how many there were
   */
  async endExpired(signal: AbortSignal, server: string): Promise<number> {
    return this.#people.endExpired(signal, server)
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
    return this.#motion.during(leaving.customerUid, () => this.#people.revoke(signal, leaving))
  }

  /** Nobody but these has a login here, as far as this process has proven it; `undefined`: not proven. */
  provenPeople(customerUid: string): readonly string[] | undefined {
    const kept = this.#people.kept.get(customerUid)
    return kept && [...kept.keys()]
  }

  /** Another replica may have let people in meanwhile, or somebody by hand: of one customer, or of all. */
  forgetPeople(customerUid?: string): void {
    this.#people.forget(customerUid)
  }

  /** Everybody who is no application of this customer and has a role of its name, a membership, or a session in its database. */
  async peopleOf(
    signal: AbortSignal,
    customer: { readonly server: string; readonly customerUid: string },
  ): Promise<readonly PersonFound[]> {
    return this.#people.of(signal, customer)
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
    this.#people.forget(customerUid)
    this.#motion.forget(customerUid)
  }

  async credentials(
    serverName: string,
    customerUid: string,
    role: ApplicationRole,
    username: string,
    password: string,
  ): Promise<Record<string, string>> {
    const server = this.#servers.named(serverName)
    const { host, port } = await server.address()
    const options = { ...server.options, host, port }
    return credentialsOf(options, customerUid, role, { username, password })
  }

  async stop(): Promise<void> {
    await this.#servers.stop()
  }

  #pool(server: string): WarmPool {
    const pool = this.#pools.get(server) ?? this.#makePool(server)
    this.#pools.set(server, pool)
    return pool
  }

  #refuseExtensions({ extensions }: DatabaseSpec): void {
    for (const extension of extensions) {
      if (!this.#allowedExtensions.has(extension)) {
        throw new TenantryError('EXTENSION_NOT_ALLOWED', extension)
      }
    }
  }

  /** The customer's turn first, then the server's: nobody holds a worker while waiting for another run of the same customer. */
  async #customer<T>(
    signal: AbortSignal,
    { server, customerUid }: { readonly server: string; readonly customerUid: string },
    work: (at: At) => Promise<T>,
  ): Promise<T> {
    const turn = () => this.#servers.work(signal, server, work)
    const moving = () => this.#motion.during(customerUid, turn)
    return this.#customers.run(signal, customerUid, moving)
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
