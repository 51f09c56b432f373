// The whole platform as the core looks things up in it: the operator's decision made anew. Only who may
// read everything can do so: a decision from a part of the facts would be another decision.

import { directoryOver, patternIn } from '../access/directory.ts'
import type { Directory, PolicyName } from '../access/facts.ts'
import { patternsOf } from '../access/usernames.ts'
import type { CustomerOrganization } from '../api/kinds.generated.ts'
import { resources, type ResourceOf } from '../api/resources.ts'
import { isForbidden } from '../runtime/index.ts'
import { Failure } from './failures.ts'
import { directoryShelves, type Kind } from './manifests.ts'
import { listAll, seen, type Session } from './session.ts'

export type Platform = {
  readonly directory: Directory
  readonly customers: readonly CustomerOrganization[]
}

export type Named = { readonly metadata: { readonly name: string } }

export const policies: ResourceOf<Named> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  namespaced: false,
}

const minded: readonly PolicyName[] = ['tenantry-members', 'tenantry-grants', 'tenantry-created-by']

/** @throws Failure when a part of it is not readable */
export async function readPlatform(session: Session): Promise<Platform> {
  try {
    const [customers, partners, members, providers, grants, namespaces, found] = await Promise.all([
      listAll(session, resources.customers),
      listAll(session, resources.partners),
      listAll(session, resources.members),
      listAll(session, resources.identityProviders),
      listAll(session, resources.grants),
      listAll(session, resources.namespaces),
      seen(listAll(session, policies)),
    ])
    const objects: readonly Kind[] = [
      ...customers,
      ...partners,
      ...members,
      ...providers,
      ...grants,
    ]
    const marks = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}]))
    const missing = new Set(
      found ? minded.filter((name) => !found.some(({ metadata }) => metadata.name === name)) : [],
    )
    const patterns = patternsOf([...customers, ...partners].flatMap(patternIn))
    const directory = directoryOver({
      ...directoryShelves(objects),
      namespaceLabels: (namespace) => marks.get(namespace),
      policyIsMissing: (policy) => missing.has(policy),
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
