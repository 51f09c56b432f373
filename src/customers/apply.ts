// Does what the plan says, in its order, and asks for proof. Holds ONE-PARTNER, NO-LATE, PROVEN.
// Revocations first, all of them tried, by every replica; then only the leader goes on: finalizer,
// namespace, what isolates it, the people who may enter, the database. It adds nothing to the plan.
// Once somebody is in, a revocation that comes meanwhile need not wait until all the rest is proven.

import { ownedBy } from '../access/bindings.ts'
import { hasJustAppeared } from '../access/namespace.ts'
import type { Verdict } from '../api/reasons.ts'
import { finalizer, identityProviderName, labels, managedBy } from '../api/names.ts'
import type { CustomerOrganization } from '../api/kinds.generated.ts'
import type { OwnerReference } from '../api/object.ts'
import { apiVersionOf, resources, type Job, type RoleBinding } from '../api/resources.ts'
import type { AccessAnswers } from '../runtime/index.ts'
import { ask } from './ask.ts'
import { ensureDatabase, type DatabaseFact } from './database.ts'
import type { Seen } from './gather.ts'
import { enterLedger, leaveLedger, type LedgerFact } from './ledger.ts'
import { letInPeople, takeOutPeople, type PeopleFact } from './people.ts'
import { letInViewers } from './viewers.ts'
import type { Plan } from './plan.ts'
import type { Question } from './plan-questions.ts'
import type { Ports } from './ports.ts'
import { retire, type RetireFact } from './retire.ts'

export type Facts = {
  /** The customer as it was read, with our own writes of this run and nobody else's. */
  readonly object: CustomerOrganization
  readonly revoked: 'done' | 'failed'
  /** `undefined`: not reached. */
  readonly namespace: 'there' | { readonly why: Verdict } | undefined
  readonly isolated: boolean
  readonly proof: AccessAnswers<Question> | undefined
  readonly database: DatabaseFact | undefined
  readonly ledger: LedgerFact
  /** Of a customer that goes. */
  readonly retired: RetireFact | undefined
  /** Of the logins of people in the database. */
  readonly people: PeopleFact
  /** What was thrown, in order; the queue decides what becomes of it. */
  readonly errors: readonly unknown[]
}

const untouched: Omit<Facts, 'object'> = {
  revoked: 'done',
  namespace: undefined,
  isolated: false,
  proof: undefined,
  database: undefined,
  ledger: { state: 'Written' },
  retired: undefined,
  people: { state: 'None' },
  errors: [],
}

