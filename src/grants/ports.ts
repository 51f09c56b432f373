// What a run of one grant reaches. main.ts brings the real ones.

import type { Directory } from '../access/facts.ts'
import type { CustomerOrganization, PartnerAccessGrant } from '../api/kinds.generated.ts'
import type { ClusterRole, Job, RbacRole } from '../api/resources.ts'
import type { EpochMs } from '../api/time.ts'
import type { AccessReviews, Applier, Deadlines, EventRecorder, Store } from '../runtime/index.ts'

export type Ports = {
  readonly directory: Directory
  readonly stores: {
    readonly customers: Store<CustomerOrganization>
    readonly grants: Store<PartnerAccessGrant>
    readonly jobs: Store<Job>
    readonly roles: Store<RbacRole>
    readonly clusterRoles: Store<ClusterRole>
  }
  readonly signInURL: string | undefined
  readonly applier: Applier
  /** Counts windows, for alerts. */
  readonly windows: {
    readonly set: (customer: string, windows: { open: number; notArmed: number }) => void
  }
  readonly reviews: AccessReviews
  readonly events: EventRecorder
  readonly deadlines: Deadlines
  /** The cluster's clock minus ours, in ms, as far as it counts. */
  readonly skewMs: () => number
  readonly clock: { readonly now: () => EpochMs }
  readonly gives: () => boolean
}
