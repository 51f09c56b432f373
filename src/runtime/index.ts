// The face of the package. Each name has one home; this page only lists them.

export { backoff, type BackoffOptions } from './backoff.ts'
export { Client } from './client.ts'
export type {
  ApplyOptions,
  ClientOptions,
  CreateOptions,
  List,
  ListOptions,
  PatchOptions,
  RawRequest,
  RemoveOptions,
  TableRow,
  UpdateOptions,
  WatchEvent,
  WatchOptions,
} from './client-options.ts'
export type { Selection } from './client-paths.ts'
export type { Lane, SlotsOptions } from './client-slots.ts'
export type { RequestMetric, TransportOptions } from './client-transport.ts'
export { actingAs } from './connection-acting.ts'
export { connectInCluster, type InClusterOptions } from './connection-in-cluster.ts'
export {
  connectKubeconfig,
  namespaceOfKubeconfig,
  type KubeconfigOptions,
} from './connection-kubeconfig.ts'
export type { Connection, ConnectionOptions } from './connection.ts'
export {
  ApiError,
  DeadlineError,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isGone,
  isNotFound,
  isUnprocessable,
  StreamError,
} from './errors.ts'
export { keyOf, resourceName, versionOf } from './object.ts'
export type { KubeObject, ObjectMeta, ObjectRef, OwnerReference, ResourceOf } from './object.ts'
export type { Problem, ProblemOptions } from './reflector-problems.ts'
export { Reflector, type ReflectorOptions } from './reflector.ts'
export { sleep, startDeadline, whileWaiting, type Sleep } from './sleep.ts'
export { sharing } from './store-sharing.ts'
export type { SlimOptions } from './store-slim.ts'
export { Store, type Change, type StoreOptions } from './store.ts'
export { compareVersions } from './store-versions.ts'

export { AccessReviews, type AccessAnswers, type AccessQuestion } from './access-reviews.ts'
export { Applier, type ApplierOptions, type WriteVerb, type Written } from './applier.ts'
export { Controller, TerminalError } from './controller.ts'
export type { ControllerMetrics, ControllerOptions, Result, Run, RunResult } from './controller.ts'
export { Deadlines, type DeadlinesOptions } from './deadlines.ts'
export { Elector, leases, type ElectorOptions, type Lease, type LeaseSharing } from './elector.ts'
export { EventRecorder, type EventDetails, type EventOptions } from './events.ts'
export { startHealthServer, type HealthOptions, type HealthServer } from './health.ts'
export { Queue, type QueueMetrics, type QueueOptions, type Taken } from './queue.ts'
export type { SetTimer, Timer } from './timer.ts'
