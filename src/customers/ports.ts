// What a run of one customer reaches: caches, writers, PostgreSQL, clock. main.ts brings the real
// ones; a test may bring others.

import type { Directory } from '../access/facts.ts'
import type {
  CustomerOrganization,
  DeviceAssignment,
  IdentityProvider,
  PartnerAccessGrant,
} from '../api/kinds.generated.ts'
import type {
  ClusterRole,
  ClusterRoleBinding,
  Job,
  LimitRange,
  Namespace,
  NetworkPolicy,
  RbacRole,
  ResourceQuota,
  RoleBinding,
  SecretMetadata,
  Subject,
} from '../api/resources.ts'
import type { EpochMs } from '../api/time.ts'
import type { Viewers } from '../databases/registry/viewers.ts'
import type { Ledger } from '../databases/control/ledger.ts'
import type { Databases } from '../databases/databases.ts'
import type { Retirement } from '../databases/retirement.ts'
import type { Notify } from '../notify/port.ts'
import type {
  AccessReviews,
  Applier,
  Client,
  Deadlines,
  EventRecorder,
  Store,
} from '../runtime/index.ts'
import type { DatabaseMemory } from './database.ts'
import type { Departures } from './departures.ts'
import type { PeopleMemory } from './people.ts'

export type CustomerStores = {
  readonly customers: Store<CustomerOrganization>
  readonly grants: Store<PartnerAccessGrant>
  readonly devices: Store<DeviceAssignment>
  readonly identityProviders: Store<IdentityProvider>
  readonly namespaces: Store<Namespace>
  readonly quotas: Store<ResourceQuota>
  readonly limitRanges: Store<LimitRange>
  readonly networkPolicies: Store<NetworkPolicy>
  readonly roleBindings: Store<RoleBinding>
  readonly clusterRoles: Store<ClusterRole>
  readonly clusterRoleBindings: Store<ClusterRoleBinding>
  readonly roles: Store<RbacRole>
  readonly jobs: Store<Job>
  readonly secrets: Pick<Store<SecretMetadata>, 'get' | 'put'>
}

export type Ports = {
  readonly directory: Directory
  readonly stores: CustomerStores
  readonly client: Client
  readonly applier: Applier
  /** Writes what `spec.partner` decides, under its own field manager. */
  readonly platform: Applier
  readonly databases: Databases
  /** Undefined, like `retirement`: no control database, which remembers what outlives its customer. */
  readonly ledger: Ledger | undefined
  readonly retirement: Retirement | undefined
  readonly viewers: Viewers | undefined
  readonly departures: Departures
  /** Whether an object of this UID was there and was seen to go. */
  readonly isGone: (uid: string) => boolean
  readonly databaseMemory: DatabaseMemory
  /** How long an application's former password works after a rotation, in ms. */
  readonly rotationGraceMs: number
  readonly peopleMemory: PeopleMemory
  /** The operator itself, as the API server knows it. */
  readonly self: (signal: AbortSignal) => Promise<Subject>
  readonly reviews: AccessReviews
  readonly events: EventRecorder
  /** Left out: nobody is told anything. */
  readonly notify: Notify | undefined
  readonly deadlines: Deadlines
  /** By their moment: sessions end then, whatever a run is busy with. */
  readonly sessionEnds: Deadlines
  /** The cluster's clock minus ours, in ms, as far as it counts. */
  readonly skewMs: () => number
  readonly clock: { readonly now: () => EpochMs }
  /** May put out whoever must not be in; without it only what time has ended goes. */
  readonly leads: () => boolean
  /** May let people in, make things and write status. */
  readonly gives: () => boolean
}
