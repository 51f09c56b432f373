// What a person needs to find and read the own login: the Secret in the own organization's namespace, and the right to read that
// one. One Role and RoleBinding per person, whatever the number of customers: the Role lists the Secrets, and several customers'
// runs write it, each with the version it has read. It outlives the login: who is listed may have one.

import {
  annotations,
  customerOfSecret,
  isOurs,
  labels,
  managedBy,
  operatorBinding,
  operatorLoginsRole,
  personRole,
} from '../api/names.ts'
import {
  apiVersionOf,
  resources,
  type RbacRole,
  type RoleBinding,
  type Secret,
} from '../api/resources.ts'
import { TenantryError } from '../api/errors.ts'
import { newPassword } from '../databases/password.ts'
import { isAlreadyExists, isConflict, isForbidden, isNotFound, sleep } from '../runtime/index.ts'
import type { WantedPerson } from './plan-people.ts'
import type { Ports } from './ports.ts'

const rbac = 'rbac.authorization.k8s.io'
const mostTries = 5

export type Listed = { readonly role: RbacRole; readonly home: string; readonly secret: string }

/** Whoever has or may have a login in this customer's database, by what lets them read its Secret. */
export function listedFor(customer: string, roles: readonly RbacRole[]): readonly Listed[] {
  return roles.flatMap((role) =>
    namesIn(role)
      .filter((secret) => customerOfSecret(secret) === customer)
      .map((secret) => ({ role, home: role.metadata.namespace ?? '', secret })),
  )
}

function namesIn({ rules }: RbacRole): readonly string[] {
  return (rules ?? []).flatMap(({ resourceNames }) => resourceNames ?? [])
}

/** @returns the password that the Secret holds */
export async function ensureReadable(
  signal: AbortSignal,
  ports: Ports,
  wanted: WantedPerson,
  credentials: (password: string) => Promise<Readonly<Record<string, string>>>,
): Promise<string> {
  await holdRights(signal, ports, wanted.home)
  // Listed first: whatever fails from here on, the end of the login knows where to look.
  const role = await list(signal, ports, wanted)
  await ports.applier.ensure(signal, ports.stores.roleBindings, bindingOf(wanted, role))
  return ensureSecret(signal, ports, wanted, credentials)
}

type Lists = Pick<Ports, 'client'> & { readonly stores: Pick<Ports['stores'], 'roles'> }

/** The Secret first, then its name: as long as it is listed somebody will look for it. */
export async function removeReadable(
  signal: AbortSignal,
  ports: Lists,
  { metadata: { name, namespace = '' } }: RbacRole,
  secret: string,
): Promise<void> {
  const found = await ports.client.find<Secret>(signal, resources.secrets, {
    namespace,
    name: secret,
  })
  if (found && isOurs(found)) {
    const { uid } = found.metadata
    await ports.client.remove(signal, resources.secrets, found.metadata, {
      ...(uid !== undefined && { uid }),
    })
  }
  await write(signal, ports, { name, namespace }, (names) =>
    names.filter((each) => each !== secret),
  )
}

/** The operator holds these rights where people's Secrets lie, and nowhere else; it could hand out none otherwise. */
async function holdRights(signal: AbortSignal, ports: Ports, namespace: string): Promise<void> {
  const { roleBindings } = ports.stores
  const { wrote } = await ports.applier.ensure(signal, roleBindings, {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: {
      name: operatorBinding,
      namespace,
      labels: { [labels.managedBy]: managedBy, [labels.audience]: 'operator' },
    },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: operatorLoginsRole },
    subjects: [await ports.self(signal)],
  })
  if (wrote) await untilHeld(signal, ports, namespace)
}

/** The API server's authorizer learns of a binding a few milliseconds later. */
async function untilHeld(signal: AbortSignal, ports: Ports, namespace: string): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      await ports.client.find(signal, resources.secrets, { namespace, name: operatorBinding })
      return
    } catch (error) {
      if (!isForbidden(error)) throw error
      await sleep(signal, 20)
    }
  }
}

async function list(
  signal: AbortSignal,
  ports: Ports,
  { home: namespace, person, secret, user }: WantedPerson,
): Promise<RbacRole> {
  const name = personRole(person)
  const role = await write(
    signal,
    ports,
    { name, namespace },
    (names) => (names.includes(secret) ? names : [...names, secret].sort()),
    { person, user },
  )
  if (!role) throw new TenantryError('ROLE_NOT_OURS', `${namespace}/${name}`)
  return role
}

