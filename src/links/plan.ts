// The links of one customer: one in its own namespace, one at its partner, one at its parent.
// Pure. Holds ONE-PARTNER (a link at the partner ends as Releasing starts), ISOLATED.

import { access, accessNow, type Access, type Known } from '../access/access.ts'
import { grantWindow } from '../access/grant.ts'
import { linkedPartner } from '../access/link.ts'
import { conditionsFrom, isTrue } from '../api/conditions.ts'
import type {
  CustomerLink,
  CustomerLinkStatus,
  CustomerOrganization,
} from '../api/kinds.generated.ts'
import {
  apiVersion,
  customerNamespace,
  labels,
  managedBy,
  partnerNamespace,
  selfLinkName,
} from '../api/names.ts'
import { formatTime, type EpochMs } from '../api/time.ts'
import type { Seen } from './gather.ts'
import { createdBy } from './plan-request.ts'

export type WantedLink = { readonly link: CustomerLink; readonly status: CustomerLinkStatus }

export type Plan = {
  readonly remove: readonly CustomerLink[]
  readonly ensure: readonly WantedLink[]
  readonly nextChange: EpochMs | undefined
}

export function planLinks(seen: Seen, now: EpochMs): Plan {
  const { object, known } = seen
  if (!object || !known || object.metadata.deletionTimestamp) {
    return { remove: seen.links, ensure: [], nextChange: undefined }
  }
  const decided = access(known, now)
  const places = placesOf(object, known)
  // Also where somebody has made a link of that name: it is the customer's listing from now on.
  const wanted = places.filter(
    ({ namespace, name, label, organization }) =>
      seen.isHome(namespace, label, organization) &&
      (hasBeenTold(object) || seen.linkAt(namespace, name) !== undefined),
  )
  const ensure = wanted.map(({ relation, namespace, name }) => {
    const link = linkOf(object, namespace, name)
    return { link, status: statusOf(seen, object, known, decided, { relation, link, now }) }
  })
  const stays = new Set(places.map(({ namespace, name }) => `${namespace}/${name}`))
  return {
    remove: seen.links.filter(
      ({ metadata }) => !stays.has(`${metadata.namespace ?? ''}/${metadata.name}`),
    ),
    ensure,
    nextChange: decided.nextChange,
  }
}

/** A link repeats what the customer's own status says. Made before that, it would be written twice. */
function hasBeenTold({ status }: CustomerOrganization): boolean {
  return status?.database !== undefined && status.database.state !== 'Placed'
}

type Relation = NonNullable<CustomerLinkStatus['relation']>
type Place = {
  readonly relation: Relation
  readonly namespace: string
  readonly name: string
  readonly label: string
  readonly organization: string
}

function placesOf({ metadata, spec }: CustomerOrganization, { link }: Known): readonly Place[] {
  const { name } = metadata
  const self: Place = {
    relation: 'Self',
    namespace: customerNamespace(name),
    name: selfLinkName,
    label: labels.customer,
    organization: name,
  }
  const partner = linkedPartner(link)
  const parent = spec.parentRef?.name
  return [
    self,
    ...(partner === undefined
      ? []
      : [
          {
            relation: 'Partner' as const,
            namespace: partnerNamespace(partner),
            name,
            label: labels.partner,
            organization: partner,
          },
        ]),
    ...(parent === undefined
      ? []
      : [
          {
            relation: 'Parent' as const,
            namespace: customerNamespace(parent),
            name,
            label: labels.customer,
            organization: parent,
          },
        ]),
  ]
}

function linkOf({ metadata }: CustomerOrganization, namespace: string, name: string): CustomerLink {
  return {
    apiVersion,
    kind: 'CustomerLink',
    metadata: {
      name,
      namespace,
      labels: { [labels.managedBy]: managedBy, [labels.customer]: metadata.name },
    },
  }
}

function statusOf(
  { linkAt, signInURL, hasNested }: Seen,
  object: CustomerOrganization,
  known: Known,
  { technicians }: Access,
  {
    relation,
    link,
    now,
  }: { readonly relation: Relation; readonly link: CustomerLink; readonly now: EpochMs },
): CustomerLinkStatus {
  const { metadata, spec } = object
  const before = linkAt(link.metadata.namespace ?? '', link.metadata.name)
  const creator = before && createdBy(before)
  const entering = technicians.filter(({ may }) => may === 'Enter').length
  const finding = isTrue('Ready', 'Ready', `Customer ${metadata.name} is linked here.`)
  return {
    ...(metadata.uid !== undefined && { customerID: metadata.uid }),
    ...(spec.displayName !== undefined && { displayName: spec.displayName }),
    ...(spec.domain !== undefined && { domain: spec.domain }),
    relation,
    // Whoever looks from above knows where there is nothing further down to ask for.
    ...(relation === 'Parent' && { hasNested }),
    ...(creator !== undefined && { createdBy: creator }),
    ...partnerSide(known, now),
    technicians: technicians.length,
    // A parent has no business with the partner's door.
    ...(entering > 0 && relation !== 'Parent' && signInURL !== undefined && { signInURL }),
    ...(relation === 'Self' && selfSide(object, known)),
    conditions: conditionsFrom([finding], before?.status?.conditions, {
      now,
      generation: undefined,
    }),
  }
}

function partnerSide(known: Known, now: EpochMs): CustomerLinkStatus {
  const { grant, link } = known
  if (!grant || linkedPartner(link) !== grant.partner) return { access: 'None' }
  const window = grantWindow(grant)
  return {
    relationship: grant.relationship,
    access: accessNow(known, now),
    ...(window && window.notAfter !== 'open' && { until: formatTime(window.notAfter) }),
  }
}

function selfSide({ spec, status }: CustomerOrganization, { customer }: Known): CustomerLinkStatus {
  const database = status?.database?.state
  return {
    portal: customer.portalActive ? 'On' : 'Off',
    ...(database !== undefined && { database }),
    ...(spec.informationLevel && { informationLevel: { ...spec.informationLevel } }),
    ...(spec.contact && { contact: { ...spec.contact } }),
    ...(spec.licenses && { licenses: spec.licenses }),
    ...(status?.leftByPartner && { leftByPartner: status.leftByPartner }),
  }
}
