// Plan of one customer: what exists in its namespace, who is let in, whom to ask about, and the
// next state of the link. Holds ISOLATED, ONE-PARTNER, NO-EARLY, NO-LATE, NOTHING-LOST.
// Pure: the caller brings the facts and the time. What is planned here is all that `apply` does.

import { access, accessNow, type Access } from '../access/access.ts'
import { grantWindow, unguardedGrant, type Grant } from '../access/grant.ts'
import { partnerWhoLeft } from '../access/leave.ts'
import { linkedPartner, nextLink, type Link, type Wishes } from '../access/link.ts'
import { namespaceStep, type NamespaceStep } from '../access/namespace.ts'
import { partnerObjection } from '../access/partner-objection.ts'
import { signInOf, type SignIn } from '../access/sign-in.ts'
import type { Verdict } from '../api/reasons.ts'
import type { LedgerRow } from '../databases/control/ledger.sql.ts'
import { finalizer, isOurs, labels } from '../api/names.ts'
import { earliestOf, formatTime, type EpochMs } from '../api/time.ts'
import { planBindings, type BindingPlan } from './plan-bindings.ts'
import { planChildren, type Child } from './plan-children.ts'
import { planDeletion, type Deletion } from './plan-deletion.ts'
import { planGrant, type GrantSpec } from './plan-grant.ts'
import { planImpersonation, type ImpersonationPlan } from './plan-impersonation.ts'
import { planLedger } from './plan-ledger.ts'
import { planPeople, type PeoplePlan } from './plan-people.ts'
import { planQuestions, type Question } from './plan-questions.ts'
import type { Seen } from './gather.ts'

export type Plan = {
  readonly name: string
  readonly namespace: string
  readonly finalizer: 'add' | 'keep' | 'remove'
  /** Why nothing is made for this customer, if so. People are out all the same. */
  readonly blocked: Verdict | undefined
  /** False: nobody is let in and nothing is made; people are taken out. */
  readonly open: boolean
  readonly namespaceStep: NamespaceStep
  readonly children: readonly Child[]
  readonly bindings: BindingPlan
  readonly people: PeoplePlan
  /** Who would enter, if what lets them in were not older than the ledger. */
  readonly heldBack: readonly string[]
  /** What the access ledger is to say, once it is proven. */
  readonly ledger: readonly LedgerRow[]
  readonly impersonation: ImpersonationPlan
  readonly grantSpec: GrantSpec | undefined
  readonly signIn: SignIn | undefined
  /** The platform decides nothing of it any more: what it wrote stays, and others may change it. */
  readonly letGo: { readonly grant: boolean; readonly signIn: boolean }
  readonly grantFinalizer: 'add' | 'keep' | 'remove'
  readonly questions: readonly Question[]
  readonly accessColumn: string
  readonly until: string | undefined
  /** The link as status has it, and as it becomes when everybody else is proven out. */
  readonly link: Link
  readonly nextLink: Link
  readonly linkWaits: Verdict | undefined
  /** The partner that spec.partner names and that has left for good. */
  readonly left: string | undefined
  readonly database: 'off' | 'wanted' | 'kept'
  /** The namespace goes with the customer: policy Delete, and the operator made it. */
  readonly deleteNamespace: boolean
  readonly nextChange: EpochMs | undefined
  /** When somebody who may enter has to leave, of the next minutes: a run may last beyond some of them. */
  readonly endsSoon: readonly EpochMs[]
}

export function planCustomer(seen: Seen, now: EpochMs): Plan {
  const { object, known, namespace } = seen
  const deletion = planDeletion(seen)
  const closing = deletion.state === 'Closing' || deletion.state === 'Paused'
  const ownNamespace = namespaceStep(seen.namespaceObject, namespace, known.customer.ref)
  const broken = seen.ancestry.outcome === 'broken' ? seen.ancestry.why : undefined
  const blocked = closing ? deletion.why : broken
  const open = !blocked && ownNamespace.step !== 'leave'
  const decided = access(known, now)
  const bindings = planBindings(seen, open ? decided : nobody, { link: known.link, now })
  const impersonation = planImpersonation(seen, open ? decided : nobody, { link: known.link, now })
  const link = nextLink(known.link, { ...wishes(seen, { closing, open }), othersProvenOut: true })
  return {
    name: object.metadata.name,
    namespace,
    finalizer: finalizerStep(seen, deletion),
    blocked: deletion.state === 'Held' ? deletion.why : blocked,
    open,
    namespaceStep: ownNamespace,
    children: open ? planChildren(seen) : [],
    bindings,
    people: planPeople(seen, open ? decided : nobody, known.link),
    heldBack: open ? decided.heldBack : [],
    ledger: planLedger(seen, open ? decided : nobody),
    impersonation,
    grantSpec: open ? planGrant(seen) : undefined,
    signIn: open ? signInOf(object, namespace) : undefined,
    letGo: {
      grant: open && !object.spec.partner && seen.grant?.metadata.deletionTimestamp === undefined,
      signIn: open && !object.spec.identityProvider,
    },
    grantFinalizer: grantFinalizerStep(seen, closing),
    questions: planQuestions(seen, open ? decided : nobody),
    accessColumn: accessColumn(seen, now),
    until: untilColumn(seen),
    link: known.link,
    nextLink: link,
    linkWaits: open ? whatTheLinkWaitsFor(seen) : undefined,
    left: partnerWhoLeft(object, seen.grant, seen.namespaceObject),
    database: databaseStep(seen, blocked !== undefined),
    deleteNamespace: closing && mayDeleteNamespace(seen),
    nextChange: earliestOf([decided.nextChange, impersonation.nextChange]),
    endsSoon: endsSoon(open ? decided : nobody, now),
  }
}

