// Manifests from files as what the core looks things up in: the same decisions as in a cluster.
// What a file does not say is taken as a cluster would have it after the operator has done its work:
// an organization owns its namespace, and a grant's partner is linked.

import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import {
  directoryOver,
  patternIn,
  type OrganizationObject,
  type Shelves,
} from '../access/directory.ts'
import type { Directory } from '../access/facts.ts'
import { signInOf } from '../access/sign-in.ts'
import { patternsOf } from '../access/usernames.ts'
import type {
  CustomerOrganization,
  IdentityProvider,
  OrganizationMember,
  PartnerAccessGrant,
  PartnerOrganization,
} from '../api/kinds.generated.ts'
import {
  apiVersion,
  customerNamespace,
  grantName,
  labels,
  organizationOf,
  partnerNamespace,
} from '../api/names.ts'

export type Kind =
  | CustomerOrganization
  | PartnerOrganization
  | OrganizationMember
  | IdentityProvider
  | PartnerAccessGrant

export class ManifestError extends Error {
  override readonly name = 'ManifestError'
}

/** @throws ManifestError when a file cannot be read or is no YAML; other kinds are passed over */
export async function readManifests(
  signal: AbortSignal,
  paths: readonly string[],
): Promise<readonly Kind[]> {
  const files = (await Promise.all(paths.map(filesIn))).flat()
  const found = await Promise.all(
    files.map(async (file) => parseFile(file, await readFile(file, { encoding: 'utf8', signal }))),
  )
  return found.flat()
}

async function filesIn(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    const names = await readdir(path)
    return names
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
      .map((name) => join(path, name))
  } catch (cause) {
    throw new ManifestError(`${path} cannot be read. Name a file or folder of manifests.`, {
      cause,
    })
  }
}

function parseFile(file: string, text: string): readonly Kind[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors
    if (error) throw new ManifestError(`${file} is not YAML: ${error.message.split('\n')[0]}`)
    const value: unknown = document.toJS()
    return isKind(value) ? [value] : []
  })
}

const kinds = new Set([
  'CustomerOrganization',
  'PartnerOrganization',
  'OrganizationMember',
  'IdentityProvider',
  'PartnerAccessGrant',
])

function isKind(value: unknown): value is Kind {
  return (
    typeof value === 'object' &&
    value !== null &&
    'apiVersion' in value &&
    value.apiVersion === apiVersion &&
    'kind' in value &&
    typeof value.kind === 'string' &&
    kinds.has(value.kind) &&
    'metadata' in value &&
    'spec' in value
  )
}

/** What files say, with what the operator will have made of it. */
export function directoryFrom(objects: readonly Kind[]): Directory {
  const shelves = directoryShelves(objects)
  const organizations = objects.filter(isOrganization)
  const customers = organizations.filter((object) => object.kind === 'CustomerOrganization')
  const grant = (namespace: string) =>
    shelves.grant(namespace) ?? decidedGrant(customers, namespace)
  const patterns = patternsOf(organizations.flatMap(patternIn))
  return directoryOver({
    ...shelves,
    customer: (name) => {
      const found = shelves.customer(name)
      return found && linked(found, grant(customerNamespace(name)))
    },
    identityProvider: (namespace) =>
      shelves.identityProvider(namespace) ?? decidedProvider(organizations, namespace),
    grant,
    namespaceLabels: (namespace) => {
      const ref = organizationOf(namespace)
      return ref && { [labels[ref.kind]]: ref.name }
    },
    patterns: () => patterns,
  })
}

/** Look-ups that say what the objects say and assume nothing; each is as fast with many objects. */
export function directoryShelves(
  objects: readonly Kind[],
): Omit<Shelves, 'namespaceLabels' | 'missingPolicies' | 'patterns'> {
  const organizations = objects.filter(isOrganization)
  const customers = byName(organizations.filter((object) => object.kind === 'CustomerOrganization'))
  const partners = byName(organizations.filter((object) => object.kind === 'PartnerOrganization'))
  const members = objects.filter((object) => object.kind === 'OrganizationMember')
  const membersIn = Map.groupBy(members, ({ metadata }) => metadata.namespace ?? '')
  const membersNamed = Map.groupBy(members, ({ spec }) => spec.user)
  const providers = byNamespace(objects.filter((object) => object.kind === 'IdentityProvider'))
  const grants = byNamespace(objects.filter((object) => object.kind === 'PartnerAccessGrant'))
  const owned = new Map<string, OrganizationObject[]>()
  for (const organization of organizations) {
    const { superAdmin } = organization.status ?? {}
    const people = [...(organization.spec.owners ?? []), ...(superAdmin ? [superAdmin.user] : [])]
    for (const person of new Set(people)) {
      owned.set(person, [...(owned.get(person) ?? []), organization])
    }
  }
  return {
    customer: (name) => customers.get(name),
    partner: (name) => partners.get(name),
    ownedBy: (person) => owned.get(person) ?? [],
    membersIn: (namespace) => membersIn.get(namespace) ?? [],
    membersNamed: (person) => membersNamed.get(person) ?? [],
    identityProvider: (namespace) => providers.get(namespace),
    grant: (namespace) => grants.get(namespace),
  }
}

function isOrganization(object: Kind): object is OrganizationObject {
  return object.kind === 'CustomerOrganization' || object.kind === 'PartnerOrganization'
}

function byName<T extends Kind>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [object.metadata.name, object]))
}

function byNamespace<T extends Kind>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [object.metadata.namespace ?? '', object]))
}

/** What `spec.partner` of a customer will be as a grant. */
function decidedGrant(
  customers: readonly CustomerOrganization[],
  namespace: string,
): PartnerAccessGrant | undefined {
  const partner = customers.find(({ metadata }) => customerNamespace(metadata.name) === namespace)
    ?.spec.partner
  return (
    partner && {
      apiVersion,
      kind: 'PartnerAccessGrant',
      metadata: { name: grantName, namespace },
      spec: partner,
    }
  )
}

function decidedProvider(
  organizations: readonly OrganizationObject[],
  namespace: string,
): IdentityProvider | undefined {
  const owner = organizations.find(
    ({ kind, metadata }) =>
      (kind === 'PartnerOrganization' ? partnerNamespace : customerNamespace)(metadata.name) ===
      namespace,
  )
  return owner && signInOf(owner, namespace)
}

function linked(
  object: CustomerOrganization,
  grant: PartnerAccessGrant | undefined,
): CustomerOrganization {
  if (object.status?.partner || !grant) return object
  const partner = { state: 'Linked', epoch: 1, name: grant.spec.partnerRef.name } as const
  return { ...object, status: { ...object.status, partner } }
}
