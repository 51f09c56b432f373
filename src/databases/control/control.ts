// The control database of the platform, on one of its servers: made and migrated once per process, at first use; then worked in
// as a role that can add to the audit and take nothing from it. Whoever needs it waits for it; customers' databases do not.
import { TenantryError } from '../../api/errors.ts'
import { Breaker, type Reachable } from '../breaker.ts'
import { credentialsFor } from '../credentials.ts'
import { explain, isRefusedLogin } from '../failures.ts'
import { Server, type Lane, type Login, type ServerOptions, type Session } from '../server.ts'
import { Turns } from '../turns.ts'
import { createControlDatabase } from './create.sql.ts'
import { migrate } from './migrations.ts'
import { controlDatabase, writerRole } from './names.ts'

export class Control {
  readonly #admin: Server
  readonly #own: Server
  readonly #first = new Turns(1)
  readonly #onBack: (() => void)[] = []
  readonly #breaker = new Breaker({ onBack: () => this.#onBack.forEach((tell) => tell()) })
  #isReady = false

  constructor(server: ServerOptions) {
    this.#admin = new Server(server)
    this.#own = new Server({ ...server, database: controlDatabase, role: writerRole })
  }

  /** What the last attempt showed. */
  get reachable(): Reachable {
    return this.#breaker.reachable
  }

  /** Called when it answers and did not before. */
  onBack(tell: () => void): void {
    this.#onBack.push(tell)
  }

  /** Its server was found to answer, by somebody who works there for customers. */
  tryNow(): void {
    for (const each of [this.#breaker, this.#admin, this.#own]) each.tryNow()
  }

  get serverName(): string {
    return this.#admin.name
  }

  /**
   * Works in the control database, as the role of ordinary work.
   *
   * @param step what is done, for whoever reads of its failure
   * @throws TenantryError SERVER_UNREACHABLE and its like; CONTROL_SCHEMA_NEWER; ROLE_FOREIGN, DATABASE_FOREIGN
   */
  async work<T>(
    signal: AbortSignal,
    step: string,
    work: (sql: Session) => Promise<T>,
    lane: Lane = 'usual',
  ): Promise<T> {
    const attempt = async (): Promise<T> => {
      try {
        await this.#whenReady(signal)
        return await this.#own.admin(signal, work, lane)
      } catch (error) {
        signal.throwIfAborted()
        throw explain(error, this.serverName, step)
      }
    }
    const refusal = () => new TenantryError('SERVER_UNREACHABLE', this.serverName)
    return this.#breaker.attempt(attempt, isSilent, refusal)
  }

  /**
   * Works in the control database as the server's administrator: for logins, to which the role of ordinary work has no right.
   *
   * @throws TenantryError as `work` does
   */
  async administer<T>(
    signal: AbortSignal,
    step: string,
    work: (sql: Session) => Promise<T>,
    lane: Lane = 'usual',
  ): Promise<T> {
    try {
      await this.#whenReady(signal)
      const inside = () => this.#admin.inside(signal, controlDatabase, work)
      return await this.#admin.admin(signal, inside, lane)
    } catch (error) {
      signal.throwIfAborted()
      throw explain(error, this.serverName, step)
    }
  }

  /** Whether this login is let into the control database. */
  async lets(signal: AbortSignal, login: Login): Promise<boolean> {
    try {
      await this.#admin.as(signal, controlDatabase, login, async () => {})
      return true
    } catch (error) {
      signal.throwIfAborted()
      if (isRefusedLogin(error)) return false
      throw explain(error, this.serverName, `signing in as ${login.username}`)
    }
  }

  credentials(login: Login): Record<string, string> {
    return credentialsFor(this.#admin.options, controlDatabase, login)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#admin.stop(), this.#own.stop()])
  }

  /** One attempt at a time, each under the signal of the one who makes it. */
  async #whenReady(signal: AbortSignal): Promise<void> {
    if (this.#isReady) return
    await this.#first.run(signal, async () => {
      if (!this.#isReady) await this.#makeReady(signal)
      this.#isReady = true
    })
  }

  async #makeReady(signal: AbortSignal): Promise<void> {
    await this.#admin.admin(signal, async (sql) => {
      await createControlDatabase(signal, sql)
      await this.#admin.inside(signal, controlDatabase, (inner) => migrate(signal, inner))
    })
  }
}

/** All customers wait for this one database: whoever ran out of patience has found out for everybody. */
function isSilent(error: unknown): Reachable {
  if (error instanceof TenantryError) return error.code === 'SERVER_UNREACHABLE' ? 'no' : 'yes'
  return error instanceof Error && error.name === 'TimeoutError' ? 'no' : 'unknown'
}