/** Far longer than a run and the wait for it, and short enough that few ends are remembered. */
const soonMs = 600_000

function endsSoon({ technicians }: Access, now: EpochMs): readonly EpochMs[] {
  const ends = technicians.flatMap((each) =>
    each.may !== 'Not' && each.until !== 'open' && each.until <= now + soonMs ? [each.until] : [],
  )
  return [...new Set(ends)]
}

const nobody: Access = {
  own: [],
  ancestors: [],
  technicians: [],
  partnerAdmins: [],
  partnerSuperAdmins: [],
  heldBack: [],
  nextChange: undefined,
}

/** A finalizer before the first side effect; removed last, once everybody is out. */
function finalizerStep(seen: Seen, { state }: Deletion): Plan['finalizer'] {
  const has = seen.object.metadata.finalizers?.includes(finalizer) ?? false
  if (state === 'None') return has ? 'keep' : 'add'
  const mayGo = state === 'Closing' && has && isReleased(seen) && !grantIsHeld(seen)
  return mayGo ? 'remove' : 'keep'
}

/** Status says Vacant, which takes the proof, and no binding of ours is left. */
function isReleased({ known, bindings, impersonations }: Seen): boolean {
  const isForgotten = impersonations.roles.length + impersonations.bindings.length === 0
  return known.link.state === 'Vacant' && bindings.length === 0 && isForgotten
}

function grantIsHeld({ grant }: Seen): boolean {
  return grant?.metadata.finalizers?.includes(finalizer) ?? false
}

function grantFinalizerStep(seen: Seen, closing: boolean): Plan['grantFinalizer'] {
  const { grant, known } = seen
  if (!grant) return 'keep'
  if (closing) return grantIsHeld(seen) && isReleased(seen) ? 'remove' : 'keep'
  if (!grant.metadata.deletionTimestamp) return grantIsHeld(seen) ? 'keep' : 'add'
  return grantIsHeld(seen) && known.link.state === 'Vacant' ? 'remove' : 'keep'
}

function wishes(
  { known }: Seen,
  { closing, open }: { readonly closing: boolean; readonly open: boolean },
): Wishes {
  const grant = !closing && known.grant && !known.grant.deleting ? known.grant : undefined
  const linkable = open && grant !== undefined && !linkObjection(known, grant)
  return { keeps: grant?.partner, wanted: linkable ? grant.partner : undefined }
}

function whatTheLinkWaitsFor({ known }: Seen): Verdict | undefined {
  const { grant, link } = known
  if (!grant || grant.deleting || linkedPartner(link) === grant.partner) return undefined
  return linkObjection(known, grant)
}

/** Why the partner that the grant names cannot be linked now. */
function linkObjection({ customer, partner }: Seen['known'], grant: Grant): Verdict | undefined {
  if (grant.unguarded) return unguardedGrant(customer.ref.name)
  return partnerObjection(partner, grant.partner)
}

function accessColumn({ known }: Seen, now: EpochMs): string {
  return known.link.state === 'Releasing' ? 'Releasing' : accessNow(known, now)
}

function untilColumn({ known }: Seen): string | undefined {
  const window = known.grant && !known.grant.deleting ? grantWindow(known.grant) : undefined
  return window && window.notAfter !== 'open' ? formatTime(window.notAfter) : undefined
}

function databaseStep({ object }: Seen, keep: boolean): Plan['database'] {
  if (!(object.spec.database?.enabled ?? true)) return 'off'
  return keep || object.metadata.deletionTimestamp ? 'kept' : 'wanted'
}

/** NOTHING-LOST: only by policy, and only a namespace that carries the mark of who made it. */
function mayDeleteNamespace({ object, namespaceObject }: Seen): boolean {
  return (
    object.spec.reclaimPolicy === 'Delete' &&
    namespaceObject !== undefined &&
    isOurs(namespaceObject) &&
    namespaceObject.metadata.labels?.[labels.customer] === object.metadata.name
  )
}
