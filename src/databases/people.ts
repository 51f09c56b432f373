// The logins of people in a customer's database: brought to what they should be, and listed. Holds QUIET, ISOLATED.
// Read first, write what differs, read again. The password is compared too: whoever has a login may change it.
import { TenantryError } from '../api/errors.ts'
import type { At } from './converge.ts'
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

/** @returns whether anything was written */
export async function ensurePeople(
  signal: AbortSignal,
  at: At,
  { customerUid, people }: People,
): Promise<boolean> {
  const seen = await read(signal, at, customerUid)
  let wrote = false
  const failures: unknown[] = []
  for (const person of people) {
    try {
      if (await ensurePerson(signal, at, customerUid, { person, seen })) wrote = true
    } catch (error) {
      signal.throwIfAborted()
      failures.push(explain(error, at.server.name, `the login ${person.login}`))
    }
  }
  if (failures.length > 0) throw failures[0]
  return wrote
}

async function ensurePerson(
  signal: AbortSignal,
  at: At,
  uid: string,
  { person, seen: first }: { readonly person: PersonLogin; readonly seen: Seen },
): Promise<boolean> {
  const { login, password } = person
  let seen = first
  let madeByUs = false
  let wrote = false
  for (let round = 0; ; round += 1) {
    const isMissing = !seen.has(login)
    const verifier = isMissing ? await scramVerifier(password) : ''
    const changes = personChanges(uid, seen, person, verifier)
    if (changes.length === 0) break
    if (round === maxRounds) throw new TenantryError('DATABASE_FAILED', `${login} does not last`)
    try {
      await at.sql.query(signal, asOne(uid, changes))
      wrote = true
      madeByUs = isMissing
    } catch (error) {
      if (!isGone(error) && !isTaken(error)) throw error // else another replica was faster
    }
    seen = await read(signal, at, uid)
  }
  if (madeByUs || (await isAccepted(signal, at, uid, { person, found: seen.get(login) }))) {
    return wrote
  }
  const change = passwordChange(login, await scramVerifier(password))
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
