// The three Secrets of a customer's applications, and the turn from one login of a pair to the other. Holds NOTHING-LOST, ISOLATED.
// A Secret is made once; it is written again only to rotate, with the version that was read, when the login that it will name has
// been proven already. Whoever reads it at any moment holds a password that works.

import { annotations, isOurs, labels, managedBy } from '../api/names.ts'
import { apiVersionOf, resources, type Secret } from '../api/resources.ts'
import { TenantryError } from '../api/errors.ts'
import type { EpochMs } from '../api/time.ts'
import { databaseUidOf, slots, type ApplicationRole, type Slot } from '../databases/names.ts'
import { newPassword } from '../databases/password.ts'
import { isAlreadyExists, isConflict } from '../runtime/index.ts'
import type { Seen } from './gather.ts'
import type { Plan } from './plan.ts'
import type { Ports } from './ports.ts'
import {
  nextGraceEnd,
  readerMarks,
  readersOf,
  rotationMarks,
  type Metadata,
  type RotationWish,
} from './rotation.ts'

type Login = { readonly username: string; readonly password: string }
/** A Secret as it was read, and the login in it. */
export type Held = { readonly login: Login; readonly metadata: Secret['metadata'] }
export type HeldByRole = Readonly<Record<ApplicationRole, Held>>

export function secretName(role: ApplicationRole): string {
  return `database-${role}`
}

export function rotationWish(
  { rotationGraceMs }: Ports,
  { object }: Seen,
  { bindings }: Plan,
): RotationWish {
  return {
    token: object.metadata.annotations?.[annotations.rotate],
    readers: readersOf(bindings.grant),
    graceMs: rotationGraceMs,
  }
}

/** As the cache knows them. */
export function knownSecrets({ stores }: Pick<Ports, 'stores'>, { namespace }: Seen): Metadata {
  const of = (role: ApplicationRole) =>
    stores.secrets.get({ namespace, name: secretName(role) })?.metadata
  return { adm: of('adm'), rw: of('rw'), ro: of('ro') }
}

/** When the first former login of an application is to be shut. */
export function graceEnd(ports: Ports, seen: Seen, now: EpochMs): EpochMs | undefined {
  return nextGraceEnd(knownSecrets(ports, seen), ports.rotationGraceMs, now)
}

/** What the Secrets of a customer are to say: of which server, and of themselves. */
export type SecretSpec = { readonly server: string; readonly wish: RotationWish }

export async function ensureSecrets(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  spec: SecretSpec,
): Promise<HeldByRole> {
  return byRole((role) => ensureSecret(signal, ports, seen, { ...spec, role }))
}

/** What each Secret that is due will say: the other login, with a password that nobody has seen. */
export function nextLogins(
  { databases }: Ports,
  { object }: Seen,
  held: HeldByRole,
  due: readonly ApplicationRole[],
): Readonly<Record<ApplicationRole, Login>> {
  const uid = databaseUidOf(object)
  const of = (role: ApplicationRole): Login => {
    const { login } = held[role]
    if (!due.includes(role)) return login
    const slot: Slot = login.username === databases.usernameFor(uid, role, 'a') ? 'b' : 'a'
    return { username: databases.usernameFor(uid, role, slot), password: newPassword() }
  }
  return { adm: of('adm'), rw: of('rw'), ro: of('ro') }
}

/** Lets the Secrets that are due name their next logins. */
export async function turnSecrets(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  turn: SecretSpec & {
    readonly held: HeldByRole
    readonly due: readonly ApplicationRole[]
    readonly next: Readonly<Record<ApplicationRole, Login>>
  },
): Promise<HeldByRole> {
  const { server, wish, held, due, next } = turn
  return byRole(async (role) => {
    if (!due.includes(role)) return held[role]
    const login = next[role]
    // The grace begins when the Secret says so, however long the run took.
    const marks = rotationMarks(wish, ports.clock.now())
    // Whoever is no reader any more is no longer named.
    const metadata = { annotations: { [annotations.readers]: null, ...marks } }
    const stringData = await credentialsFor(ports, seen, server, role, login)
    const written = await rewrite(signal, ports, held[role], metadata, { stringData })
    return written
      ? { login, metadata: written }
      : ensureSecret(signal, ports, seen, { server, wish, role })
  })
}

