// The proof that a customer's database is whole and closed to everybody else: the catalog compared with the recipe, PostgreSQL's
// own answer to who may connect, and a sign-in with every application's password. Holds PROVEN.
import type { DatabaseSpec } from './change.sql.ts'
import { read, signIn } from './converge.ts'
import { explain, isCrowded, isRefusedLogin } from './failures.ts'
import { readInside } from './inside.sql.ts'
import { applicationRoles, databaseName, markOf, type ApplicationRole } from './names.ts'
import { missingSteps, noVerifiers } from './recipe.sql.ts'
import type { Slots } from './roles.sql.ts'
import type { Login } from './server.ts'
import { inside, type At } from './servers.ts'
import { readWhoMayConnect } from './state.sql.ts'

export type Proof = { readonly isolated: boolean; readonly problems: readonly string[] }

export async function problemsOf(
  signal: AbortSignal,
  at: At,
  spec: DatabaseSpec & { readonly logins: Readonly<Record<ApplicationRole, Login>> },
  used: Slots,
): Promise<readonly string[]> {
  const { customerUid: uid } = spec
  const name = databaseName(uid)
  const { roles, databases } = await read(signal, at, spec)
  const database = databases.get(name)
  const ours = database?.mark === markOf(uid) && database.open
  const within = ours
    ? await inside(signal, at, name, (inner) => readInside(signal, inner, uid))
    : undefined
  const steps = missingSteps(spec, { roles, database, inside: within }, used, noVerifiers)
  const problems = steps.flatMap(({ changes }) => changes.map(({ what }) => what))
  for (const stranger of await readWhoMayConnect(signal, at.sql, name, markOf(uid))) {
    problems.push(`${stranger} may connect`)
  }
  if (!ours) return problems
  for (const role of applicationRoles) {
    try {
      await signIn(signal, at, spec, role)
    } catch (error) {
      signal.throwIfAborted()
      const { username } = spec.logins[role]
      if (isCrowded(error)) continue // it was let in as far as the count of connections
      if (!isRefusedLogin(error)) throw explain(error, at.server.name, `signing in as ${username}`)
      problems.push(`${username} is refused with its own password`)
    }
  }
  return problems
}
