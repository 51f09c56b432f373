// What a look at a whole server says of each customer on it. Pure: the two queries were asked by others.
// The rule nobody would guess: what is inside a database is not looked at, since that would take a connection for each.
import { TenantryError } from '../api/errors.ts'
import type { DatabaseSpec } from './change.sql.ts'
import { applicationRoles, customerOf, databaseName, loginName, slots } from './names.ts'
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
}

/** @param kept by customer UID; a customer that is not in it is judged by what does not depend on its spec */
export function observation(state: ServerState, kept: ReadonlyMap<string, Kept>): Observation {
  const roles = rolesByDatabase(state)
  const found = [...state.databases.values()].flatMap(
    ({ name, mark }) => customerOf(name, mark) ?? [],
  )
  const customers = new Map<string, readonly string[]>()
  for (const uid of new Set([...found, ...kept.keys()])) {
    const own = roles.get(databaseName(uid)) ?? new Map<string, RoleState>()
    customers.set(uid, differences(state, uid, own, kept.get(uid)))
  }
  return { server: orMessage(() => serverChanges(state).map(({ what }) => what)), customers }
}

function differences(
  state: ServerState,
  customerUid: string,
  roles: ReadonlyMap<string, RoleState>,
  kept: Kept | undefined,
): readonly string[] {
  const database = state.databases.get(databaseName(customerUid))
  const asFound = { customerUid, connectionLimit: database?.connectionLimit ?? -1, extensions: [] }
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

/** The login of each pair that is there; the first when both are. */
function slotsIn(uid: string, roles: ReadonlyMap<string, RoleState>): Slots {
  const [adm, rw, ro] = applicationRoles.map(
    (role) => slots.find((slot) => roles.has(loginName(uid, role, slot))) ?? 'a',
  )
  return { adm: adm ?? 'a', rw: rw ?? 'a', ro: ro ?? 'a' }
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
