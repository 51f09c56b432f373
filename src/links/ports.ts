// What a run of one customer's links reaches. main.ts brings the real ones.

import type { Directory } from '../access/facts.ts'
import type {
  CustomerLink,
  CustomerOrganization,
  PartnerAccessGrant,
  PartnerOrganization,
} from '../api/kinds.generated.ts'
import type { Namespace } from '../api/resources.ts'
import type { EpochMs } from '../api/time.ts'
import type { Applier, Client, Deadlines, EventRecorder, Store } from '../runtime/index.ts'

export type Ports = {
  readonly directory: Directory
  readonly stores: {
    readonly customers: Store<CustomerOrganization>
    readonly partners: Store<PartnerOrganization>
    readonly grants: Store<PartnerAccessGrant>
    readonly links: Store<CustomerLink>
    readonly namespaces: Store<Namespace>
  }
  readonly signInURL: string | undefined
  /** How many customers one organization may create by links. */
  readonly maxCustomers: number
  readonly client: Client
  readonly applier: Applier
  readonly events: EventRecorder
  readonly deadlines: Deadlines
  /** The cluster's clock minus ours, in ms, as far as it counts. */
  readonly skewMs: () => number
  readonly clock: { readonly now: () => EpochMs }
  readonly gives: () => boolean
}
