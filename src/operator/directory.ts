// The operator's caches as what the core looks things up in.

import { directoryOver, patternIn, type OrganizationObject } from '../access/directory.ts'
import type { Directory } from '../access/facts.ts'
import { patternsOf } from '../access/usernames.ts'
import { grantName, identityProviderName, labels } from '../api/names.ts'
import type { Change } from '../runtime/index.ts'
import { policyIsMissing } from './policies.ts'
import type { Stores } from './stores.ts'

export function directoryOf(
  stores: Stores,
  { lacksImpersonation, ledger }: Pick<Directory, 'lacksImpersonation' | 'ledger'>,
): Directory {
  const { customers, partners, members, identityProviders, grants, namespaces, permissions } =
    stores
  return directoryOver({
    customer: (name) => customers.get({ name }),
    partner: (name) => partners.get({ name }),
    ownedBy: (person) => [...customers.by('owner', person), ...partners.by('owner', person)],
    membersIn: (namespace) => members.byNamespace(namespace),
    membersNamed: (person) => members.by('user', person),
    identityProvider: (namespace) =>
      identityProviders.get({ namespace, name: identityProviderName }),
    grant: (namespace) => grants.get({ namespace, name: grantName }),
    namespaceLabels: (name) => {
      const found = namespaces.get({ name })
      return found && (found.metadata.labels ?? {})
    },
    policyIsMissing: (policy) => policyIsMissing(stores, policy),
    lacksImpersonation,
    offersPermission: (kind, name) =>
      permissions.get({ name })?.metadata.labels?.[labels.permission] === kind,
    ledger,
    patterns: cachedPatterns(stores),
  })
}

/** Made anew when a pattern has changed: going through all organizations is too much for every status that is written. */
function cachedPatterns({ customers, partners }: Stores) {
  let current: ReturnType<typeof patternsOf> | undefined
  const drop = ({ before, after }: Change<OrganizationObject>) => {
    const [was, is] = [before, after].map((object) => (object ? patternIn(object) : []))
    if (JSON.stringify(was) !== JSON.stringify(is)) current = undefined
  }
  customers.onChange(drop)
  partners.onChange(drop)
  return () =>
    (current ??= patternsOf([...customers.list(), ...partners.list()].flatMap(patternIn)))
}
