// Does what the plan of a partner says: revocations first, then finalizer, namespace, sign-in,
// people. Only the leader, but for the roles of technicians: what they end, any replica ends.

import { hasJustAppeared } from '../access/namespace.ts'
import { finalizer, identityProviderName, labels, managedBy } from '../api/names.ts'
import type { PartnerOrganization } from '../api/kinds.generated.ts'
import { apiVersionOf, resources } from '../api/resources.ts'
import type { Verdict } from '../api/reasons.ts'
import type { Seen } from './gather.ts'
import type { Plan } from './plan.ts'
import type { Ports } from './ports.ts'

export type Facts = {
  /** The partner as it was read, with our own writes of this run and nobody else's. */
  readonly object: PartnerOrganization
  readonly namespace: 'there' | { readonly why: Verdict }
}

/** Every replica does this, leader or not: what ends by time or by the platform's word ends here. */
export async function voidRoles(
  signal: AbortSignal,
  { applier, stores }: Ports,
  { voided }: Pick<Plan, 'voided'>,
): Promise<void> {
  await Promise.all(
    voided.map((role) => applier.remove(signal, stores.clusterRoles, role, { lane: 'revoke' })),
  )
}

/** A partner that is gone, by force and finalizer and all: nobody enters anywhere for it. */
export async function voidAll(signal: AbortSignal, ports: Ports, partner: string): Promise<void> {
  const voided = ports.stores.clusterRoles.by('partner', partner)
  await voidRoles(signal, ports, { voided })
}

/** Whoever must not be in the partner's own namespace any more. */
export async function revoke(
  signal: AbortSignal,
  { applier, stores }: Ports,
  { bindings }: Plan,
): Promise<void> {
  const { roleBindings } = stores
  const urgent = { lane: 'revoke' } as const
  await Promise.all([
    ...bindings.revoke.map((binding) => applier.remove(signal, roleBindings, binding, urgent)),
    ...bindings.narrow.map((binding) => applier.ensure(signal, roleBindings, binding, urgent)),
  ])
}

export async function applyPlan(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  plan: Plan,
): Promise<Facts> {
  const { partners, roleBindings, identityProviders } = ports.stores
  const object =
    plan.finalizer === 'add'
      ? await ports.applier.addFinalizer(signal, partners, seen.object, finalizer)
      : seen.object
  if (!plan.open) return { object, namespace: whyClosed(plan, seen) }
  const namespace = await ensureNamespace(signal, ports, seen, plan)
  if (namespace !== 'there') return { object, namespace }
  if (plan.signIn) await ports.platform.ensure(signal, identityProviders, plan.signIn)
  const signIn = identityProviders.get({ namespace: seen.namespace, name: identityProviderName })
  // Left to the partner: what the platform wrote stays, and its Admins may change it.
  if (!plan.signIn && signIn) await ports.platform.disown(signal, identityProviders, signIn)
  await Promise.all(
    plan.bindings.grant.map((binding) => ports.applier.ensure(signal, roleBindings, binding)),
  )
  return { object, namespace }
}

function whyClosed({ namespaceStep }: Plan, { object, customers }: Seen): Facts['namespace'] {
  if (namespaceStep.step === 'leave') return { why: namespaceStep.why }
  const { name } = object.metadata
  const waits =
    customers.length === 0
      ? ''
      : ` It waits until no customer is linked to it any more (${customers.slice(0, 10).join(', ')}): their grants name another partner, or are deleted.`
  return { why: { reason: 'Deleting', message: `Partner ${name} is being deleted.${waits}` } }
}

async function ensureNamespace(
  signal: AbortSignal,
  ports: Ports,
  { object, namespace }: Seen,
  { namespaceStep }: Plan,
): Promise<Facts['namespace']> {
  if (namespaceStep.step === 'leave') return { why: namespaceStep.why }
  const { namespaces } = ports.stores
  const wanted = {
    apiVersion: apiVersionOf(resources.namespaces),
    kind: resources.namespaces.kind,
    metadata: {
      name: namespace,
      labels: {
        [labels.partner]: object.metadata.name,
        'pod-security.kubernetes.io/enforce': 'restricted',
      },
    },
  }
  const made = await ports.applier.ensureOwn(signal, namespaces, wanted, {
    missing: namespaceStep.step === 'create',
    extra: { [labels.managedBy]: managedBy },
  })
  return made === 'exists' ? { why: hasJustAppeared(namespace) } : made
}
