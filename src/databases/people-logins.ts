// People's logins over all servers: let in, thrown out, and what this process has proven of them, so that a run without a change
// asks nothing. Holds NO-LATE, PROVEN, QUIET.
// The server's turn comes first here: a revocation must not wait for a person's turn that itself waits for the server.
import { endExpired, readClock } from './clock.sql.ts'
import type { Clocks } from './clocks.ts'
import { groupsOf } from './names.ts'
import type { KeptPeople } from './observation.ts'
import { ensurePeople, peopleOf, refuseMistakes, type People, type PersonFound } from './people.ts'
import { revokePeople, type Leaving, type Revoked } from './people-revocation.ts'
import type { Lane } from './server.ts'
import type { At, Servers } from './servers.ts'
import { KeyedTurns } from './turns.ts'

type Customer = { readonly server: string; readonly customerUid: string }

export class PeopleLogins {
  readonly #servers: Servers
  readonly #clocks: Clocks
  readonly #turns = new KeyedTurns()
  readonly #kept = new Map<string, KeptPeople>()

  constructor(servers: Servers, clocks: Clocks) {
    this.#servers = servers
    this.#clocks = clocks
  }

  /** By customer UID, as last proven; of a customer of whom it is not there is nothing. */
  get kept(): ReadonlyMap<string, KeptPeople> {
    return this.#kept
  }

  forget(customerUid?: string): void {
    if (customerUid === undefined) this.#kept.clear()
    else this.#kept.delete(customerUid)
  }

  async ensure(signal: AbortSignal, people: People): Promise<{ readonly wrote: boolean }> {
    refuseMistakes(people)
    const { customerUid } = people
    const known = this.#kept.get(customerUid)
    const groups = people.people.map(
      (person) => [person.login, groupsOf(customerUid, person).toSorted().join(' ')] as const,
    )
    // Before the first statement: one that fails may have made a login all the same.
    if (known) this.#kept.set(customerUid, new Map([...known, ...groups]))
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

  async revoke(signal: AbortSignal, leaving: Leaving): Promise<Revoked> {
    const { customerUid } = leaving
    const known = this.#kept.get(customerUid)
    this.#kept.delete(customerUid)
    const revoked = await this.#inTurn(signal, leaving, 'urgent', (at) =>
      revokePeople(signal, at, leaving),
    )
    if ('except' in leaving && revoked.proven) {
      const { except } = leaving
      const groups = except.map((login) => [login, known?.get(login) ?? ''] as const)
      this.#kept.set(customerUid, new Map(groups))
    }
    return revoked
  }

  async endExpired(signal: AbortSignal, server: string): Promise<number> {
    const now = this.#clocks.now()
    return this.#servers.work(signal, server, ({ sql }) => endExpired(signal, sql, now), 'ending')
  }

  async of(
    signal: AbortSignal,
    { server, customerUid }: Customer,
  ): Promise<readonly PersonFound[]> {
    const ask = ({ sql }: At) => peopleOf(signal, sql, customerUid)
    return this.#servers.work(signal, server, ask, 'urgent')
  }

  async #lookAtClock(signal: AbortSignal, { server, sql }: At): Promise<void> {
    if (this.#clocks.isKnown(server.name)) return
    const askedAt = this.#clocks.now()
    this.#clocks.saw(server.name, await readClock(signal, sql), askedAt)
  }

  async #inTurn<T>(
    signal: AbortSignal,
    { server, customerUid }: Customer,
    lane: Lane,
    work: (at: At) => Promise<T>,
  ): Promise<T> {
    const turn = (at: At) => this.#turns.run(signal, customerUid, () => work(at))
    return this.#servers.work(signal, server, turn, lane)
  }
}
