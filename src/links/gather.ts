// Everything that bears on who sees one customer from above, or from within. Judges nothing.

import type { Known } from '../access/access.ts'
import { knownAbout } from '../access/facts.ts'
import type { CustomerLink, CustomerOrganization } from '../api/kinds.generated.ts'
import { isOurs } from '../api/names.ts'
import type { Ports } from './ports.ts'

export type Seen = {
  readonly object: CustomerOrganization | undefined
  readonly known: Known | undefined
  /** The links of this customer that Tenantry has made, wherever they are. */
  readonly links: readonly CustomerLink[]
  /** Whether a namespace exists and belongs to the organization of that label and name. */
  readonly isHome: (namespace: string, label: string, organization: string) => boolean
  /** A link that somebody else has made under a name that ours would have. */
  readonly foreign: (namespace: string, name: string) => boolean
  readonly signInURL: string | undefined
}

export function gather({ stores, directory, signInURL, skewMs }: Ports, customer: string): Seen {
  const object = stores.customers.get({ name: customer })
  return {
    object,
    known: object && knownAbout(directory, object, skewMs()),
    links: stores.links.by('customer', customer),
    isHome: (namespace, label, organization) => {
      const metadata = stores.namespaces.get({ name: namespace })?.metadata
      return metadata?.labels?.[label] === organization && !metadata.deletionTimestamp
    },
    foreign: (namespace, name) => {
      const found = stores.links.get({ namespace, name })
      return found !== undefined && !isOurs(found)
    },
    signInURL: signInURL?.replaceAll('{customer}', customer),
  }
}
