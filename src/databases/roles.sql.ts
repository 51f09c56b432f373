// A customer's roles as they should be: three groups, each in the next weaker one, and the logins of applications, each in its
// group and nowhere else. Every role is made in one transaction with its mark, so that one without the mark was never ours.
import { escapeIdentifier as id, escapeLiteral as text } from 'pg'
import { applicationRoles, deviceRole, groupName, loginName, markOf, slots } from './names.ts'
import type { ApplicationRole, Slot } from './names.ts'
import type { End } from '../api/time.ts'
import type { Change, DatabaseSpec } from './change.sql.ts'
import type { Membership, RoleState } from './state.sql.ts'

export type Verifiers = Readonly<Record<ApplicationRole, string>>
export type Slots = Readonly<Record<ApplicationRole, Slot>>

type Roles = ReadonlyMap<string, RoleState>
/** As much of a role as a comparison looks at. */
type RoleIn<Key extends keyof RoleState> = Pick<RoleState, 'name' | Key>

/** A default that spares a server from a forgotten query. It is no limit: whoever signs in may change it. */
const statementTimeout = '60s'

const weaker: Readonly<Record<ApplicationRole, ApplicationRole | undefined>> = {
  adm: 'rw',
  rw: 'ro',
  ro: undefined,
}

/** @param used the logins that the Secrets name; the other of each pair is shut when its grace is over */
export function roleChanges(
  { customerUid: uid, graces }: Pick<DatabaseSpec, 'customerUid' | 'graces'>,
  roles: Roles,
  used: Slots,
  verifiers: Verifiers,
): readonly Change[] {
  const mark = `IS ${text(markOf(uid))}`
  const survey = deviceRole(uid)
  const ofDevices = [
    ...(roles.has(survey) ? [] : made(survey, [`CREATE ROLE ${id(survey)} NOLOGIN`], mark)),
    ...attributeChanges(roles.get(survey), 'NOLOGIN'),
    ...memberChanges(survey, roles.get(survey), []),
    ...strangerChanges(roles.get(survey)),
  ]
  // The weakest first: a stronger one is granted what is there already.
  const ofApplications = applicationRoles.toReversed().flatMap((role) => {
    const group = groupName(uid, role)
    const below = weaker[role]
    const groups = below === undefined ? [] : [groupName(uid, below)]
    const logins = slots.map((slot) => loginName(uid, role, slot))
    return [
      ...(roles.has(group) ? [] : made(group, [`CREATE ROLE ${id(group)} NOLOGIN`], mark)),
      ...attributeChanges(roles.get(group), 'NOLOGIN'),
      ...memberChanges(group, roles.get(group), groups),
      ...strangerChanges(roles.get(group)),
      ...logins.flatMap((login) => {
        const found = roles.get(login)
        if (login !== loginName(uid, role, used[role])) {
          if (!found) return []
          return [
            ...graceChanges(found, graces?.[role]),
            ...powerChanges(found),
            ...memberChanges(login, found, [group]),
            ...strangerChanges(found),
          ]
        }
        const create = [
          `CREATE ROLE ${id(login)} LOGIN PASSWORD ${text(verifiers[role])}`,
          `ALTER ROLE ${id(login)} SET statement_timeout = '${statementTimeout}'`,
        ]
        return [
          ...(found ? [] : made(login, create, mark)),
          ...attributeChanges(found, 'LOGIN'),
          ...memberChanges(login, found, [group]),
          ...strangerChanges(found),
        ]
      }),
    ]
  })
  return [...ofDevices, ...ofApplications]
}

/** PostgreSQL ends it by itself when nobody does; once it is shut no password is left that could open it. */
function graceChanges(found: RoleState, grace: End | undefined): readonly Change[] {
  if (!found.login || grace === 'open') return []
  const name = id(found.name)
  if (grace === undefined) {
    const sql = `ALTER ROLE ${name} NOLOGIN PASSWORD NULL`
    return [{ what: `${found.name} may sign in, and no Secret names it`, sql }]
  }
  if (found.limited) return []
  const end = text(new Date(grace).toISOString())
  return [
    {
      what: `${found.name} is to end, and has no end`,
      sql: `ALTER ROLE ${name} VALID UNTIL ${end}`,
    },
  ]
}

