// People's logins in the customer's database, from the end of those who leave to the Secret of those who enter.
// Holds NO-EARLY, NO-LATE, ONE-PARTNER, PROVEN. Who leaves is out, proven by the catalog, before anybody is let in;
// a server that does not answer holds that proof back and nothing of Kubernetes.

import { TenantryError } from '../api/errors.ts'
import type { Verdict } from '../api/reasons.ts'
import { databaseUidOf } from '../databases/names.ts'
import { verdictOf } from '../api/verdict.ts'
import { startDeadline } from '../runtime/index.ts'
import type { Seen } from './gather.ts'
import type { Plan } from './plan.ts'
import { ensureReadable, listedFor, removeReadable } from './person-secret.ts'
import type { Ports } from './ports.ts'

export type PeopleFact =
  /** No login of a person can be there: the customer has no database, and nobody is listed for one. */
  | { readonly state: 'None' }
  /** The catalog says that nobody has a login but those who may enter. */
  | { readonly state: 'Proven' }
  /** `leaves`: somebody is known to have had a login who must have none now. */
  | {
      readonly state: 'Unproven'
      readonly leaves: boolean
      readonly why: Verdict
      readonly error?: unknown
    }

/** What was done, by customer UID, so that a run without a change asks nothing. */
export type PeopleMemory = {
  readonly letIn: Map<string, string>
  readonly ended: Map<string, string>
}

/** A server that is silent must not keep a worker from closing other customers. */
const patienceMs = 3_000

export async function takeOutPeople(
  stopping: AbortSignal,
  ports: Ports,
  seen: Seen,
  { people, link, nextLink }: Plan,
): Promise<PeopleFact> {
  const { name } = seen.object.metadata
  const customerUid = databaseUidOf(seen.object)
  const server = seen.object.status?.database?.server
  if (server === undefined) {
    return seen.loginRoles.length === 0 ? { state: 'None' } : notPlaced(name)
  }
  const late = () => new TenantryError('SERVER_UNREACHABLE', server)
  using patience = startDeadline(stopping, patienceMs, late)
  const { signal } = patience
  const leaving = listedFor(name, seen.loginRoles).filter(
    ({ home, secret }) =>
      !people.wanted.some((person) => person.home === home && person.secret === secret),
  )
  try {
    if (!ports.leads()) {
      await takeOutEnded(signal, ports, { server, customerUid, ended: people.ended })
      return { state: 'None' }
    }
    const except = people.wanted.map(({ login }) => login)
    const proven = ports.databases.provenPeople(customerUid)
    // Who comes next waits for what the catalog says now, not for what it said once.
    const isMoving = link.state !== nextLink.state
    if (isMoving || !proven || proven.some((login) => !except.includes(login))) {
      const revoked = await ports.databases.revokePeople(signal, { server, customerUid, except })
      if (!revoked.proven) return stillIn(server, revoked.remaining)
    }
    for (const { role, secret } of leaving) await removeReadable(signal, ports, role, secret)
    return { state: 'Proven' }
  } catch (error) {
    if (stopping.aborted) throw error
    return unproven(patience.passed ? signal.reason : error, leaving.length > 0)
  }
}

async function takeOutEnded(
  signal: AbortSignal,
  { databases, peopleMemory }: Ports,
  {
    server,
    customerUid,
    ended: only,
  }: { readonly server: string; readonly customerUid: string; readonly ended: readonly string[] },
): Promise<void> {
  const ended = JSON.stringify([server, only])
  if (only.length === 0 || peopleMemory.ended.get(customerUid) === ended) return
  const { proven } = await databases.revokePeople(signal, { server, customerUid, only })
  if (proven) peopleMemory.ended.set(customerUid, ended)
}

/** @returns why somebody has no login yet */
export async function letInPeople(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  { people: { wanted } }: Plan,
): Promise<PeopleFact> {
  const customerUid = databaseUidOf(seen.object)
  const server = seen.object.status?.database?.server
  if (server === undefined || wanted.length === 0) return { state: 'Proven' }
  const done = JSON.stringify([server, wanted])
  const listed = listedFor(seen.object.metadata.name, seen.loginRoles)
  const names = new Set(listed.map(({ home, secret }) => `${home}/${secret}`))
  const areListed = wanted.every(({ home, secret }) => names.has(`${home}/${secret}`))
  if (areListed && ports.peopleMemory.letIn.get(customerUid) === done) return { state: 'Proven' }
  ports.peopleMemory.letIn.delete(customerUid)
  try {
    const people = await Promise.all(
      wanted.map(async (person) => ({
        ...person,
        password: await ensureReadable(signal, ports, person, (password) =>
          ports.databases.credentials(server, customerUid, person.group, person.login, password),
        ),
      })),
    )
    await ports.databases.ensurePeople(signal, { server, customerUid, people })
    ports.peopleMemory.letIn.set(customerUid, done)
    return { state: 'Proven' }
  } catch (error) {
    if (signal.aborted) throw error
    return unproven(error, false)
  }
}

function unproven(error: unknown, leaves: boolean): PeopleFact {
  const { reason, message } = verdictOf(error)
  if (!leaves) return { state: 'Unproven', leaves, why: { reason, message }, error }
  const why = {
    reason: 'DatabaseUnproven',
    message: `Kubernetes is closed to those who must leave. In the database it is not proven: ${message}`,
  } as const
  return { state: 'Unproven', leaves, why, error }
}

function notPlaced(name: string): PeopleFact {
  return {
    state: 'Unproven',
    leaves: true,
    why: {
      reason: 'DatabaseUnproven',
      message: `People have had logins in the database of ${name}, and where it lies is not known any more. This goes on when the database is found.`,
    },
  }
}

function stillIn(server: string, remaining: readonly string[]): PeopleFact {
  return {
    state: 'Unproven',
    leaves: true,
    why: {
      reason: 'DatabaseUnproven',
      message: `Somebody who must leave still has a session or a right on PostgreSQL server ${server} (${remaining.slice(0, 10).join(', ')}). It is ended again at once.`,
    },
  }
}
