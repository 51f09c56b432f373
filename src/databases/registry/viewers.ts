// The logins by which people look at the devices of all customers that they may enter. Holds QUIET, NO-LATE, ISOLATED.
import { TenantryError } from '../../api/errors.ts'
import type { Control } from '../control/control.ts'
import { controlMark } from '../control/names.ts'
import { isTaken } from '../failures.ts'
import { scramVerifier } from '../scram.ts'
import {
  createViewer,
  dropViewer,
  endSessions,
  readEnded,
  readOutside,
  readViewer,
  repairViewer,
  viewerLogin,
} from './viewers.sql.ts'

export class Viewers {
  readonly #control: Control
  /** Who has a login, as far as this process has seen to it. */
  readonly #known = new Set<string>()

  constructor(control: Control) {
    this.#control = control
  }

  get serverName(): string {
    return this.#control.serverName
  }

  has(person: string): boolean {
    return this.#known.has(person)
  }

  loginOf(person: string): string {
    return viewerLogin(person)
  }

  credentials(person: string, password: string): Record<string, string> {
    return this.#control.credentials({ username: viewerLogin(person), password })
  }

  /** @throws TenantryError ROLE_FOREIGN when somebody else has made a role of that name */
  async ensure(signal: AbortSignal, person: string, password: string): Promise<void> {
    const username = viewerLogin(person)
    await this.#control.administer(signal, `the login ${username}`, async (sql) => {
      let found = await readViewer(signal, sql, username)
      if (!found) {
        try {
          await createViewer(signal, sql, username, await scramVerifier(password))
          return
        } catch (error) {
          if (!isTaken(error)) throw error // another replica was faster
          found = await readViewer(signal, sql, username)
        }
      }
      if (found?.mark !== controlMark) throw new TenantryError('ROLE_FOREIGN', username)
    })
    // Whoever has a login may change its password.
    if (!(await this.#control.lets(signal, { username, password }))) {
      const verifier = await scramVerifier(password)
      await this.#control.administer(signal, `the login ${username}`, (sql) =>
        repairViewer(signal, sql, username, verifier),
      )
    }
    this.#known.add(person)
  }

  /** Any replica may, at any time. */
  async endSessions(signal: AbortSignal): Promise<number> {
    return this.#control.administer(
      signal,
      'ending sessions',
      (sql) => endSessions(signal, sql),
      'urgent',
    )
  }

  /** Ends the logins of those who may enter no customer any more. */
  async sweep(signal: AbortSignal): Promise<void> {
    await this.#control.administer(signal, 'ending logins', async (sql) => {
      await endSessions(signal, sql)
      for (const { login, person } of await readEnded(signal, sql)) {
        this.#known.delete(person)
        await dropViewer(signal, sql, login)
      }
    })
  }

  /** Those of them who may enter no customer. */
  async outside(signal: AbortSignal, people: readonly string[]): Promise<readonly string[]> {
    if (people.length === 0) return []
    return this.#control.work(signal, 'reading the ledger', (sql) =>
      readOutside(signal, sql, people),
    )
  }

  /** Another replica may have ended some meanwhile: that of one person, or any. */
  forget(person?: string): void {
    if (person === undefined) this.#known.clear()
    else this.#known.delete(person)
  }
}
