// What a run of one partner reaches. main.ts brings the real ones.

import type { Directory } from '../access/facts.ts'
import type {
  CustomerOrganization,
  IdentityProvider,
  PartnerOrganization,
} from '../api/kinds.generated.ts'
import type { ClusterRole, Namespace, RoleBinding } from '../api/resources.ts'
import type { EpochMs } from '../api/time.ts'
import type { Applier, Deadlines, EventRecorder, Store } from '../runtime/index.ts'

export type Ports = {
  readonly directory: Directory
  readonly stores: {
    readonly partners: Store<PartnerOrganization>
    readonly customers: Store<CustomerOrganization>
    readonly identityProviders: Store<IdentityProvider>
    readonly namespaces: Store<Namespace>
    readonly roleBindings: Store<RoleBinding>
    readonly clusterRoles: Store<ClusterRole>
  }
  readonly applier: Applier
  /** Writes what `spec.identityProvider` decides, under its own field manager. */
  readonly platform: Applier
  readonly events: EventRecorder
  readonly deadlines: Deadlines
  readonly clock: { readonly now: () => EpochMs }
  /** May put out whoever must not be in; without it only what the partner's own object ends. */
  readonly leads: () => boolean
  /** May let people in, make things and write status. */
  readonly gives: () => boolean
}
