// Plan of one partner: its namespace, who is let into it, its sign-in, and which of its technicians'
// ClusterRoles end now. Pure. Holds NO-LATE, ISOLATED, NOTHING-LOST. A deleted partner stays until no customer is linked to it.

import { bindingOf, bindingSteps, type BindingSteps, type Group } from '../access/bindings.ts'
import { partnerIsOut } from '../access/facts.ts'
import { partnerRoles, standingsOf } from '../access/members.ts'
import { namespaceStep, type NamespaceStep } from '../access/namespace.ts'
import { permissionGroups } from '../access/permissions.ts'
import { signInOf, type SignIn } from '../access/sign-in.ts'
import { endOf } from '../access/switches.ts'
import { finalizer, labels } from '../api/names.ts'
import type { ClusterRole } from '../api/resources.ts'
import { earliestOf, type EpochMs } from '../api/time.ts'
import type { Seen } from './gather.ts'

export type Plan = {
  readonly finalizer: 'add' | 'keep' | 'remove'
  /** False: nobody is let in and nothing is made; people are taken out. */
  readonly open: boolean
  readonly namespaceStep: NamespaceStep
  readonly bindings: BindingSteps
  readonly signIn: SignIn | undefined
  /** ClusterRoles of technicians that go: one such write voids every binding that names it. */
  readonly voided: readonly ClusterRole[]
  /** The next end of a window of this partner, in any customer. */
  readonly nextChange: EpochMs | undefined
}

export function planPartner(seen: Seen, now: EpochMs): Plan {
  const { object, partner, namespace, namespaceObject } = seen
  const step = namespaceStep(namespaceObject, namespace, partner.ref)
  const open = !partner.deleting && step.step !== 'leave'
  const wanted = open ? groupsOf(seen) : []
  return {
    finalizer: finalizerStep(seen),
    open,
    namespaceStep: step,
    bindings: bindingSteps(
      seen.bindings,
      wanted.map((group) =>
        bindingOf(group, namespace, { [labels.partner]: object.metadata.name }),
      ),
    ),
    signIn: open ? signInOf(object, namespace) : undefined,
    voided: seen.roles.filter((role) => partnerIsOut(object) || now >= endOf(role)),
    nextChange: earliestOf(seen.roles.map(endOf).filter((end) => end > now && end < Infinity)),
  }
}

function groupsOf({ partner }: Seen): readonly Group[] {
  const standings = standingsOf(partner)
  const roles = partnerRoles
    .map((role): Group => {
      const name = `partner-${role.toLowerCase()}`
      const people = standings
        .filter(({ holds }) => holds === role)
        .map(({ member }) => member.person.name)
      return { audience: 'own', name, role: `tenantry:${name}`, people }
    })
    .filter(({ people }) => people.length > 0)
  return [...roles, ...permissionGroups(partner, () => true)]
}

function finalizerStep({ object, customers, bindings }: Seen): Plan['finalizer'] {
  const has = object.metadata.finalizers?.includes(finalizer) ?? false
  if (!object.metadata.deletionTimestamp) return has ? 'keep' : 'add'
  return has && customers.length === 0 && bindings.length === 0 ? 'remove' : 'keep'
}
