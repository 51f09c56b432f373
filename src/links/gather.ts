// Everything that bears on who sees one customer from above, or from within, and on the links by
// which people ask for a customer of that name. Judges nothing.

import type { Known } from '../access/access.ts'
import { ancestryIn, customerFacts, knownAbout, partnerFacts } from '../access/facts.ts'
import type { Ancestry } from '../access/hierarchy.ts'
import type { Customer, Partner } from '../access/organization.ts'
import type {
  CustomerLink,
  CustomerOrganization,
  PartnerAccessGrant,
} from '../api/kinds.generated.ts'
import { annotations, customerNamespace, labels, organizationOf } from '../api/names.ts'
import type { Ports } from './ports.ts'

/** Whose people have made a link; `undefined`: the namespace belongs to nobody that exists. */
export type Creator =
  | { readonly kind: 'partner'; readonly partner: Partner }
  | { readonly kind: 'customer'; readonly customer: Customer; readonly ancestry: Ancestry }

export type Request = {
  readonly link: CustomerLink
  readonly creator: Creator | undefined
  /** How many customers this organization has created by links. */
  readonly created: number
}

export type Seen = {
  readonly name: string
  readonly object: CustomerOrganization | undefined
  readonly known: Known | undefined
  readonly grant: PartnerAccessGrant | undefined
  /** The partner by whose link the customer was created, if it still exists. */
  readonly creatingPartner: Partner | undefined
  /** A namespace of the name that the customer would have, whoever made it. */
  readonly hasNamespace: boolean
  /** The links of this customer that Tenantry has made, wherever they are. */
  readonly links: readonly CustomerLink[]
  /** Links of this name that people have made, the oldest first. */
  readonly requests: readonly Request[]
  /** Whether a namespace exists and belongs to the organization of that label and name. */
  readonly isHome: (namespace: string, label: string, organization: string) => boolean
  readonly linkAt: (namespace: string, name: string) => CustomerLink | undefined
  /** Whether customers are nested in this one. */
  readonly hasNested: boolean
  readonly policyIsMissing: boolean
  readonly signInURL: string | undefined
}

export function gather(ports: Ports, customer: string): Seen {
  const { stores, directory, signInURL, skewMs } = ports
  const object = stores.customers.get({ name: customer })
  return {
    name: customer,
    object,
    known: object && knownAbout(directory, object, skewMs()),
    grant: directory.grant(customer),
    creatingPartner: object && creatingPartner(ports, object),
    hasNamespace: stores.namespaces.get({ name: customerNamespace(customer) }) !== undefined,
    links: stores.links.by('customer', customer),
    requests: [...stores.links.by('request', customer)]
      .sort(byAge)
      .map((link) => requestOf(ports, link)),
    isHome: (namespace, label, organization) => {
      const metadata = stores.namespaces.get({ name: namespace })?.metadata
      return metadata?.labels?.[label] === organization && !metadata.deletionTimestamp
    },
    linkAt: (namespace, name) => stores.links.get({ namespace, name }),
    hasNested: stores.customers.by('parent', customer).length > 0,
    policyIsMissing: directory.policyIsMissing('tenantry-created-by'),
    signInURL: signInURL?.replaceAll('{customer}', customer),
  }
}

/** How many customers were created by links in this namespace. */
export function createdFrom({ stores }: Ports, namespace: string): number {
  return stores.customers.by('createdFrom', namespace).length
}

function requestOf(ports: Ports, link: CustomerLink): Request {
  const namespace = link.metadata.namespace ?? ''
  return { link, creator: creatorIn(ports, namespace), created: createdFrom(ports, namespace) }
}

function creatorIn({ stores, directory }: Ports, namespace: string): Creator | undefined {
  const ref = organizationOf(namespace)
  const marks = stores.namespaces.get({ name: namespace })?.metadata.labels
  if (!ref || marks?.[labels[ref.kind]] !== ref.name) return undefined
  if (ref.kind === 'partner') {
    const partner = stores.partners.get(ref)
    return partner && { kind: 'partner', partner: partnerFacts(directory, partner) }
  }
  const customer = stores.customers.get(ref)
  return (
    customer && {
      kind: 'customer',
      customer: customerFacts(directory, customer),
      ancestry: ancestryIn(directory, ref.name),
    }
  )
}

function creatingPartner(
  { stores, directory }: Ports,
  { metadata }: CustomerOrganization,
): Partner | undefined {
  const ref = organizationOf(metadata.annotations?.[annotations.createdFrom] ?? '')
  const partner = ref?.kind === 'partner' ? stores.partners.get(ref) : undefined
  return partner && partnerFacts(directory, partner)
}

function byAge(a: CustomerLink, b: CustomerLink): number {
  const [first, second] = [a, b].map(({ metadata }) => metadata.creationTimestamp ?? '')
  if (first !== second) return (first ?? '') < (second ?? '') ? -1 : 1
  return (a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1
}