/** What puts the password of a login right. */
export function passwordChange(login: string, verifier: string): Change {
  return {
    what: `the password of ${login} is not the one of its Secret`,
    sql: `ALTER ROLE ${id(login)} PASSWORD ${text(verifier)}`,
  }
}

/** Takes out of a group whoever does not belong to it. */
export function strangerChanges(found: RoleIn<'strangers'> | undefined): readonly Change[] {
  if (!found) return []
  return found.strangers.map((member) => ({
    what: `${member.name} is in ${found.name}`,
    sql: revoke(found.name, member.name, member, ''),
  }))
}

function made(name: string, statements: readonly string[], mark: string): readonly Change[] {
  const sql = [...statements, `COMMENT ON ROLE ${id(name)} ${mark}`].join(';\n')
  return [{ what: `role ${name} is missing`, sql }]
}

/** A role has no more and no less than its kind. */
export function attributeChanges(
  found: RoleState | undefined,
  wanted: 'LOGIN' | 'NOLOGIN',
): readonly Change[] {
  if (!found) return []
  const name = id(found.name)
  const changes: Change[] = []
  if (found.login !== (wanted === 'LOGIN')) {
    changes.push({ what: `${found.name} is not ${wanted}`, sql: `ALTER ROLE ${name} ${wanted}` })
  }
  changes.push(...powerChanges(found))
  if (found.limited) {
    changes.push({
      what: `${found.name} has an end or a limit of its own`,
      sql: `ALTER ROLE ${name} CONNECTION LIMIT -1 VALID UNTIL 'infinity'`,
    })
  }
  return [...changes, ...heldChanges(found)]
}

/** Who may not act as a role may neither end its sessions nor touch what it owns. */
export function heldChanges({ name, held }: RoleIn<'held'>): readonly Change[] {
  if (held) return []
  return [
    {
      what: `the operator may not act as ${name}`,
      sql: `GRANT ${id(name)} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`,
    },
  ]
}

export function powerChanges({ name, powers }: RoleIn<'powers'>): readonly Change[] {
  return powers.map((power) => ({
    what: `${name} is ${power}`,
    sql: `ALTER ROLE ${id(name)} NO${power}`,
  }))
}

/**
 * In these groups, with all that they may, without handing it on; in no other.
 *
 * @param set whether it may act as them: what it makes would be theirs
 */
export function memberChanges(
  name: string,
  found: RoleIn<'groups'> | undefined,
  wanted: readonly string[],
  set = true,
): readonly Change[] {
  const memberships = found?.groups ?? []
  const tooMuch = memberships.filter((group) => group.admin || !wanted.includes(group.name))
  const actsAs = memberships.filter((group) => !set && group.set && wanted.includes(group.name))
  const lacking = wanted.filter(
    (group) =>
      !memberships.some((found) => found.name === group && found.inherit && (found.set || !set)),
  )
  return [
    ...tooMuch.map((group) => ({
      what: `${name} ${group.admin ? 'may hand on' : 'is in'} ${group.name}`,
      sql: revoke(group.name, name, group, wanted.includes(group.name) ? 'ADMIN OPTION FOR ' : ''),
    })),
    ...actsAs.map((group) => ({
      what: `${name} may act as ${group.name}`,
      sql: revoke(group.name, name, group, 'SET OPTION FOR '),
    })),
    ...lacking.map((group) => ({
      what: `${name} is not in ${group}`,
      sql: `GRANT ${id(group)} TO ${id(name)} WITH INHERIT TRUE, SET ${set ? 'TRUE' : 'FALSE'}`,
    })),
  ]
}

/** Without the grantor PostgreSQL would look for a membership that the operator gave, find none, and only warn. */
function revoke(group: string, member: string, { grantor }: Membership, option: string): string {
  return `REVOKE ${option}${id(group)} FROM ${id(member)} GRANTED BY ${id(grantor)} CASCADE`
}
