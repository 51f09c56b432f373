// From people to RoleBindings: one binding per role that has people, never one per person. And what
// to do about those that are there: which go, which lose people, which are to be as planned.
// Holds NO-LATE: a binding that stays is narrowed before anything of it grows.

import { isOurs, labels, managedBy } from '../api/names.ts'
import type { OwnerReference } from '../api/object.ts'
import type { RoleBinding, Subject } from '../api/resources.ts'

const apiGroup = 'rbac.authorization.k8s.io'

export type Group = {
  readonly audience: 'own' | 'ancestors' | 'partner-admins' | 'technicians'
  /** Name of the binding. */
  readonly name: string
  /** Name of the ClusterRole. */
  readonly role: string
  readonly people: readonly string[]
}

export type BindingSteps = {
  /** Bindings that go, whoever is in them. */
  readonly revoke: readonly RoleBinding[]
  /** Bindings that stay and lose people. */
  readonly narrow: readonly RoleBinding[]
  /** All bindings as they shall be. */
  readonly grant: readonly RoleBinding[]
}

export function bindingOf(
  { audience, name, role, people }: Group,
  namespace: string,
  marks: Readonly<Record<string, string>>,
): RoleBinding {
  return {
    apiVersion: `${apiGroup}/v1`,
    kind: 'RoleBinding',
    metadata: {
      name,
      namespace,
      labels: { [labels.managedBy]: managedBy, [labels.audience]: audience, ...marks },
    },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role },
    subjects: [...people].sort().map(subjectOf),
  }
}

const notThePeoples = new Set(['login', 'operator'])

/**
 * A binding of ours that is planned here: not those by which the operator and each person reach the Secrets of people's
 * logins, which come and go with the logins.
 */
export function letsPeopleIn(binding: RoleBinding): boolean {
  return isOurs(binding) && !notThePeoples.has(binding.metadata.labels?.[labels.audience] ?? '')
}

export function bindingSteps(
  existing: readonly RoleBinding[],
  wanted: readonly RoleBinding[],
): BindingSteps {
  const byName = new Map(wanted.map((binding) => [binding.metadata.name, binding]))
  // A binding's role cannot be changed: one that names another role goes, and is made anew.
  const stays = ({ metadata, roleRef }: RoleBinding) =>
    byName.get(metadata.name)?.roleRef.name === roleRef.name
  return {
    revoke: existing.filter((binding) => !stays(binding)),
    narrow: existing
      .filter(stays)
      .map((binding) => narrowed(binding, byName.get(binding.metadata.name)))
      .filter((binding) => binding !== undefined),
    grant: wanted,
  }
}

/** What the end of a window removes by itself, when the Job that is its switch is gone. */
export function ownedBy(binding: RoleBinding, owner: OwnerReference): RoleBinding {
  return { ...binding, metadata: { ...binding.metadata, ownerReferences: [owner] } }
}

function subjectOf(person: string): Subject {
  return { apiGroup, kind: 'User', name: person }
}

/** The binding with only those people who are in it already and stay; `undefined`: nobody goes. */
function narrowed(binding: RoleBinding, wanted: RoleBinding | undefined): RoleBinding | undefined {
  const names = new Set(wanted?.subjects?.map(({ name }) => name))
  const subjects = binding.subjects ?? []
  const staying = subjects.filter(({ name, kind }) => kind === 'User' && names.has(name))
  if (!wanted || staying.length === subjects.length) return undefined
  const narrower = { ...wanted, subjects: staying.map(({ name }) => subjectOf(name)) }
  const [owner] = binding.metadata.ownerReferences ?? []
  return owner ? ownedBy(narrower, owner) : narrower
}
