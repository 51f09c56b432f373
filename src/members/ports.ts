// What a run of one organization's people reaches. main.ts brings the real ones.

import type { Directory } from '../access/facts.ts'
import type {
  CustomerOrganization,
  IdentityProvider,
  OrganizationMember,
  PartnerOrganization,
} from '../api/kinds.generated.ts'
import type { EpochMs } from '../api/time.ts'
import type { SignIns } from '../databases/control/sign-ins.ts'
import type { Applier, EventRecorder, Store } from '../runtime/index.ts'

export type Ports = {
  readonly directory: Directory
  readonly stores: {
    readonly customers: Store<CustomerOrganization>
    readonly partners: Store<PartnerOrganization>
    readonly members: Store<OrganizationMember>
    readonly identityProviders: Store<IdentityProvider>
  }
  readonly applier: Applier
  readonly events: EventRecorder
  readonly clock: { readonly now: () => EpochMs }
  readonly gives: () => boolean
  /** Where the audit is told; `undefined`: there is no control database. */
  readonly signIns: Pick<SignIns, 'tell'> | undefined
}
