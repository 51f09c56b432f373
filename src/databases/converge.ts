// Brings one customer's database to its spec, step by step: read, execute what is missing in its order, read again until nothing is.
// Whoever crashes anywhere leaves a state from which the next run goes on. Holds ISOLATED, QUIET, NOTHING-LOST.
import { TenantryError } from '../api/errors.ts'
import type { DatabaseSpec } from './change.sql.ts'
import { explain, isForbidden, isNoDatabase, isUnavailable, isWrongPassword } from './failures.ts'
import { freshInside, readInside, type InsideState } from './inside.sql.ts'
import { applicationRoles, databaseName, markOf, type ApplicationRole } from './names.ts'
import {
  claimStep,
  creationStep,
  extensionStep,
  makesDatabase,
  makingSteps,
  missingSteps,
  type Step,
} from './recipe.sql.ts'
import { passwordChange, type Slots, type Verifiers } from './roles.sql.ts'
import { scramVerifier, verifierFits } from './scram.ts'
import { answer, lockCustomer, repairServer, serverChanges, unlockAll } from './server.sql.ts'
import type { Login, Session } from './server.ts'
import { inside, type At } from './servers.ts'
import { readState, type RoleState, type ServerState } from './state.sql.ts'
import type { WarmPool } from './warm-pool.ts'

type Spec = DatabaseSpec & { readonly logins: Readonly<Record<ApplicationRole, Login>> }
type Roles = ReadonlyMap<string, RoleState>

// Eight steps lead from nothing to a whole database, and one more per extension; beyond that somebody works against us.
const maxRounds = 40

export async function converge(
  signal: AbortSignal,
  at: At,
  spec: Spec,
  { used, pool }: Using,
): Promise<{ readonly steps: readonly string[]; readonly roles: Roles }> {
  await lockCustomer(signal, at.sql, markOf(spec.customerUid))
  const steps: string[] = []
  const before = await read(signal, at, spec)
  const outside = await untilNothingIsMissing(signal, at, spec, {
    used,
    pool,
    steps,
    known: before,
  })
  const name = databaseName(spec.customerUid)
  // Nobody has been in a database that was made or claimed in this run.
  const within = steps.some(makesDatabase) ? freshInside : undefined
  const { roles } = await inside(signal, at, name, (inner) =>
    untilNothingIsMissing(signal, at, spec, { used, pool, steps, known: outside, inner, within }),
  )
  // Who was made in this run has its password from here.
  const wrong = await wrongPasswords(signal, at, spec, roles, before.roles)
  if (wrong.length > 0) {
    steps.push('passwords')
    const changes = wrong.map(async (role) => {
      const { username, password } = spec.logins[role]
      return passwordChange(username, await scramVerifier(password))
    })
    await execute(signal, at.server.name, at.sql, {
      name: 'passwords',
      where: 'server',
      changes: await Promise.all(changes),
    })
  }
  const after = wrong.length > 0 ? await read(signal, at, spec) : { roles }
  await unlockAll(signal, at.sql)
  return { steps, roles: after.roles }
}

type Using = {
  /** The logins that the Secrets name. */
  readonly used: Slots
  readonly pool: WarmPool
}

type Work = Using & {
  /** What was done, for the caller. */
  readonly steps: string[]
  /** As it was read last. */
  readonly known: ServerState
  /** A session inside the database; without one only what is outside is looked at. */
  readonly inner?: Session
  /** What is inside, where that is known beforehand. */
  readonly within?: InsideState | undefined
}

