// What a run of one DeviceAssignment reaches. main.ts brings the real ones.

import type { CustomerOrganization, DeviceAssignment } from '../api/kinds.generated.ts'
import type { Namespace } from '../api/resources.ts'
import type { EpochMs } from '../api/time.ts'
import type { Registry } from '../databases/registry/registry.ts'
import type { Applier, Client, Deadlines, EventRecorder, Store } from '../runtime/index.ts'
import type { RecentAssignments } from './recent.ts'

export type Ports = {
  readonly stores: {
    readonly customers: Store<CustomerOrganization>
    /** Without the lists of devices: a thousand of them would not fit into memory. */
    readonly devices: Store<DeviceAssignment>
    /** With their lists, the last few. */
    readonly recentAssignments: Pick<RecentAssignments, 'take'>
    readonly namespaces: Store<Namespace>
  }
  readonly client: Client
  readonly applier: Applier
  /** Undefined: no control database is configured. */
  readonly registry: Registry | undefined
  /** What this process has compared as a whole, by customer UID. */
  readonly compared: Map<string, string>
  /** The policy that asks whoever writes a move about the right on its source. */
  readonly movesAreGuarded: () => boolean
  /** Devices have left these assignments of the customer, by UID; `undefined`: it is not known which. */
  readonly onLeft: (customer: string, assignments: readonly string[] | undefined) => void
  readonly events: EventRecorder
  readonly deadlines: Deadlines
  readonly clock: { readonly now: () => EpochMs }
  readonly gives: () => boolean
}
