// For whom a technician may act, in the cluster: one ClusterRole that names these people and one ClusterRoleBinding per
// technician, for as long as the window is open. Only together with the RoleBinding in the namespace (plan-bindings.ts), which
// every replica and the dead man's switch take away, do they let anybody act. Pure. Holds ONE-PARTNER, NO-LATE.
//
//   wanted -> role and binding; no more -> binding gone -> role emptied, with the time -> ten seconds later gone
//
// The emptied role is how it is known, after a crash too, that the API server may still remember a yes: a hand-over waits for it.

import type { Access, Technician } from '../access/access.ts'
import { rememberedMs } from '../access/impersonation.ts'
import type { Link } from '../access/link.ts'
import { annotations, impersonationRole, labels, managedBy } from '../api/names.ts'
import type { ClusterRole, ClusterRoleBinding } from '../api/resources.ts'
import { earliestOf, parseTime, type EpochMs } from '../api/time.ts'
import { personLogin } from '../databases/names.ts'
import type { Seen } from './gather.ts'
import { actingIn } from './plan-bindings.ts'

export type Impersonation = { readonly role: ClusterRole; readonly binding: ClusterRoleBinding }

export type ImpersonationPlan = {
  readonly open: readonly Impersonation[]
  readonly unbind: readonly ClusterRoleBinding[]
  /** Emptied: from this moment on nobody gains by it any more. */
  readonly close: readonly ClusterRole[]
  /** Forgotten by now. */
  readonly remove: readonly ClusterRole[]
  /** Somebody who has to leave may still be remembered by the API server. */
  readonly isRemembered: boolean
  readonly nextChange: EpochMs | undefined
}

export function planImpersonation(
  seen: Seen,
  decided: Access,
  { link, now }: { readonly link: Link; readonly now: EpochMs },
): ImpersonationPlan {
  const open =
    link.state === 'Linked' ? peopleOf(decided).map((each) => impersonation(seen, each)) : []
  const wanted = new Set(open.map(({ role }) => role.metadata.name))
  const { roles, bindings } = seen.impersonations
  const leaving = roles.filter(({ metadata }) => !wanted.has(metadata.name))
  const bound = new Set(bindings.map(({ metadata }) => metadata.name))
  const mayStillAct = new Set(actingIn(seen.bindings))
  const unbound = leaving.filter(
    (role) => !bound.has(role.metadata.name) && !mayStillAct.has(userOf(role)),
  )
  const ends = new Map(unbound.map((role) => [role, forgottenAt(role)]))
  return {
    open,
    unbind: bindings.filter(({ metadata }) => !wanted.has(metadata.name)),
    close: unbound.filter((role) => ends.get(role) === undefined).map((role) => emptied(role, now)),
    remove: unbound.filter((role) => (ends.get(role) ?? Infinity) <= now),
    isRemembered: leaving.length > 0,
    nextChange: earliestOf([...ends.values()].filter((at) => at !== undefined && at > now)),
  }
}

type Acting = Technician & { readonly reasons: readonly string[] }

/** One of each person: who is named twice acts for all of them. */
function peopleOf({ technicians }: Access): readonly Acting[] {
  const people = new Map<string, Acting>()
  for (const each of technicians) {
    if (each.may !== 'Enter' || each.scope !== 'Impersonate') continue
    const before = people.get(each.person)
    people.set(each.person, {
      ...each,
      actsAs: [...new Set([...(before?.actsAs ?? []), ...each.actsAs])].sort(),
      reasons: [...(before?.reasons ?? []), each.reason ?? ''],
    })
  }
  return [...people.values()]
}

function impersonation(
  { object, known }: Seen,
  { person, actsAs, reasons }: Acting,
): Impersonation {
  const { name: customer, uid = '' } = object.metadata
  const digest = personLogin(uid, known.partner?.uid ?? '', person).slice(-26)
  const name = impersonationRole(customer, digest)
  const metadata = {
    name,
    labels: {
      [labels.managedBy]: managedBy,
      [labels.template]: 'impersonation',
      [labels.customer]: customer,
      [labels.person]: digest,
    },
    // In the audit log of the cluster, with the write that opens the window.
    annotations: { [annotations.user]: person, [annotations.reason]: reasons.join('\n') },
  }
  const apiGroup = 'rbac.authorization.k8s.io'
  const apiVersion = `${apiGroup}/v1`
  return {
    role: {
      apiVersion,
      kind: 'ClusterRole',
      metadata,
      rules: [
        {
          apiGroups: ['authentication.k8s.io'],
          resources: ['users'],
          resourceNames: actsAs,
          verbs: ['impersonate:user-info'],
        },
      ],
    },
    binding: {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subjects: [{ apiGroup, kind: 'User', name: person }],
    },
  }
}

function userOf({ metadata }: ClusterRole): string {
  return metadata.annotations?.[annotations.user] ?? ''
}

function emptied(role: ClusterRole, now: EpochMs): ClusterRole {
  const { name, labels: marks = {} } = role.metadata
  return {
    apiVersion: role.apiVersion,
    kind: role.kind,
    metadata: {
      name,
      labels: marks,
      annotations: {
        [annotations.user]: userOf(role),
        [annotations.closedAt]: new Date(now).toISOString(),
      },
    },
    rules: [],
  }
}

function forgottenAt({ metadata }: ClusterRole): EpochMs | undefined {
  const closedAt = parseTime(metadata.annotations?.[annotations.closedAt] ?? '')
  return closedAt === undefined ? undefined : closedAt + rememberedMs
}