async function untilNothingIsMissing(
  signal: AbortSignal,
  at: At,
  spec: Spec,
  { used, pool, steps, known, inner, within }: Work,
): Promise<ServerState> {
  /** By what was to be put right. */
  const refused = new Map<string, unknown>()
  let oneByOne = false
  let repaired = false
  for (let round = 0; round < maxRounds; round += 1) {
    // What is done inside changes nothing outside, but for the search path that finds extensions.
    const isKnown = round === 0 || (inner !== undefined && spec.extensions.length === 0)
    const state = isKnown ? known : await read(signal, at, spec)
    if (!repaired && serverChanges(state).some(({ sql }) => sql !== undefined)) {
      repaired = true
      if (await repairServer(signal, at.sql, () => read(signal, at, spec))) steps.push('server')
      continue
    }
    const database = state.databases.get(databaseName(spec.customerUid))
    const isFresh = round === 0 && within !== undefined
    const look = async () => inner && readInside(signal, inner, spec.customerUid)
    const seen = { roles: state.roles, database, inside: isFresh ? within : await look() }
    const verifiers = await verifiersOf(spec, state.roles)
    const missing = missingSteps(spec, seen, used, verifiers)
    if (missing.length === 0) return state
    const isMissing = missing.some(({ name }) => name === creationStep)
    const pooled = isMissing ? await pool.take(signal, at.sql) : undefined
    const wanted = isMissing ? makingSteps(spec, seen, used, verifiers, pooled) : missing
    const todo = withoutRefused(wanted, refused, oneByOne)
    if (todo.length === 0) throw [...refused.values()][0]
    for (const step of todo) {
      const session = step.where === 'database' && inner ? inner : at.sql
      try {
        await execute(signal, at.server.name, session, step)
        steps.push(step.name)
      } catch (error) {
        if (pooled !== undefined) pool.forget()
        if (step.name === claimStep && isNoDatabase(error)) break // somebody else had it
        // What the operator may not undo must not keep it from closing a door that stands open.
        const whole = database?.mark === markOf(spec.customerUid)
        if (!whole || !lacksRights(error)) throw error
        if (oneByOne) for (const { what } of step.changes) refused.set(what, error)
        oneByOne = true
        break
      }
    }
  }
  throw new TenantryError('DATABASE_FAILED', `${steps.at(-1) ?? 'reading'} does not last`)
}

/** Of one step a single change, once it is known that not all of them are allowed. */
function withoutRefused(
  missing: readonly Step[],
  refused: ReadonlyMap<string, unknown>,
  oneByOne: boolean,
): readonly Step[] {
  const steps = missing
    .map((step) => ({ ...step, changes: step.changes.filter(({ what }) => !refused.has(what)) }))
    .filter(({ changes }) => changes.length > 0)
  return oneByOne
    ? steps.slice(0, 1).map((step) => ({ ...step, changes: step.changes.slice(0, 1) }))
    : steps
}

async function execute(
  signal: AbortSignal,
  serverName: string,
  sql: Session,
  { name, changes }: Step,
): Promise<void> {
  try {
    await sql.query(signal, changes.map((change) => change.sql).join(';\n'))
  } catch (error) {
    signal.throwIfAborted()
    const extension = name.startsWith(extensionStep('')) ? name.slice(extensionStep('').length) : ''
    if (extension !== '' && isUnavailable(error)) {
      throw new TenantryError('EXTENSION_UNAVAILABLE', extension, { cause: error })
    }
    // What only somebody with more rights may undo has to be named.
    const what = changes.map((change) => change.what).join('; ')
    throw explain(error, serverName, isForbidden(error) ? what : name)
  }
}

function lacksRights(error: unknown): boolean {
  return error instanceof TenantryError && error.code === 'OPERATOR_LACKS_RIGHTS'
}

export function read(
  signal: AbortSignal,
  { sql, readsVerifiers }: At,
  { customerUid }: DatabaseSpec,
): Promise<ServerState> {
  return readState(signal, sql, { customerUid }, readsVerifiers)
}

/** Signs in and asks something. A refusal is thrown as the driver says it. */
export function signIn(
  signal: AbortSignal,
  { server }: At,
  { customerUid, logins }: Spec,
  role: ApplicationRole,
): Promise<void> {
  return server.as(signal, databaseName(customerUid), logins[role], (sql) => answer(signal, sql))
}

async function wrongPasswords(
  signal: AbortSignal,
  at: At,
  spec: Spec,
  roles: Roles,
  before: Roles,
): Promise<readonly ApplicationRole[]> {
  const wrong: ApplicationRole[] = []
  for (const role of applicationRoles) {
    const { username, password } = spec.logins[role]
    if (!before.has(username)) continue
    const fits = at.readsVerifiers
      ? await verifierFits(roles.get(username)?.verifier ?? '', password)
      : await isAccepted(signal, at, spec, role)
    if (!fits) wrong.push(role)
  }
  return wrong
}

/** Any other failure than a wrong password is no reason to set one. */
async function isAccepted(
  signal: AbortSignal,
  at: At,
  spec: Spec,
  role: ApplicationRole,
): Promise<boolean> {
  try {
    await signIn(signal, at, spec, role)
    return true
  } catch (error) {
    signal.throwIfAborted()
    return !isWrongPassword(error)
  }
}

/** Only for logins that are missing: each costs milliseconds of CPU. */
async function verifiersOf({ logins }: Spec, roles: Roles): Promise<Verifiers> {
  const of = async ({ username, password }: Login) =>
    roles.has(username) ? '' : scramVerifier(password)
  return { adm: await of(logins.adm), rw: await of(logins.rw), ro: await of(logins.ro) }
}