export async function applyPlan(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  plan: Plan,
  isYielding: () => boolean,
): Promise<Facts | 'overtaken'> {
  let { object } = seen
  const leads = ports.leads()
  const { revoke: leaving, narrow, ended } = plan.bindings
  const [revoking, takenOut, noted] = await Promise.all([
    leads
      ? revoke(signal, ports, plan, { leaving, narrow })
      : revoke(signal, ports, plan, { leaving: ended, narrow: [] }),
    takeOutPeople(signal, ports, seen, plan),
    leaveLedger(signal, ports, seen, plan),
  ])
  if (leads) revoking.push(...(await endImpersonation(signal, ports, plan)))
  const touched = { ...untouched, people: takenOut, ledger: noted }
  // ONE-PARTNER: nobody is let in before those who leave were taken out.
  if (revoking.length > 0) return { ...touched, object, revoked: 'failed', errors: revoking }
  if (!ports.gives()) return { ...touched, object } // revocations first, of all customers
  const errors: unknown[] = []
  const attempt = async (what: () => Promise<void>): Promise<boolean> => {
    try {
      await what()
      return true
    } catch (error) {
      signal.throwIfAborted()
      errors.push(error)
      return false
    }
  }

  if (plan.finalizer === 'add') {
    const held = await attempt(async () => {
      object = await ports.applier.addFinalizer(signal, ports.stores.customers, object, finalizer)
    })
    if (!held) return { ...touched, object, errors }
  }
  if (!plan.open) {
    await attempt(() => settleWritings(signal, ports, seen, plan))
    // Who has a login in a database that is kept would keep it: the proof comes first.
    const isOut = takenOut.state !== 'Unproven' && noted.state === 'Written'
    const retired =
      isOut && plan.finalizer === 'remove' ? await retire(signal, ports, seen) : undefined
    const proof = await ask(signal, ports, plan, isYielding)
    return { ...touched, object, proof, retired, errors }
  }
  const namespace = await ensureNamespace(signal, ports, seen, plan)
  if (namespace !== 'there') return { ...touched, object, namespace, errors }
  const isolated = await attempt(() => ensureChildren(signal, ports, plan))
  // Nobody is let into a namespace whose network and quota are not in place, nor by a plan that
  // time has overtaken while the steps before took long (NO-LATE): its deadline runs it anew.
  const isOvertaken = () =>
    isYielding() || (plan.nextChange !== undefined && ports.clock.now() >= plan.nextChange)
  if (isolated && !isOvertaken()) await attempt(() => grant(signal, ports, plan))
  if (isYielding()) return 'overtaken'
  await attempt(() => settleWritings(signal, ports, seen, plan))
  if (isYielding()) return 'overtaken'
  const [proof, database] = await Promise.all([
    ask(signal, ports, plan, isYielding),
    ensureDatabase(signal, ports, seen, plan),
  ])
  // NO-EARLY, NO-LATE: only into a database that was proven, and by a plan that still holds.
  if (isYielding()) return 'overtaken'
  const isOpen = isolated && database.state === 'Ready' && takenOut.state === 'Proven'
  const people = isOpen && !isOvertaken() ? await letInPeople(signal, ports, seen, plan) : takenOut
  const isProven = proof.open.length === 0 && noted.state === 'Written'
  const ledger = isProven && !isOvertaken() ? await enterLedger(signal, ports, seen, plan) : noted
  if (ledger.state === 'Written' && isProven && !isOvertaken()) {
    await attempt(() => letInViewers(signal, ports, plan))
  }
  return { ...touched, object, namespace, isolated, proof, database, people, ledger, errors }
}

type Leaving = Pick<Plan['bindings'], 'narrow'> & { readonly leaving: readonly RoleBinding[] }

async function revoke(
  signal: AbortSignal,
  ports: Ports,
  { namespace, bindings: { ended } }: Plan,
  { leaving, narrow }: Leaving,
): Promise<unknown[]> {
  if (leaving.length + narrow.length === 0) return []
  const { roleBindings } = ports.stores
  const urgent = { lane: 'revoke' } as const
  // Void already, by the one write that ended the role which it names: swept without haste.
  const laneOf = (binding: RoleBinding) => (ended.includes(binding) ? {} : urgent)
  const results = await Promise.allSettled([
    ...leaving.map((binding) =>
      ports.applier.remove(signal, roleBindings, binding, laneOf(binding)),
    ),
    ...narrow.map((binding) => ports.applier.ensure(signal, roleBindings, binding, urgent)),
  ])
  ports.reviews.forget(namespace)
  return failuresOf(results)
}

/** The half of it that is in no namespace: without the other one, which went with the bindings, it gives nothing. */
async function endImpersonation(
  signal: AbortSignal,
  { applier, stores: { clusterRoles, clusterRoleBindings } }: Ports,
  { impersonation: { unbind, close, remove } }: Plan,
): Promise<readonly unknown[]> {
  const urgent = { lane: 'revoke' } as const
  return failuresOf(
    await Promise.allSettled([
      ...unbind.map((binding) => applier.remove(signal, clusterRoleBindings, binding, urgent)),
      ...close.map((role) => applier.ensure(signal, clusterRoles, role, urgent)),
      ...remove.map((role) => applier.remove(signal, clusterRoles, role)),
    ]),
  )
}

function failuresOf(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.filter((result) => result.status === 'rejected').map(({ reason }) => reason)
}

async function ensureNamespace(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  plan: Plan,
): Promise<'there' | { readonly why: Verdict }> {
  const { namespaceStep } = plan
  const { namespaces } = ports.stores
  if (namespaceStep.step === 'leave') return { why: namespaceStep.why }
  const made = await ports.applier.ensureOwn(signal, namespaces, namespaceOf(seen, plan), {
    missing: namespaceStep.step === 'create',
    extra: { [labels.managedBy]: managedBy },
  })
  return made === 'exists' ? { why: hasJustAppeared(plan.namespace) } : made
}

