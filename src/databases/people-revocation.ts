// The end of people's logins, by every replica, at any moment, as often as it takes. Holds NO-LATE, PROVEN, NOTHING-LOST.
// The order: no login, no membership, no session, then proof, then what is the person's own, then the role. The first three wait
// for nobody's lock; each round does whatever is still open, so a replica that dies or loses a race leaves work and no harm.
// The rule nobody would guess: a backend that was let in just before the end is in no list of sessions for a moment.
import { setTimeout as sleep } from 'node:timers/promises'
import { TenantryError } from '../api/errors.ts'
import { explain, isForbidden, isGone, isLocked, isRace } from './failures.ts'
import { databaseName, personPattern } from './names.ts'
import { droppedRole, kindOf } from './people.ts'
import {
  closing,
  countOrphans,
  dropOwned,
  dropRole,
  endBackend,
  endOrphans,
  endSessions,
  holding,
  leaving as leavings,
  readArriving,
  readHoldings,
  readPeople,
  type Holding,
  type PersonState,
} from './people.sql.ts'
import { inside, type At } from './servers.ts'

export type Leaving = { readonly server: string; readonly customerUid: string } & Who

/** Everybody but those who stay; or those alone of whom it is known that their time is over. */
type Who = { readonly except: readonly string[] } | { readonly only: readonly string[] }

export type Revoked = {
  /** The catalog says of everybody who leaves: no login, no membership, no session. */
  readonly proven: boolean
  /** Roles that are still there: nobody can sign in as them once `proven`, but they own something that would be lost. */
  readonly remaining: readonly string[]
}

// About four seconds: a backend that ends later is stuck, and the next run sees to it.
const maxRounds = 100
const longestPauseMs = 50
/** In rounds, about 0.1 s: to arrive takes milliseconds, unless the one who does asks for `post_auth_delay`, as anybody may. */
const patience = 7

export async function revokePeople(
  signal: AbortSignal,
  at: At,
  { customerUid: uid, ...who }: Leaving,
): Promise<Revoked> {
  const { ours, foreign } = await readLeaving(signal, at, uid, who)
  const closed = ours.length === 0 || (await closeAll(signal, at, { uid, who, first: ours }))
  if (closed) {
    for (const person of (await readLeaving(signal, at, uid, who)).ours) {
      await remove(signal, at, uid, person)
    }
  }
  const orphans = await endOrphaned(signal, at, uid)
  const after = ours.length === 0 ? [] : (await readLeaving(signal, at, uid, who)).ours
  // Ours first: a name that somebody took keeps nobody in.
  const [stranger] = foreign
  if (stranger) throw new TenantryError('ROLE_FOREIGN', stranger.name)
  return {
    proven: closed && orphans === 0 && !after.some(isOpen),
    remaining: [...after.map(({ name }) => name), ...(orphans > 0 ? [droppedRole] : [])],
  }
}

/**
 * @returns whether it is proven; false when a session does not end
 * @throws TenantryError OPERATOR_LACKS_RIGHTS, after everything that the operator may do was done
 */
async function closeAll(
  signal: AbortSignal,
  at: At,
  {
    uid,
    who,
    first,
  }: {
    readonly uid: string
    readonly who: Who
    readonly first: readonly PersonState[]
  },
): Promise<boolean> {
  const oids = new Set<number>() // also of roles that another replica drops meanwhile
  let arriving: ReadonlySet<number> | undefined
  let waited = 0
  for (let round = 0; round < maxRounds; round += 1) {
    const refusals: unknown[] = []
    const ours = round === 0 ? first : (await readLeaving(signal, at, uid, who)).ours
    for (const { oid } of ours) oids.add(oid)
    const open = ours.filter(isOpen)
    for (const person of open) refusals.push(...(await close(signal, at, person)))
    if (open.length > 0) {
      ;[arriving, waited] = [undefined, 0]
    } else {
      // Who arrives from now on finds no right to connect; who had begun before is waited for. Then the sessions are counted.
      const now: readonly number[] = await readArriving(signal, at.sql, uid)
      arriving = new Set<number>(now.filter((pid) => arriving?.has(pid) ?? true))
      waited += 1
      if (waited > patience) await endArriving(signal, at, [...arriving])
    }
    const sessions = await endSessions(signal, at.sql, [...oids]).catch((error: unknown) => {
      if (!isForbidden(error)) throw error
      refusals.push(error)
      return Infinity
    })
    if (arriving?.size === 0 && sessions === 0) return true
    if (refusals.length > 0 && round > 1) {
      throw explain(
        refusals[0],
        at.server.name,
        `ending ${ours.map(({ name }) => name).join(', ')}`,
      )
    }
    await sleep(Math.min(2 ** round, longestPauseMs), undefined, { signal })
  }
  return false
}

