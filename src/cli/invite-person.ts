// `invite person <user>`: somebody becomes a member of the own organization, or of a customer that the
// person who asks administers. The API server decides who may appoint whom.

import { formatHome } from '../access/facts.ts'
import { apiVersion, customerNamespace } from '../api/names.ts'
import { resources } from '../api/resources.ts'
import { carryOut, type ChangeOptions } from './change.ts'
import { Failure } from './failures.ts'
import { fieldManager } from './grants.ts'
import { homeNamespace, sayScope } from './scope.ts'
import type { Session } from './session.ts'

export type InvitePersonOptions = ChangeOptions & {
  readonly role?: string
  readonly databaseLogin?: boolean
  readonly customer?: string
}

export async function invitePerson(
  session: Session,
  options: InvitePersonOptions,
  user: string,
): Promise<void> {
  const { signal, client, scope } = session
  const customer = options.customer ?? (scope.home?.kind === 'partner' ? undefined : scope.customer)
  const { home } = scope
  if (customer === undefined && !home) {
    throw new Failure('NO_ORGANIZATION', 'The context names no organization to invite to.')
  }
  const namespace =
    customer === undefined && home ? homeNamespace(home) : customerNamespace(customer ?? '')
  const organization =
    customer === undefined && home ? formatHome(home) : `customer/${customer ?? ''}`
  const { role, databaseLogin = false } = options
  const metadata = { name: objectName(user), namespace }
  const object = {
    apiVersion,
    kind: 'OrganizationMember',
    metadata,
    spec: { user, ...(role !== undefined && { role }), ...(databaseLogin && { databaseLogin }) },
  }
  await carryOut(
    session,
    {
      scope: customer === undefined ? `organization ${organization}` : sayScope(scope, customer),
      title: `A person joins ${organization}:`,
      lines: [
        `+ ${user}, ${role ?? 'SuperAdmin if there is none, else the lowest role'}${databaseLogin ? ', with a database login' : ''}`,
      ],
      loses: [],
      write: (dryRun) => client.create(signal, resources.members, object, { fieldManager, dryRun }),
      proof: async () => {
        const member = await client.get(signal, resources.members, metadata)
        const ready = member.status?.conditions?.find(({ type }) => type === 'Ready')
        if (!ready) return { state: 'waiting', says: 'the operator has not looked at it yet.' }
        return ready.status === 'True'
          ? { state: 'proven', says: ready.message }
          : { state: 'nothing', says: `${ready.reason}: ${ready.message}` }
      },
    },
    options,
  )
}

/** `nordic:tina` → `nordic-tina`: an object's name cannot hold every user name; the spec does. */
export function objectName(user: string): string {
  const plain = user.toLowerCase().replaceAll(/[^a-z0-9.-]+/g, '-')
  return plain.replaceAll(/^[-.]+|[-.]+$/g, '').slice(0, 200)
}
