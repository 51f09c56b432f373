// When an application's password is due to be another, and how long the one before still works. Pure; what it goes by is written
// on the three Secrets, so that a crash between any two of them is taken up by the next run. Holds NOTHING-LOST, QUIET.
// Two logins, a and b, take turns. While the grace of the last turn runs the other letter is in use and cannot be the next one:
// a rotation that is asked for then waits until it is over.

import { createHash } from 'node:crypto'
import { annotations } from '../api/names.ts'
import type { ObjectMeta } from '../api/object.ts'
import type { RoleBinding } from '../api/resources.ts'
import { earliestOf, parseTime, type EpochMs } from '../api/time.ts'
import { applicationRoles, type ApplicationRole } from '../databases/names.ts'

/** What is asked for; each Secret carries the one that it answers to. */
export type RotationWish = {
  /** The value of `tenantry.dev/rotate` on the customer. Another value is another rotation; none asks for nothing. */
  readonly token: string | undefined
  /** Who may read the Secrets now. Somebody who could and may no longer asks for a rotation by that. */
  readonly readers: readonly string[]
  readonly graceMs: number
}

export type Rotation = {
  /** Whose password is to be another now. */
  readonly due: readonly ApplicationRole[]
  /** Whose Secret does not say yet of everybody who may read it: nobody would know when they leave. */
  readonly unmarked: readonly ApplicationRole[]
  /** Whose former login still works, and until when. */
  readonly graces: Readonly<Partial<Record<ApplicationRole, EpochMs>>>
  /** The last one, of any of the three. */
  readonly rotatedAt: EpochMs | undefined
}

export type Metadata = Readonly<Record<ApplicationRole, ObjectMeta | undefined>>

export function planRotation(secrets: Metadata, wish: RotationWish, now: EpochMs): Rotation {
  const rotations = applicationRoles.map((role) => {
    const at = rotatedAt(secrets[role])
    return { role, at, end: graceEnd(secrets[role], wish.graceMs, now) }
  })
  const due = rotations
    .filter(({ role, end }) => end === undefined && asks(wish, secrets[role]))
    .map(({ role }) => role)
  const graces = rotations.flatMap(({ role, end }) => (end === undefined ? [] : [[role, end]]))
  return {
    due,
    unmarked: applicationRoles.filter(
      (role) => !due.includes(role) && isUnmarked(wish, secrets[role]),
    ),
    graces: Object.fromEntries(graces),
    rotatedAt: rotations.reduce<EpochMs | undefined>(
      (last, { at }) => (at === undefined || (last !== undefined && last > at) ? last : at),
      undefined,
    ),
  }
}

/** When the first former login is to be shut. */
export function nextGraceEnd(
  secrets: Metadata,
  graceMs: number,
  now: EpochMs,
): EpochMs | undefined {
  return earliestOf(applicationRoles.map((role) => graceEnd(secrets[role], graceMs, now)))
}

function graceEnd(
  secret: ObjectMeta | undefined,
  graceMs: number,
  now: EpochMs,
): EpochMs | undefined {
  const at = rotatedAt(secret)
  return at !== undefined && now < at + graceMs ? at + graceMs : undefined
}

/** One that is missing is made with a new password, and answers to whatever is asked for then. */
function asks({ token, readers }: RotationWish, secret: ObjectMeta | undefined): boolean {
  if (!secret) return false
  const isAskedFor = token !== undefined && secret.annotations?.[annotations.rotate] !== token
  return isAskedFor || readersIn(secret).some((reader) => !readers.includes(reader))
}

function isUnmarked({ readers }: RotationWish, secret: ObjectMeta | undefined): boolean {
  return secret !== undefined && readers.some((reader) => !readersIn(secret).includes(reader))
}

function readersIn({ annotations: marks }: ObjectMeta): readonly string[] {
  return (marks?.[annotations.readers] ?? '').split(',').filter((reader) => reader !== '')
}

function rotatedAt(secret: ObjectMeta | undefined): EpochMs | undefined {
  return parseTime(secret?.annotations?.[annotations.rotatedAt] ?? '')
}

/** What a Secret with a new password says of itself. */
export function rotationMarks(
  { token, readers }: RotationWish,
  rotated: EpochMs | undefined,
): Readonly<Record<string, string>> {
  return {
    ...(token !== undefined && { [annotations.rotate]: token }),
    ...(readers.length > 0 && { [annotations.readers]: readers.join(',') }),
    ...(rotated !== undefined && { [annotations.rotatedAt]: new Date(rotated).toISOString() }),
  }
}

/** Who may read it now, beside those who could. */
export function readerMarks(
  { readers }: RotationWish,
  secret: ObjectMeta,
): Readonly<Record<string, string>> {
  const all = new Set([...readersIn(secret), ...readers])
  return { [annotations.readers]: [...all].toSorted().join(',') }
}

/** The roles of the chart that may read Secrets in a customer's namespace. */
const readingRoles = new Set(['tenantry:customer-superadmin', 'tenantry:customer-admin'])

/** Digests: they are compared and tell nobody who it is. */
export function readersOf(bindings: readonly RoleBinding[]): readonly string[] {
  const people = bindings
    .filter(({ roleRef }) => readingRoles.has(roleRef.name))
    .flatMap(({ subjects }) => (subjects ?? []).map(({ name }) => name))
  const digests = people.map((name) => createHash('sha256').update(name).digest('hex').slice(0, 12))
  return [...new Set(digests)].toSorted()
}