/** Whose they are is not to be seen. An application that is hit connects again. */
async function endArriving(signal: AbortSignal, at: At, pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      await endBackend(signal, at.sql, pid)
    } catch (error) {
      if (!isForbidden(error)) throw error // a superuser's: nobody who leaves
    }
  }
}

/** Each statement by itself: one that fails must not undo the others. What the operator may not do is returned. */
async function close(
  signal: AbortSignal,
  at: At,
  person: PersonState,
): Promise<readonly unknown[]> {
  const refusals: unknown[] = []
  const statements = [
    ...(person.login ? [closing(person)] : []),
    ...leavings(person),
    ...holding(person),
  ]
  for (const statement of statements) {
    try {
      await at.sql.query(signal, statement)
    } catch (error) {
      signal.throwIfAborted()
      if (isForbidden(error)) refusals.push(error)
      else if (!isGone(error) && !isLocked(error) && !isRace(error)) throw error
    }
  }
  return refusals
}

/** A failure leaves a role that nobody can use: it is among those that remain, and the next run tries again. */
async function remove(
  signal: AbortSignal,
  at: At,
  uid: string,
  person: PersonState,
): Promise<void> {
  try {
    const holdings = await readHoldings(signal, at.sql, uid, person)
    if (holdings.some((holding) => wouldBeLost(uid, person, holding))) return
    if (holdings.length > 0) {
      await inside(signal, at, databaseName(uid), (inner) =>
        inner.query(signal, dropOwned(uid, person)),
      )
    }
    await at.sql.query(signal, dropRole(uid, person))
  } catch (error) {
    signal.throwIfAborted()
    const failure = explain(error, at.server.name, `dropping ${person.name}`)
    if (failure instanceof TenantryError && failure.code === 'SERVER_UNREACHABLE') throw failure
  }
}

/** NOTHING-LOST: what a member made is the customer's; a technician makes nothing but large objects, unless somebody let them. */
function wouldBeLost(
  uid: string,
  person: PersonState,
  { owned, catalog, where }: Holding,
): boolean {
  if (where === 'elsewhere') return true // only what is in this customer's database is ours to look after
  if (!owned || catalog === 'pg_default_acl') return false // rights, and what the rights of new objects would be
  return kindOf(uid, person) !== 'technician' || catalog !== 'pg_largeobject'
}

async function endOrphaned(signal: AbortSignal, at: At, uid: string): Promise<number> {
  const found = await countOrphans(signal, at.sql, uid)
  if (found === 0) return 0
  try {
    await endOrphans(signal, at.sql, uid)
  } catch (error) {
    if (!isForbidden(error)) throw error // only a superuser may, where the role is gone
  }
  return countOrphans(signal, at.sql, uid)
}

function leaves(who: Who, login: string): boolean {
  return 'only' in who ? who.only.includes(login) : !who.except.includes(login)
}

/** Somebody may still sign in, has a right, or could not be ended by the operator. */
function isOpen({ login, groups, held }: PersonState): boolean {
  return login || groups.length > 0 || !held
}

async function readLeaving(
  signal: AbortSignal,
  at: At,
  uid: string,
  who: Who,
): Promise<{ readonly ours: readonly PersonState[]; readonly foreign: readonly PersonState[] }> {
  const named = new RegExp(personPattern(uid))
  const seen = await readPeople(signal, at.sql, uid, { verifiers: false })
  const people = [...seen.values()].filter(({ name }) => named.test(name) && leaves(who, name))
  const isForeign = (person: PersonState) => kindOf(uid, person) === 'stranger'
  return {
    ours: people.filter((person) => !isForeign(person)),
    foreign: people.filter(isForeign),
  }
}
