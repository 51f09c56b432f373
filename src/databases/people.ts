// The logins of people in a customer's database: brought to what they should be, and listed. Holds QUIET, ISOLATED.
// Read first, write what differs, read again. The password is compared too: whoever has a login may change it.
import { TenantryError } from '../api/errors.ts'
import { explain, isGone, isTaken, isWrongPassword } from './failures.ts'
import { databaseName, groupName, groupNames, markOf, personPattern } from './names.ts'
import {
  asOne,
  countOrphans,
  endOf,
  personChanges,
  readPeople,
  type PersonLogin,
  type PersonState,
} from './people.sql.ts'
import { passwordChange } from './roles.sql.ts'
import { scramVerifier, verifierFits } from './scram.ts'
import { answer } from './server.sql.ts'
import type { Session } from './server.ts'
import type { At } from './servers.ts'

export type { PersonLogin } from './people.sql.ts'

export type People = {
  readonly server: string
  readonly customerUid: string
  readonly people: readonly PersonLogin[]
}

export type PersonFound = {
  readonly login: string
  /** A stranger has something in this customer's database, and the operator did not make it. */
  readonly of: 'technician' | 'member' | 'stranger'
  readonly canLogin: boolean
  readonly validUntil: number | 'open'
  readonly groups: readonly string[]
  readonly sessions: number
}

type Seen = ReadonlyMap<string, PersonState>

/** What a session is called whose role was dropped under it. */
export const droppedRole = 'a role that was dropped'

// Two rounds do it; more are other replicas' work on the same login.
const maxRounds = 10

/**
 * Whoever has a nearing end waits for nobody else: in each round all are written, and then all are read once.
 *
 * @returns whether anything was written
 */
export async function ensurePeople(
  signal: AbortSignal,
  at: At,
  { customerUid: uid, people }: People,
): Promise<boolean> {
  let seen = await read(signal, at, uid)
  let wrote = false
  const made = new Set<string>()
  const failures = new Map<string, unknown>()
  const attempt = async (person: PersonLogin, what: () => Promise<boolean>): Promise<boolean> => {
    if (failures.has(person.login)) return false
    try {
      return await what()
    } catch (error) {
      signal.throwIfAborted()
      failures.set(person.login, explain(error, at.server.name, `the login ${person.login}`))
      return false
    }
  }
  for (let round = 0; ; round += 1) {
    let changed = false
    for (const person of people) {
      const write = () => writePerson(signal, at, uid, { person, seen, made, round })
      if (await attempt(person, write)) changed = true
    }
    if (!changed) break
    wrote = true
    seen = await read(signal, at, uid)
  }
  for (const person of people) {
    const found = seen.get(person.login)
    const mend = () => ensurePassword(signal, at, uid, { person, found })
    if (!made.has(person.login) && (await attempt(person, mend))) wrote = true
  }
  const [first] = failures.values()
  if (first !== undefined) throw first
  return wrote
}

type Turn = {
  readonly person: PersonLogin
  readonly seen: Seen
  /** Logins that were missing and that we made: their password is ours. */
  readonly made: Set<string>
  readonly round: number
}

/** @returns whether anything had to be written; the next look says whether it lasts */
async function writePerson(
  signal: AbortSignal,
  at: At,
  uid: string,
  { person, seen, made, round }: Turn,
): Promise<boolean> {
  const { login, password } = person
  const isMissing = !seen.has(login)
  const changes = personChanges(uid, seen, person, isMissing ? await scramVerifier(password) : '')
  if (changes.length === 0) return false
  if (round === maxRounds) throw new TenantryError('DATABASE_FAILED', `${login} does not last`)
  made.delete(login)
  try {
    await at.sql.query(signal, asOne(uid, changes))
    if (isMissing) made.add(login)
  } catch (error) {
    if (!isGone(error) && !isTaken(error)) throw error // else another replica was faster
  }
  return true
}

async function ensurePassword(
  signal: AbortSignal,
  at: At,
  uid: string,
  { person, found }: { readonly person: PersonLogin; readonly found: PersonState | undefined },
): Promise<boolean> {
  if (await isAccepted(signal, at, uid, { person, found })) return false
  const change = passwordChange(person.login, await scramVerifier(person.password))
  await at.sql.query(signal, asOne(uid, [change]))
  return true
}

/** Any other failure than a wrong password is no reason to set one. */
async function isAccepted(
  signal: AbortSignal,
  at: At,
  uid: string,
  { person, found }: { readonly person: PersonLogin; readonly found: PersonState | undefined },
): Promise<boolean> {
  const { login: username, password } = person
  if (at.readsVerifiers) return verifierFits(found?.verifier ?? '', password)
  try {
    await at.server.as(signal, databaseName(uid), { username, password }, (sql) =>
      answer(signal, sql),
    )
    return true
  } catch (error) {
    signal.throwIfAborted()
    // After the end the right password is refused in the same words.
    return !isWrongPassword(error) || found?.ended === true
  }
}

export async function peopleOf(
  signal: AbortSignal,
  sql: Session,
  customerUid: string,
): Promise<readonly PersonFound[]> {
  const seen = await readPeople(signal, sql, customerUid, { verifiers: false, everybody: true })
  const orphans = await countOrphans(signal, sql, customerUid)
  const own = groupNames(customerUid)
  const people = [...seen.values()]
    .filter(({ name }) => !own.includes(name))
    .map((person): PersonFound => {
      const { name: login, login: canLogin, groups, sessions } = person
      const names = [...new Set(groups.map(({ name }) => name))]
      const of = kindOf(customerUid, person)
      return { login, of, canLogin, validUntil: endOf(person), groups: names, sessions }
    })
  if (orphans === 0) return people
  const orphan = { login: droppedRole, of: 'stranger', canLogin: false, groups: [] } as const
  return [...people, { ...orphan, validUntil: 'open', sessions: orphans }]
}

/** Whoever is not marked a technician is a member: nothing of a member's is ever dropped. */
export function kindOf(customerUid: string, { mark, kind }: PersonState): PersonFound['of'] {
  if (mark !== markOf(customerUid)) return 'stranger'
  return kind === 'technician' ? 'technician' : 'member'
}

function read(signal: AbortSignal, at: At, customerUid: string): Promise<Seen> {
  return readPeople(signal, at.sql, customerUid, { verifiers: at.readsVerifiers })
}

/** @throws RangeError when a login is no person's of this customer, or a technician is to be in `adm` */
export function refuseMistakes({ customerUid, people }: People): void {
  for (const { login, group, of } of people) {
    if (!new RegExp(personPattern(customerUid)).test(login)) {
      throw new RangeError(`Not a person's login of ${databaseName(customerUid)}: ${login}`)
    }
    if (of === 'technician' && group === 'adm') {
      throw new RangeError(`A technician is never in ${groupName(customerUid, 'adm')}: ${login}`)
    }
  }
}
