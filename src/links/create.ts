// Makes the customer that a link asks for, and its first grant. Both by POST: what is there already
// is somebody else's, or a run before a crash has made it, and the next run sees which.

import type { PartnerAccessGrant } from '../api/kinds.generated.ts'
import { fieldManagers } from '../api/names.ts'
import type { EpochMs } from '../api/time.ts'
import type { KeyedTurns } from '../databases/turns.ts'
import { isAlreadyExists, isNotFound } from '../runtime/index.ts'
import { createdFrom } from './gather.ts'
import { quotaExceeded, stepOf, type NewCustomer, type RequestStep } from './plan-request.ts'
import type { Ports } from './ports.ts'

/** What is to be said of the link in the end, if not what was said before. */
export async function createCustomer(
  signal: AbortSignal,
  ports: Ports,
  { turns, now }: { readonly turns: KeyedTurns; readonly now: EpochMs },
  { customer, namespace, link }: NewCustomer,
): Promise<RequestStep | undefined> {
  const { client, stores, maxCustomers } = ports
  // One at a time per organization: else two that ask at once would both take the last place.
  return turns.run(signal, namespace, async () => {
    if (createdFrom(ports, namespace) >= maxCustomers) {
      const current = stores.links.get(link.metadata) ?? link
      return stepOf({ policyIsMissing: false }, current, quotaExceeded(maxCustomers), now)
    }
    try {
      const made = await client.create(signal, stores.customers.resource, customer, {
        fieldManager: fieldManagers.children,
      })
      stores.customers.put(made)
    } catch (error) {
      // Somebody was faster: the customer's own event runs this again, and then the name is taken.
      if (!isAlreadyExists(error)) throw error
    }
    return undefined
  })
}

export async function writeFirstGrant(
  signal: AbortSignal,
  { client, stores }: Ports,
  grant: PartnerAccessGrant,
): Promise<void> {
  try {
    const { resource } = stores.grants
    const made = await client.create(signal, resource, grant, {
      fieldManager: fieldManagers.children,
    })
    stores.grants.put(made)
  } catch (error) {
    // There already; or the namespace has just gone, and its return runs this again.
    if (!isAlreadyExists(error) && !isNotFound(error)) throw error
  }
}