/** Says on the Secrets who may read them, before anybody of these can leave. */
export async function markSecrets(
  signal: AbortSignal,
  ports: Ports,
  wish: RotationWish,
  held: HeldByRole,
  unmarked: readonly ApplicationRole[],
): Promise<HeldByRole> {
  return byRole(async (role) => {
    if (!unmarked.includes(role)) return held[role]
    const { login, metadata } = held[role]
    const marks = { annotations: readerMarks(wish, metadata) }
    return { login, metadata: (await rewrite(signal, ports, held[role], marks)) ?? metadata }
  })
}

/** @returns `undefined` when somebody wrote it meanwhile: it stays as it is, and the next run sees it */
async function rewrite(
  signal: AbortSignal,
  ports: Ports,
  { metadata: { name, namespace = '', resourceVersion } }: Held,
  metadata: object,
  data: object = {},
): Promise<Secret['metadata'] | undefined> {
  try {
    const written = await ports.client.patch<Secret>(
      signal,
      resources.secrets,
      { namespace, name },
      { metadata: { resourceVersion, ...metadata }, ...data },
      { type: 'merge' },
    )
    remember(ports, written)
    return written.metadata
  } catch (error) {
    if (isConflict(error)) return undefined
    throw error
  }
}

async function byRole(of: (role: ApplicationRole) => Promise<Held>): Promise<HeldByRole> {
  const [adm, rw, ro] = await Promise.all([of('adm'), of('rw'), of('ro')])
  return { adm, rw, ro }
}

async function ensureSecret(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  { server, wish, role }: SecretSpec & { readonly role: ApplicationRole },
): Promise<Held> {
  const { object, namespace } = seen
  const ref = { namespace, name: secretName(role) }
  const uid = databaseUidOf(object)
  // What the cache has never heard of is most likely not there; whether it is, the creation finds out.
  const isKnown = ports.stores.secrets.get(ref) !== undefined
  const found = isKnown && (await ports.client.find<Secret>(signal, resources.secrets, ref))
  if (found) return heldIn(ports, uid, role, found)
  const login = { username: ports.databases.usernameFor(uid, role, 'a'), password: newPassword() }
  // It stood before and is gone: whoever holds the other login of the pair keeps it for the grace.
  const stood = object.status?.database?.name !== undefined
  const marks = rotationMarks(wish, stood ? ports.clock.now() : undefined)
  const secret = {
    apiVersion: apiVersionOf(resources.secrets),
    kind: 'Secret',
    metadata: {
      ...ref,
      labels: { [labels.managedBy]: managedBy, [labels.customer]: object.metadata.name },
      ...(Object.keys(marks).length > 0 && { annotations: marks }),
    },
    type: 'Opaque',
    stringData: await credentialsFor(ports, seen, server, role, login),
  }
  try {
    const made = await ports.client.create<Secret>(signal, resources.secrets, secret)
    remember(ports, made)
    return { login, metadata: made.metadata }
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const there = await ports.client.get<Secret>(signal, resources.secrets, ref)
    return heldIn(ports, uid, role, there)
  }
}

function remember({ stores }: Ports, { metadata }: Secret): void {
  stores.secrets.put({ apiVersion: 'v1', kind: 'Secret', metadata })
}

async function credentialsFor(
  { databases }: Ports,
  { object }: Seen,
  server: string,
  role: ApplicationRole,
  { username, password }: Login,
): Promise<Record<string, string>> {
  return databases.credentials(server, databaseUidOf(object), role, username, password)
}

/** Which letter is current is what the Secret says. */
function heldIn({ databases }: Ports, uid: string, role: ApplicationRole, secret: Secret): Held {
  const { metadata, data } = secret
  if (!isOurs(secret)) throw new TenantryError('SECRET_FOREIGN', metadata.name)
  const text = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8')
  const [username, password] = [text('username'), text('password')]
  const isOneOfThePair = slots.some((slot) => databases.usernameFor(uid, role, slot) === username)
  if (password === '' || !isOneOfThePair) throw new TenantryError('SECRET_EDITED', metadata.name)
  return { login: { username, password }, metadata }
}
