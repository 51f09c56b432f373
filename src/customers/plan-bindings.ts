// Which RoleBindings a customer's namespace has, one per role that has people, and one for
// technicians per scope and distinct end. Holds ONE-PARTNER, NO-LATE.
// A technicians' binding names a ClusterRole of its partner, scope and end: deleting that role
// voids every binding that names it, so one write can end many.

import type { Access } from '../access/access.ts'
import { bindingOf, bindingSteps, type BindingSteps, type Group } from '../access/bindings.ts'
import { partsOfTheCustomer } from '../access/grant-rights.ts'
import { partnerIn, type Link } from '../access/link.ts'
import { permissionGroups } from '../access/permissions.ts'
import {
  endOf,
  isLastCall,
  switchJob,
  switchName,
  timeToLive,
  type PartOfAWindow,
} from '../access/switches.ts'
import { labels, managedBy, technicianRole, type TechnicianScope } from '../api/names.ts'
import type { ClusterRole, Job, RoleBinding } from '../api/resources.ts'
import type { End, EpochMs } from '../api/time.ts'
import type { Seen } from './gather.ts'

export type BindingPlan = BindingSteps & {
  /** ClusterRoles that the technicians' bindings name; made before them. */
  readonly roles: readonly ClusterRole[]
  /** Switches of the windows that end, made before the bindings that they will end. */
  readonly switches: readonly Job[]
  /** Switches of ends that nobody has any more. */
  readonly idleSwitches: readonly Job[]
  /** Technicians' bindings whose end has passed: the part of `revoke` that needs no lease. */
  readonly ended: readonly RoleBinding[]
}

export function planBindings(
  seen: Seen,
  decided: Access,
  { link, now }: { readonly link: Link; readonly now: EpochMs },
): BindingPlan {
  const groups: readonly Group[] = [
    ...ownGroups(decided),
    ...deciders(seen, decided),
    ...permissionGroups(seen.known.customer, enteringOf(decided)),
    {
      audience: 'ancestors' as const,
      name: 'customer-ancestors',
      role: 'tenantry:customer-ancestor',
      people: decided.ancestors,
    },
    {
      audience: 'partner-admins' as const,
      name: 'partner-admins',
      role: 'tenantry:partner-admins',
      people: decided.partnerAdmins,
    },
    {
      audience: 'partner-admins' as const,
      name: 'partner-leaves',
      role: 'tenantry:partner-leaves',
      people: decided.partnerSuperAdmins,
    },
  ].filter(({ people }) => people.length > 0)
  // A template that is not there yet gives nobody anything.
  const technicians = technicianGroups(decided, link).filter(({ scope }) => seen.templates[scope])
  // Behind the back of the cluster that is closing it by itself no window is opened again: what is of it is left alone, but for people
  // who have to leave it sooner.
  const isOpen = (each: PartOfAWindow) => !isLastCall(endOf(each), now)
  const isOver = (each: PartOfAWindow) => now >= endOf(each)
  const switches = planSwitches(seen, technicians, now).filter(isOpen)
  const needed = new Set(switches.map(({ metadata }) => metadata.name))
  const { grant, ...leaving } = bindingSteps(seen.bindings, [
    ...groups.map((group) => customerBinding(seen, group, link)),
    ...technicians.map((group) => technicianBinding(seen, group, link)),
  ])
  return {
    switches,
    idleSwitches: seen.jobs.filter(
      (job) => !needed.has(job.metadata.name) && (isOpen(job) || isOver(job)),
    ),
    ...leaving,
    grant: grant.filter(isOpen),
    roles: technicians.flatMap((group) => rolesOf(seen, group, link)).filter(isOpen),
    ended: seen.bindings.filter(isOver),
  }
}

function planSwitches(
  { object, namespace, jobs }: Seen,
  groups: readonly TechnicianGroup[],
  now: EpochMs,
): readonly Job[] {
  const ends = new Set(groups.map(({ endSeconds }) => endSeconds).filter((end) => end !== 'open'))
  const marks = { [labels.managedBy]: managedBy, [labels.customer]: object.metadata.name }
  return [...ends].map((end) => {
    const found = jobs.find(({ metadata }) => metadata.name === switchName(end))
    return switchJob(namespace, end, timeToLive(found, end, now), marks)
  })
}

