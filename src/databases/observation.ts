// What a look at a whole server says of each customer on it. Pure: the two queries were asked by others.
// The rule nobody would guess: what is inside a database is not looked at, since that would take a connection for each.
import { TenantryError } from '../api/errors.ts'
import type { DatabaseSpec } from './change.sql.ts'
import {
  customerOf,
  databaseName,
  loginName,
  personLoginPattern,
  slots,
  type ApplicationRole,
  type Slot,
} from './names.ts'
import { missingSteps, noVerifiers } from './recipe.sql.ts'
import type { Slots } from './roles.sql.ts'
import { serverChanges } from './server.sql.ts'
import type { RoleState, ServerState } from './state.sql.ts'

/** How a customer's database stood when it was last made or checked as a whole. */
export type Kept = {
  readonly spec: DatabaseSpec & { readonly server: string }
  readonly used: Slots
  /** By login, where the operator may read them. */
  readonly verifiers: ReadonlyMap<string, string | null | undefined>
}

export type Observation = {
  /** What differs on the server itself. */
  readonly server: readonly string[]
  /** By customer UID: what differs; nothing when all is as it should be. */
  readonly customers: ReadonlyMap<string, readonly string[]>
  /** By customer UID: the logins of people, of customers that nobody here knows any more too. */
  readonly people: ReadonlyMap<string, readonly string[]>
}

/** By login, the groups that it is in, as one word; nothing: it may be let in, and was not yet as far as anybody knows. */
export type KeptPeople = ReadonlyMap<string, string>

/**
 * @param kept by customer UID; a customer that is not in it is judged by what does not depend on its spec
 * @param isStill false: it was worked on meanwhile, and is not judged
 */
export function observation(
  state: ServerState,
  kept: ReadonlyMap<string, Kept>,
  keptPeople: ReadonlyMap<string, KeptPeople>,
  isStill: (customerUid: string) => boolean = () => true,
): Observation {
  const roles = rolesByDatabase(state)
  const found = [...state.databases.values()].flatMap(
    ({ name, mark }) => customerOf(name, mark) ?? [],
  )
  const customers = new Map<string, readonly string[]>()
  for (const uid of new Set([...found, ...kept.keys()])) {
    if (!isStill(uid)) continue
    const own = roles.get(databaseName(uid)) ?? new Map<string, RoleState>()
    customers.set(uid, [
      ...differences(state, uid, own, kept.get(uid)),
      ...peopleDifferences(own, keptPeople.get(uid)),
    ])
  }
  const server = orMessage(() => serverChanges(state).map(({ what }) => what))
  return { server, customers, people: peopleIn(state) }
}

/** @param kept who had a login when that was last proven; of a customer of whom it never was nothing is said */
function peopleDifferences(
  roles: ReadonlyMap<string, RoleState>,
  kept: KeptPeople | undefined,
): readonly string[] {
  if (!kept) return []
  const there = [...roles.values()].filter(isPerson)
  return [
    ...there.filter(({ name }) => !kept.has(name)).map(({ name }) => `${name} is let in`),
    ...[...kept].flatMap(([login, group]) => {
      if (group === '') return []
      const found = roles.get(login)
      if (!found) return [`${login} is missing`]
      const groups = new Set(found.groups.map(({ name }) => name))
      const isAsMade = found.login && [...groups].toSorted().join(' ') === group
      return isAsMade ? [] : [`${login} may not sign in, or is in other groups`]
    }),
  ]
}

function peopleIn({ roles }: ServerState): ReadonlyMap<string, readonly string[]> {
  const people = new Map<string, readonly string[]>()
  for (const role of [...roles.values()].filter(isPerson)) {
    const uid = customerOf(role.name.slice(0, 28), role.mark)
    if (uid !== undefined) people.set(uid, [...(people.get(uid) ?? []), role.name])
  }
  return people
}

function isPerson({ name }: RoleState): boolean {
  return new RegExp(personLoginPattern).test(name)
}

function differences(
  state: ServerState,
  customerUid: string,
  roles: ReadonlyMap<string, RoleState>,
  kept: Kept | undefined,
): readonly string[] {
  const database = state.databases.get(databaseName(customerUid))
  const asFound = {
    customerUid,
    connectionLimit: database?.connectionLimit ?? -1,
    extensions: [],
    graces: { adm: 'open', rw: 'open', ro: 'open' } as const,
  }
  const { spec, used } = kept ?? { spec: asFound, used: slotsIn(customerUid, roles) }
  const seen = { roles, database, inside: undefined }
  return [
    ...orMessage(() =>
      missingSteps(spec, seen, used, noVerifiers).flatMap(({ changes }) =>
        changes.map(({ what }) => what),
      ),
    ),
    ...[...(kept?.verifiers ?? [])]
      .filter(([login, verifier]) => roles.has(login) && roles.get(login)?.verifier !== verifier)
      .map(([login]) => `the password of ${login} was changed`),
  ]
}

/** The login of each pair that may sign in; when both may, the one without an end. */
function slotsIn(uid: string, roles: ReadonlyMap<string, RoleState>): Slots {
  const slotIn = (role: ApplicationRole): Slot => {
    const found = (slot: Slot) => roles.get(loginName(uid, role, slot))
    const open = slots.filter((slot) => found(slot)?.login)
    return open.find((slot) => found(slot)?.limited === false) ?? open[0] ?? 'a'
  }
  return { adm: slotIn('adm'), rw: slotIn('rw'), ro: slotIn('ro') }
}

/** The first 28 characters of a role's name are its database's. */
function rolesByDatabase({ roles }: ServerState): Map<string, Map<string, RoleState>> {
  const byDatabase = new Map<string, Map<string, RoleState>>()
  for (const role of roles.values()) {
    const name = role.name.slice(0, 28)
    const own = byDatabase.get(name) ?? new Map<string, RoleState>()
    byDatabase.set(name, own.set(role.name, role))
  }
  return byDatabase
}

/** What is not ours is a difference too, and said in the words of its error. */
function orMessage(judge: () => readonly string[]): readonly string[] {
  try {
    return judge()
  } catch (error) {
    if (error instanceof TenantryError) return [error.message]
    throw error
  }
}
