// A customer's database, from placement to proof. Holds ISOLATED, NOTHING-LOST, PROVEN.
// The order nobody would guess: placement is in status before any DDL, the Secret is written before
// the role that it opens, and only a login with the Secret's password counts as ready.

import { apiVersionOf, resources, type Secret } from '../api/resources.ts'
import { TenantryError } from '../api/errors.ts'
import { isOurs, labels, managedBy } from '../api/names.ts'
import { eventTypeOf, type Reason, type Verdict } from '../api/reasons.ts'
import { applicationRoles, type ApplicationRole } from '../databases/names.ts'
import { newPassword } from '../databases/password.ts'
import { isAlreadyExists } from '../runtime/index.ts'
import { verdictOf } from './database-verdict.ts'
import type { Seen } from './gather.ts'
import type { Plan } from './plan.ts'
import type { Ports } from './ports.ts'

export type DatabaseFact =
  | { readonly state: 'Off' }
  | { readonly state: 'Kept' }
  /** Chosen in this run, to be recorded before anything is made. */
  | { readonly state: 'Placed'; readonly server: string; readonly pool: string }
  | { readonly state: 'Ready'; readonly name: string; readonly note?: Verdict }
  | { readonly state: 'Failed'; readonly why: Verdict; readonly error: Error }

/** What was proven, by customer UID, so that a run without a change asks PostgreSQL nothing. */
export type DatabaseMemory = Map<string, string>

export async function ensureDatabase(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  plan: Plan,
): Promise<DatabaseFact> {
  if (plan.database === 'off') return { state: 'Off' }
  if (plan.database === 'kept') return { state: 'Kept' }
  try {
    return await placeOrEnsure(signal, ports, seen)
  } catch (error) {
    if (signal.aborted) throw error
    return failed(error)
  }
}

async function placeOrEnsure(signal: AbortSignal, ports: Ports, seen: Seen): Promise<DatabaseFact> {
  const { object } = seen
  const pool = object.spec.database?.pool ?? 'default'
  const recorded = object.status?.database
  if (!recorded?.server) {
    if (!ports.databases.configured) throw new TenantryError('NO_SERVER', object.metadata.name)
    const { server } = await ports.databases.place(signal, pool, object.metadata.uid ?? '')
    return { state: 'Placed', server, pool }
  }
  const customerUid = object.metadata.uid ?? ''
  const spec = {
    server: recorded.server,
    customerUid,
    connectionLimit: object.spec.database?.connectionLimit ?? 20,
    extensions: object.spec.database?.extensions ?? [],
  }
  const fingerprint = JSON.stringify([spec, secretVersions(ports, seen)])
  if (ports.databaseMemory.get(customerUid) !== fingerprint) {
    const logins = await ensureSecrets(signal, ports, seen, recorded.server)
    const { steps } = await ports.databases.ensure(signal, { ...spec, logins })
    if (steps.includes('create database') && recorded.name !== undefined) tellLoss(ports, seen)
    const proof = await ports.databases.prove(signal, { ...spec, logins })
    if (!proof.isolated) return notIsolated(proof.problems)
    ports.databaseMemory.set(customerUid, JSON.stringify([spec, secretVersions(ports, seen)]))
  }
  const ready = { state: 'Ready', name: ports.databases.nameFor(customerUid) } as const
  return recorded.pool === undefined || recorded.pool === pool
    ? ready
    : { ...ready, note: moveNotSupported(recorded.pool, pool) }
}

/** It stood before, so somebody has dropped it: the new one is empty, and somebody must know. */
function tellLoss({ events }: Ports, { object }: Seen): void {
  const reason = 'DatabaseMadeAgain'
  events.record(object, {
    type: eventTypeOf(reason),
    reason,
    action: 'DatabaseReady',
    note: `The database of ${object.metadata.name} was gone from its server, dropped by hand or lost, and was made again, empty. Restore its data from a backup.`,
  })
}

function secretVersions({ stores }: Ports, { namespace }: Seen): readonly (string | undefined)[] {
  return applicationRoles.map(
    (role) => stores.secrets.get({ namespace, name: secretName(role) })?.metadata.resourceVersion,
  )
}

function secretName(role: ApplicationRole): string {
  return `database-${role}`
}

type Logins = Record<ApplicationRole, { readonly username: string; readonly password: string }>

async function ensureSecrets(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  server: string,
): Promise<Logins> {
  const [adm, rw, ro] = await Promise.all([
    ensureSecret(signal, ports, seen, server, 'adm'),
    ensureSecret(signal, ports, seen, server, 'rw'),
    ensureSecret(signal, ports, seen, server, 'ro'),
  ])
  return { adm, rw, ro }
}

/** Created once and never overwritten: whoever mounted it keeps a password that works. */
async function ensureSecret(
  signal: AbortSignal,
  ports: Ports,
  { object, namespace }: Seen,
  server: string,
  role: ApplicationRole,
): Promise<Logins[ApplicationRole]> {
  const ref = { namespace, name: secretName(role) }
  const uid = object.metadata.uid ?? ''
  const username = ports.databases.usernameFor(uid, role, 'a')
  const found = await ports.client.find<Secret>(signal, resources.secrets, ref)
  if (found) return loginIn(found, ref.name, username)
  const login = { username, password: newPassword() }
  const data = ports.databases.credentials(server, uid, role, login.username, login.password)
  const secret = {
    apiVersion: apiVersionOf(resources.secrets),
    kind: 'Secret',
    metadata: {
      ...ref,
      labels: { [labels.managedBy]: managedBy, [labels.customer]: object.metadata.name },
    },
    type: 'Opaque',
    stringData: data,
  }
  try {
    const made = await ports.client.create<Secret>(signal, resources.secrets, secret)
    ports.stores.secrets.put({ apiVersion: 'v1', kind: 'Secret', metadata: made.metadata })
    return login
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    return loginIn(
      await ports.client.get<Secret>(signal, resources.secrets, ref),
      ref.name,
      username,
    )
  }
}

function loginIn(secret: Secret, name: string, username: string): Logins[ApplicationRole] {
  if (!isOurs(secret)) {
    throw new TenantryError('SECRET_FOREIGN', name)
  }
  const password = Buffer.from(secret.data?.['password'] ?? '', 'base64').toString('utf8')
  const written = Buffer.from(secret.data?.['username'] ?? '', 'base64').toString('utf8')
  if (password === '' || written !== username) throw new TenantryError('SECRET_EDITED', name)
  return { username, password }
}

function notIsolated(problems: readonly string[]): DatabaseFact {
  return failedBecause(
    'DatabaseNotIsolated',
    `The database does not stand as it should: ${problems.join('; ')}. The operator repairs what is its own and asks again.`,
  )
}

function moveNotSupported(placed: string, wanted: string): Verdict {
  return {
    reason: 'MoveNotSupported',
    message: `The database is in pool ${placed} and stays there; moving it to ${wanted} is not supported. Set spec.database.pool back to ${placed}.`,
  }
}

function failedBecause(reason: Reason, message: string): DatabaseFact {
  return { state: 'Failed', why: { reason, message }, error: new Error(message) }
}

function failed(cause: unknown): DatabaseFact {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  return { state: 'Failed', why: verdictOf(cause), error }
}
