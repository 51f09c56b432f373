// Tells the audit where people sign in, whenever that has changed. What was told is read once and kept, so that a run without a
// change asks nothing (QUIET).
import { TenantryError } from '../../api/errors.ts'
import type { Control } from './control.ts'
import { readSignIns, writeSignIn, type SignIn } from './sign-ins.sql.ts'

const patienceMs = 3_000

export class SignIns {
  readonly #control: Control
  readonly #actor: string
  #told: Promise<Map<string, string | null>> | undefined

  /** @param actor names this replica in the audit */
  constructor(control: Control, actor: string) {
    this.#control = control
    this.#actor = actor
  }

  /** @throws TenantryError when the control database does not answer soon: to be tried again */
  async tell(stopping: AbortSignal, signIn: SignIn): Promise<void> {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(patienceMs)])
    try {
      const told = await (this.#told ??= this.#read(signal))
      const { organization, version } = signIn
      // Who never had one, and has none, is nothing to tell.
      if ((told.get(organization) ?? null) === version) return
      await this.#control.work(signal, 'telling the audit where people sign in', (sql) =>
        writeSignIn(signal, sql, this.#actor, signIn),
      )
      told.set(organization, version)
    } catch (error) {
      this.#told = undefined // a connection that was cut may have carried it out all the same
      stopping.throwIfAborted()
      throw signal.aborted ? new TenantryError('CONTROL_SILENT', 'where people sign in') : error
    }
  }

  /** Another replica may have written meanwhile. */
  forget(): void {
    this.#told = undefined
  }

  async #read(signal: AbortSignal): Promise<Map<string, string | null>> {
    const rows = await this.#control.work(signal, 'reading where people sign in', (sql) =>
      readSignIns(signal, sql),
    )
    return new Map(rows.map(({ organization, version }) => [organization, version]))
  }
}