type TechnicianGroup = Group & {
  readonly scope: TechnicianScope
  readonly endSeconds: number | 'open'
}

function ownGroups({ own }: Access): readonly Group[] {
  const roles = ['SuperAdmin', 'Admin', 'Editor', 'Viewer'] as const
  return roles.map((role) => {
    const name = `customer-${role.toLowerCase()}`
    const people = own
      .filter((each) => each.may === 'Enter' && each.role === role)
      .map(({ person }) => person)
    return { audience: 'own', name, role: `tenantry:${name}`, people }
  })
}

function enteringOf({ own }: Access): (person: string) => boolean {
  const people = new Set(own.flatMap(({ may, person }) => (may === 'Enter' ? [person] : [])))
  return (person) => people.has(person)
}

/** SuperAdmins as far as the grant is theirs to decide: what the platform has decided they only see. */
function deciders({ object, known }: Seen, { own }: Access): readonly Group[] {
  const people = own
    .filter((each) => each.may === 'Enter' && each.role === 'SuperAdmin')
    .map(({ person }) => person)
  return partsOfTheCustomer(object, known.grant).map((part) => {
    const name = `customer-sets-${part}`
    return { audience: 'own', name, role: `tenantry:${name}`, people }
  })
}

function technicianGroups({ technicians }: Access, link: Link): readonly TechnicianGroup[] {
  if (link.state !== 'Linked') return []
  const groups = new Map<string, { scope: TechnicianScope; end: End; people: string[] }>()
  for (const technician of technicians) {
    if (technician.may !== 'Enter') continue
    const { scope, until, person } = technician
    // Rounded down to the second: a name tells the end, and early is the safe side.
    const end = until === 'open' ? until : Math.floor(until / 1000)
    const key = `${scope} ${end}`
    const found = groups.get(key) ?? { scope, end, people: [] }
    found.people.push(person)
    groups.set(key, found)
  }
  return [...groups.values()].map(({ scope, end, people }) => ({
    audience: 'technicians',
    name: `${bindingName(scope)}${end === 'open' ? '' : `-${end}`}`,
    role: technicianRole(link.partner, scope, end),
    people,
    scope,
    endSeconds: end,
  }))
}

/** Who may act as others, as far as the bindings in the namespace say. */
export function actingIn(bindings: readonly RoleBinding[]): readonly string[] {
  return bindings
    .filter(({ metadata }) => metadata.name.startsWith(bindingName('Impersonate')))
    .flatMap(({ subjects }) => (subjects ?? []).map(({ name }) => name))
}

function bindingName(scope: TechnicianScope): string {
  return `technicians-${scope.toLowerCase()}`
}

function customerBinding({ object, namespace }: Seen, group: Group, link: Link): RoleBinding {
  const partner = group.audience === 'partner-admins' ? partnerIn(link) : undefined
  return bindingOf(group, namespace, {
    [labels.customer]: object.metadata.name,
    ...(partner !== undefined && { [labels.partner]: partner }),
  })
}

function technicianBinding(seen: Seen, group: TechnicianGroup, link: Link): RoleBinding {
  return bindingOf(group, seen.namespace, {
    [labels.customer]: seen.object.metadata.name,
    ...marksOf(group, link),
  })
}

function marksOf({ endSeconds }: TechnicianGroup, link: Link): Readonly<Record<string, string>> {
  const partner = partnerIn(link)
  return {
    ...(partner !== undefined && { [labels.partner]: partner }),
    ...(endSeconds !== 'open' && { [labels.end]: String(endSeconds) }),
  }
}

function rolesOf(seen: Seen, group: TechnicianGroup, link: Link): readonly ClusterRole[] {
  const template = seen.templates[group.scope]
  if (!template) return []
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: {
        name: group.role,
        labels: {
          [labels.managedBy]: managedBy,
          [labels.template]: 'copy',
          [labels.scope]: group.scope.toLowerCase(),
          ...marksOf(group, link),
        },
      },
      rules: template.rules ?? [],
    },
  ]
}
