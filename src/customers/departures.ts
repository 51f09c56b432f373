// The deletions of the last while, of customers that are gone as well: what a mass deletion is recognized by.
// A restart forgets those that are gone; whoever was held by then says so in its own status and stays held.

import type { Deletions } from '../access/mass-deletion.ts'
import type { CustomerOrganization } from '../api/kinds.generated.ts'
import { parseTime, type EpochMs } from '../api/time.ts'
import type { Store } from '../runtime/index.ts'

const rememberMs = 1_200_000

export class Departures {
  #gone: readonly EpochMs[] = []
  readonly #now: () => EpochMs

  constructor(now: () => EpochMs) {
    this.#now = now
  }

  /** A customer that was deleted is gone from the cluster. */
  record({ metadata }: CustomerOrganization): void {
    const at = parseTime(metadata.deletionTimestamp ?? '')
    const oldest = this.#now() - rememberMs
    if (at !== undefined) this.#gone = [...this.#gone.filter((each) => each > oldest), at]
  }

  /** Goes through all customers: asked for those alone that are deleted. */
  among(customers: Pick<Store<CustomerOrganization>, 'list' | 'size'>): Deletions {
    const leaving = customers
      .list()
      .flatMap(({ metadata }) => parseTime(metadata.deletionTimestamp ?? '') ?? [])
    return { times: [...leaving, ...this.#gone], total: customers.size + this.#gone.length }
  }
}
