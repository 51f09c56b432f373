// The whole platform as the core looks things up in it: the operator's decision made anew. Only who may
// read everything can do so: a decision from a part of the facts would be another decision.

import { directoryOver, patternIn } from '../access/directory.ts'
import type { Directory } from '../access/facts.ts'
import { policyIsInForce } from '../access/policies.ts'
import { patternsOf } from '../access/usernames.ts'
import type { CustomerOrganization } from '../api/kinds.generated.ts'
import { resources } from '../api/resources.ts'
import { isForbidden } from '../runtime/index.ts'
import { Failure } from './failures.ts'
import { directoryShelves, type Kind } from './manifests.ts'
import { listAll, seen, type Session } from './session.ts'

export type Platform = {
  readonly directory: Directory
  readonly customers: readonly CustomerOrganization[]
}

/** @throws Failure when a part of it is not readable */
export async function readPlatform(session: Session): Promise<Platform> {
  try {
    const [customers, partners, members, providers, grants, namespaces, policies, bindings] =
      await Promise.all([
        listAll(session, resources.customers),
        listAll(session, resources.partners),
        listAll(session, resources.members),
        listAll(session, resources.identityProviders),
        listAll(session, resources.grants),
        listAll(session, resources.namespaces),
        seen(listAll(session, resources.policies)),
        seen(listAll(session, resources.policyBindings)),
      ])
    const objects: readonly Kind[] = [
      ...customers,
      ...partners,
      ...members,
      ...providers,
      ...grants,
    ]
    const marks = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}]))
    const patterns = patternsOf([...customers, ...partners].flatMap(patternIn))
    const directory = directoryOver({
      ...directoryShelves(objects),
      namespaceLabels: (namespace) => marks.get(namespace),
      // Who may not read them is not told that they are missing.
      policyIsMissing: (name) => {
        if (!policies || !bindings) return false
        const policy = policies.find(({ metadata }) => metadata.name === name)
        return !policyIsInForce(policy, bindings)
      },
      patterns: () => patterns,
    })
    return { directory, customers }
  } catch (error) {
    if (!isForbidden(error)) throw error
    throw new Failure(
      'NOT_ALLOWED',
      `${await session.person()} may not read the whole platform, which this decision needs.`,
      { cause: error },
    )
  }
}
