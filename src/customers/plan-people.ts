// Who has a login of their own in the customer's database, and until when. Pure.
// Holds NO-EARLY (nobody before the window), NO-LATE, ISOLATED (one login per person, organization and customer).

import type { Access } from '../access/access.ts'
import { linkedPartner, type Link } from '../access/link.ts'
import type { Role } from '../access/members.ts'
import { partnerNamespace, personSecret } from '../api/names.ts'
import type { End, EpochMs } from '../api/time.ts'
import { databaseUidOf, personLogin, type ApplicationRole } from '../databases/names.ts'
import type { Seen } from './gather.ts'

export type WantedPerson = {
  readonly user: string
  /** The person's own organization's namespace: there the Secret lies. */
  readonly home: string
  /** A digest of organization and user name. */
  readonly person: string
  readonly secret: string
  readonly login: string
  readonly group: ApplicationRole
  readonly until: End
  readonly of: 'technician' | 'member'
}

export type PeoplePlan = {
  readonly wanted: readonly WantedPerson[]
  /** Logins whose time is over, whatever else is true: any replica ends them. */
  readonly ended: readonly string[]
}

export function planPeople(seen: Seen, decided: Access, link: Link): PeoplePlan {
  const { uid } = seen.object.metadata
  const partner = seen.known.partner
  if (uid === undefined) return { wanted: [], ended: [] }
  const isLinked = partner !== undefined && partner.ref.name === linkedPartner(link)
  // Without a place for the Secret a login would be of no use.
  const entering = isLinked && seen.partnerIsHome ? technicians(decided) : new Map<string, Entry>()
  const wanted = [
    ...[...entering].map(([user, { group, until }]) =>
      person(seen, { user, group, until, of: 'technician' }, partner?.uid ?? ''),
    ),
    ...members(seen, decided).map(([user, group]) =>
      person(seen, { user, group, until: 'open', of: 'member' }, uid),
    ),
  ]
  const ended = decided.technicians
    .filter((each) => each.may === 'Not' && each.why.reason === 'WindowEnded')
    .filter(({ person: user }) => !entering.has(user))
    .map(({ person: user }) => personLogin(databaseUidOf(seen.object), partner?.uid ?? '', user))
  return { wanted, ended: [...new Set(ended)] }
}

type Entry = { readonly group: ApplicationRole; readonly until: EpochMs | 'open' }

/** Who is named twice has one login, with the wider scope while that is open. */
function technicians({ technicians: all }: Access): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const each of all) {
    if (each.may !== 'Enter' || each.scope === 'Impersonate') continue
    if (entries.get(each.person)?.group === 'rw') continue
    entries.set(each.person, { group: each.scope === 'Full' ? 'rw' : 'ro', until: each.until })
  }
  return entries
}

const groupOf: Partial<Record<Role, ApplicationRole>> = {
  SuperAdmin: 'adm',
  Admin: 'adm',
  Editor: 'rw',
  Viewer: 'ro',
}

function members(
  { databaseLogins }: Seen,
  { own }: Access,
): readonly (readonly [user: string, group: ApplicationRole])[] {
  return own.flatMap((each) => {
    if (each.may !== 'Enter' || !databaseLogins.has(each.object)) return []
    const group = groupOf[each.role]
    return group ? [[each.person, group] as const] : []
  })
}

function person(
  { object, namespace, known }: Seen,
  { of, ...rest }: Pick<WantedPerson, 'user' | 'group' | 'until' | 'of'>,
  organizationUid: string,
): WantedPerson {
  const login = personLogin(databaseUidOf(object), organizationUid, rest.user)
  const digest = login.slice(-26)
  return {
    ...rest,
    of,
    login,
    person: digest,
    secret: personSecret(object.metadata.name, digest),
    home: of === 'member' ? namespace : partnerNamespace(known.partner?.ref.name ?? ''),
  }
}
