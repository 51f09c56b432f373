// The operator's caches as what the core looks things up in.

import { directoryOver, patternIn } from '../access/directory.ts'
import type { Directory } from '../access/facts.ts'
import { patternsOf } from '../access/usernames.ts'
import { grantName, identityProviderName } from '../api/names.ts'
import { policyIsMissing } from './policies.ts'
import type { Stores } from './stores.ts'

export function directoryOf(stores: Stores, lacksImpersonation: () => boolean): Directory {
  const { customers, partners, members, identityProviders, grants, namespaces } = stores
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
    patterns: cachedPatterns(stores),
  })
}

/** Made anew when an organization has changed, not on every question. */
function cachedPatterns({ customers, partners }: Stores) {
  let current: ReturnType<typeof patternsOf> | undefined
  const drop = () => {
    current = undefined
  }
  customers.onChange(drop)
  partners.onChange(drop)
  return () =>
    (current ??= patternsOf([...customers.list(), ...partners.list()].flatMap(patternIn)))
}