function namespaceOf({ object }: Seen, { name, namespace }: Plan) {
  const level = object.spec.isolation?.podSecurity ?? 'restricted'
  return {
    apiVersion: apiVersionOf(resources.namespaces),
    kind: resources.namespaces.kind,
    metadata: {
      name: namespace,
      labels: {
        [labels.customer]: name,
        'pod-security.kubernetes.io/enforce': level,
        'pod-security.kubernetes.io/warn': level,
        'pod-security.kubernetes.io/audit': level,
      },
    },
  }
}

async function ensureChildren(signal: AbortSignal, ports: Ports, plan: Plan): Promise<void> {
  const { quotas, limitRanges, networkPolicies } = ports.stores
  await Promise.all(
    plan.children.map((child) => {
      switch (child.store) {
        case 'quotas':
          return ports.applier.ensure(signal, quotas, child.desired)
        case 'limitRanges':
          return ports.applier.ensure(signal, limitRanges, child.desired)
        case 'networkPolicies':
          return ports.applier.ensure(signal, networkPolicies, child.desired)
      }
    }),
  )
}

async function grant(signal: AbortSignal, ports: Ports, plan: Plan): Promise<void> {
  const { roles, switches, grant: bindings, idleSwitches } = plan.bindings
  const { clusterRoles, clusterRoleBindings, roleBindings, jobs } = ports.stores
  const { open: acting } = plan.impersonation
  const [made] = await Promise.all([
    Promise.all(switches.map((job) => ports.applier.ensure(signal, jobs, job))),
    ...[...roles, ...acting.map(({ role }) => role)].map((role) =>
      ports.applier.ensure(signal, clusterRoles, role),
    ),
  ])
  await Promise.all(
    acting.map(({ binding }) => ports.applier.ensure(signal, clusterRoleBindings, binding)),
  )
  const owners = new Map(made.map(({ object }) => [object.metadata.labels?.[labels.end], object]))
  const results = await Promise.all(
    bindings.map((binding) => {
      const end = binding.metadata.labels?.[labels.end]
      const job = end === undefined ? undefined : owners.get(end)
      // Only the server knows the Job's uid; which Job it is the plan has said.
      const owned = job ? ownedBy(binding, ownerReference(job)) : binding
      return ports.applier.ensure(signal, roleBindings, owned)
    }),
  )
  if (results.some(({ wrote }) => wrote)) ports.reviews.forget(plan.namespace)
  await Promise.all(idleSwitches.map((job) => ports.applier.remove(signal, jobs, job)))
}

function ownerReference({ apiVersion, kind, metadata }: Job): OwnerReference {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' }
}

async function settleWritings(
  signal: AbortSignal,
  ports: Ports,
  { grant: object }: Seen,
  plan: Plan,
): Promise<void> {
  const { grants, identityProviders } = ports.stores
  if (plan.grantSpec) await ports.platform.ensure(signal, grants, plan.grantSpec)
  if (plan.signIn) await ports.platform.ensure(signal, identityProviders, plan.signIn)
  const signIn = identityProviders.get({ namespace: plan.namespace, name: identityProviderName })
  if (plan.letGo.signIn && signIn) await ports.platform.disown(signal, identityProviders, signIn)
  if (!object) return
  if (plan.letGo.grant) await ports.platform.disown(signal, grants, object)
  if (plan.grantFinalizer === 'add')
    await ports.applier.addFinalizer(signal, grants, object, finalizer)
  if (plan.grantFinalizer === 'remove')
    await ports.applier.removeFinalizer(signal, grants, object, finalizer)
}

/**
 * The end of a customer, after its status: by policy the namespace, then the finalizer.
 * Nothing here runs before status has said Vacant, which takes the proof.
 */
export async function finish(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  { deleteNamespace }: Pick<Plan, 'deleteNamespace'>,
): Promise<void> {
  if (deleteNamespace && seen.namespaceObject) {
    await ports.applier.remove(signal, ports.stores.namespaces, seen.namespaceObject)
  }
  const { customers } = ports.stores
  const current = customers.get(seen.object.metadata) ?? seen.object
  await ports.applier.removeFinalizer(signal, customers, current, finalizer)
}
