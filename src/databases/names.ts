// The names of one customer's database and roles. They come from the object's UID alone, never from what a user typed:
// lower-case letters and digits, and far below PostgreSQL's 63 bytes, beyond which it would cut without an error.
import { createHash } from 'node:crypto'

export const applicationRoles = ['adm', 'rw', 'ro'] as const
export type ApplicationRole = (typeof applicationRoles)[number]

/** Two logins per role, so that a password can be changed without a failed connection. */
export const slots = ['a', 'b'] as const
export type Slot = (typeof slots)[number]

/** Owns every customer's database; nobody signs in as it. */
export const ownerRole = 'tenantry_dbo'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/**
 * The database's name, and the prefix of its roles.
 *
 * @param uid UUID of the CustomerOrganization, as the API server writes it
 * @throws RangeError when `uid` is no UUID
 * @example databaseName('00000000-0000-0000-0000-000000000000') // 't_aaaaaaaaaaaaaaaaaaaaaaaaaa'
 */
export function databaseName(uid: string): string {
  if (!uuid.test(uid)) {
    throw new RangeError(`Not a UUID: ${uid}`)
  }
  return `t_${base32(uid.replaceAll('-', ''))}`
}

/** 128 bits in hexadecimal as 26 digits, which they fill but for two bits. */
function base32(hex: string): string {
  let rest = BigInt(`0x${hex}`) << 2n
  let digits = ''
  for (let count = 0; count < 26; count += 1) {
    digits = `${alphabet.charAt(Number(rest & 31n))}${digits}`
    rest >>= 5n
  }
  return digits
}

/** The NOLOGIN role that holds the rights. */
export function groupName(uid: string, role: ApplicationRole): string {
  return `${databaseName(uid)}_${role}`
}

/**
 * The NOLOGIN role that reads everything about the customer's devices, however little its own people may see of them.
 * Technicians are in it.
 */
export function deviceRole(uid: string): string {
  return `${databaseName(uid)}_dev`
}

/** What a person's login is a member of. */
export function groupsOf(
  uid: string,
  { group, of }: { readonly group: ApplicationRole; readonly of: 'technician' | 'member' },
): readonly string[] {
  return [groupName(uid, group), ...(of === 'technician' ? [deviceRole(uid)] : [])]
}

/** All roles that the customer's logins are in. */
export function groupNames(uid: string): readonly string[] {
  return [...applicationRoles.map((role) => groupName(uid, role)), deviceRole(uid)]
}

/** The login of an application, a member of its group. */
export function loginName(uid: string, role: ApplicationRole, slot: Slot): string {
  return `${groupName(uid, role)}_${slot}`
}

/**
 * The login of one person in one customer's database, shared with nobody. Who is the same user of two organizations has two.
 *
 * @param organizationUid of the partner or customer through which the person comes
 * @throws RangeError when a UID is no UUID
 */
export function personLogin(
  customerUid: string,
  organizationUid: string,
  userName: string,
): string {
  if (!uuid.test(organizationUid)) throw new RangeError(`Not a UUID: ${organizationUid}`)
  // A UUID is of one length, so no two pairs read alike.
  const digest = createHash('sha256').update(`${organizationUid}/${userName}`).digest('hex')
  return `${databaseName(customerUid)}_g_${base32(digest.slice(0, 32))}`
}

/** What the logins of one person of one organization have in common, in every customer. */
export function personKey(organizationUid: string, userName: string): string {
  return personLogin(organizationUid, organizationUid, userName).slice(-26)
}

/** What the logins of a customer's people look like to PostgreSQL's `~`. */
export function personPattern(customerUid: string): string {
  return `^${databaseName(customerUid)}_g_[a-z2-7]{26}$`
}

/** The customer after whom its database is named: itself, unless it was given an older one. */
export function databaseUidOf({
  metadata,
  status,
}: {
  readonly metadata: { readonly uid?: string }
  readonly status?: { readonly database?: { readonly madeFor?: string } }
}): string {
  return status?.database?.madeFor ?? metadata.uid ?? ''
}

/** All roles of a customer; people's logins are not among them. */
export function applicationRolesOf(uid: string): readonly string[] {
  return [
    ...applicationRoles.flatMap((role) => [
      groupName(uid, role),
      ...slots.map((slot) => loginName(uid, role, slot)),
    ]),
    deviceRole(uid),
  ]
}

/**
 * The slot of a login that a Secret names.
 *
 * @throws RangeError when the name is neither of the two logins of this customer and role
 */
export function slotOf(uid: string, role: ApplicationRole, username: string): Slot {
  const slot = slots.find((each) => loginName(uid, role, each) === username)
  if (!slot) throw new RangeError(`Not a login of ${groupName(uid, role)}: ${username}`)
  return slot
}

/** What our names look like to PostgreSQL's `~`: who looks for all customers of a server. */
export const databasePattern = '^t_[a-z2-7]{26}$'
export const rolePattern = '^t_[a-z2-7]{26}_((adm|rw|ro)(_[ab])?|dev|g_[a-z2-7]{26})$'
export const personLoginPattern = '^t_[a-z2-7]{26}_g_[a-z2-7]{26}$'

/** The comment on everything of this customer, or its first word: the proof that it is ours. */
export function markOf(uid: string): string {
  return `tenantry:${uid}`
}

/** The customer of a mark, when the object that carries it is the one that the customer's database is named after. */
export function customerOf(name: string, mark: string | null): string | undefined {
  const uid = mark?.startsWith('tenantry:') ? mark.slice('tenantry:'.length) : ''
  return uuid.test(uid) && databaseName(uid) === name ? uid : undefined
}