/**
 * Brings the list of one Role to what `change` makes of it; made when there is something to list, removed with its last name.
 *
 * @throws what the API server says when others were faster each time
 */
async function write(
  signal: AbortSignal,
  { client, stores: { roles } }: Lists,
  ref: { readonly name: string; readonly namespace: string },
  change: (names: readonly string[]) => readonly string[],
  of?: { readonly person: string; readonly user: string },
): Promise<RbacRole | undefined> {
  let found = roles.get(ref)
  for (let tries = 1; ; tries += 1) {
    if (found && !isOurs(found))
      throw new TenantryError('ROLE_NOT_OURS', `${ref.namespace}/${ref.name}`)
    const before = found ? namesIn(found) : []
    const names = change(before)
    if (found && names.length === before.length) return found
    if (!found && names.length === 0) return undefined
    try {
      if (!found) {
        if (!of) return undefined
        const made = await client.create<RbacRole>(signal, resources.roles, roleOf(ref, names, of))
        roles.put(made)
        return made
      }
      const { uid, resourceVersion } = found.metadata
      if (names.length === 0) {
        await client.remove(signal, resources.roles, ref, {
          propagationPolicy: 'Background',
          ...(uid !== undefined && { uid }),
          ...(resourceVersion !== undefined && { resourceVersion }),
        })
        roles.forget(found)
        return undefined
      }
      const body = { metadata: { uid, resourceVersion }, rules: rulesOf(names) }
      const options = { type: 'merge' } as const
      const written = await client.patch<RbacRole>(signal, resources.roles, ref, body, options)
      roles.put(written)
      return written
    } catch (error) {
      const isRace = isConflict(error) || isAlreadyExists(error) || isNotFound(error)
      if (!isRace || tries === mostTries) throw error
      found = await client.find<RbacRole>(signal, resources.roles, ref)
    }
  }
}

function roleOf(
  ref: { readonly name: string; readonly namespace: string },
  names: readonly string[],
  { person, user }: { readonly person: string; readonly user: string },
): RbacRole {
  return {
    apiVersion: `${rbac}/v1`,
    kind: 'Role',
    metadata: {
      ...ref,
      labels: { [labels.managedBy]: managedBy, [labels.person]: person },
      annotations: { [annotations.user]: user },
    },
    rules: rulesOf(names),
  }
}

function rulesOf(names: readonly string[]) {
  return [{ apiGroups: [''], resources: ['secrets'], resourceNames: names, verbs: ['get'] }]
}

/** It goes with its Role: a binding without one would wait for whoever makes a Role of that name. */
function bindingOf({ user, home, person }: WantedPerson, role: RbacRole): RoleBinding {
  const { name, uid = '' } = role.metadata
  return {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: {
      name,
      namespace: home,
      labels: {
        [labels.managedBy]: managedBy,
        [labels.audience]: 'login',
        [labels.person]: person,
      },
      ownerReferences: [{ apiVersion: `${rbac}/v1`, kind: 'Role', name, uid }],
    },
    roleRef: { apiGroup: rbac, kind: 'Role', name },
    subjects: [{ apiGroup: rbac, kind: 'User', name: user }],
  }
}

/** Created once and never overwritten: whoever has read it keeps a password that works. */
async function ensureSecret(
  signal: AbortSignal,
  { client }: Ports,
  { home: namespace, secret: name, person, user, login }: WantedPerson,
  credentials: (password: string) => Promise<Readonly<Record<string, string>>>,
): Promise<string> {
  const ref = { namespace, name }
  const found = await client.find<Secret>(signal, resources.secrets, ref)
  if (found) return passwordIn(found, login)
  const password = newPassword()
  const secret = {
    apiVersion: apiVersionOf(resources.secrets),
    kind: 'Secret',
    metadata: {
      ...ref,
      labels: { [labels.managedBy]: managedBy, [labels.person]: person },
      annotations: { [annotations.user]: user },
    },
    type: 'Opaque',
    stringData: await credentials(password),
  }
  try {
    await client.create(signal, resources.secrets, secret)
    return password
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    return passwordIn(await client.get<Secret>(signal, resources.secrets, ref), login)
  }
}

function passwordIn({ metadata, data }: Secret, login: string): string {
  const value = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8')
  if (metadata.labels?.[labels.managedBy] !== managedBy) {
    throw new TenantryError('SECRET_FOREIGN', metadata.name)
  }
  if (value('password') === '' || value('username') !== login) {
    throw new TenantryError('SECRET_EDITED', metadata.name)
  }
  return value('password')
}
