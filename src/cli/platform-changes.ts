// What only the platform decides about one customer: `confirm-delete` lets a deletion go on that is held,
// `restore-database` says what becomes of a database that was kept.

import { annotations } from '../api/names.ts'
import type { CustomerOrganization } from '../api/kinds.generated.ts'
import { resources } from '../api/resources.ts'
import { carryOut, type ChangeOptions } from './change.ts'
import { Failure } from './failures.ts'
import { fieldManager } from './grants.ts'
import { sayScope } from './scope.ts'
import { seen, type Session } from './session.ts'

export async function confirmDelete(
  session: Session,
  options: ChangeOptions,
  customer: string,
): Promise<void> {
  const { signal, client } = session
  const object = await theCustomer(session, customer)
  const { resourceVersion, deletionTimestamp, uid } = object.metadata
  const ready = object.status?.conditions?.find(({ type }) => type === 'Ready')
  const { reclaimPolicy = 'Retain', database } = object.spec
  await carryOut(
    session,
    {
      scope: sayScope(session.scope, customer),
      title:
        deletionTimestamp === undefined
          ? `Customer ${customer} is not being deleted. A deletion will not be held by devices or nested customers:`
          : `The deletion of customer ${customer} goes on:`,
      lines: [
        `  held by: ${deletionTimestamp === undefined ? 'nothing yet' : (ready?.message ?? 'nothing that status says')}`,
        `  namespace: ${reclaimPolicy}, database: ${database?.reclaimPolicy ?? 'Retain'}`,
      ],
      loses: deletionTimestamp === undefined ? [] : [`everybody of customer ${customer}`],
      write: (dryRun) =>
        client.patch(
          signal,
          resources.customers,
          { name: customer },
          {
            metadata: {
              ...(resourceVersion !== undefined && { resourceVersion }),
              annotations: { [annotations.confirmDelete]: customer },
            },
          },
          { type: 'merge', fieldManager, dryRun },
        ),
      ...(deletionTimestamp !== undefined && {
        proof: async () => {
          const found = await client.find(signal, resources.customers, { name: customer })
          if (!found || found.metadata.uid !== uid) {
            return { state: 'proven', says: `Customer ${customer} is gone.` }
          }
          const now = found.status?.conditions?.find(({ type }) => type === 'Ready')
          return { state: 'waiting', says: now?.message ?? 'the operator works on it.' }
        },
      }),
    },
    options,
  )
}

export type RestoreOptions = ChangeOptions & { readonly from?: string; readonly none?: boolean }

export async function restoreDatabase(
  session: Session,
  options: RestoreOptions,
  customer: string,
): Promise<void> {
  const { signal, client } = session
  const { from, none = false } = options
  if (none === (from !== undefined)) {
    throw new Failure(
      'WRONG_USE',
      'Give --from <id> of the database that was kept, or --none for a new one.',
    )
  }
  const object = await theCustomer(session, customer)
  const { resourceVersion, generation = 0 } = object.metadata
  const before = object.spec.database?.restoreFrom
  const restoreFrom = from ?? 'none'
  await carryOut(
    session,
    {
      scope: sayScope(session.scope, customer),
      title: `Database of customer ${customer}:`,
      lines: [
        ...(before === undefined ? [] : [`- restoreFrom ${before}`]),
        `+ restoreFrom ${restoreFrom}${none ? ', a new and empty database; the one that was kept stays kept' : ''}`,
      ],
      loses: [],
      write: (dryRun) =>
        client.patch(
          signal,
          resources.customers,
          { name: customer },
          {
            metadata: { ...(resourceVersion !== undefined && { resourceVersion }) },
            spec: { database: { restoreFrom } },
          },
          { type: 'merge', fieldManager, dryRun },
        ),
      proof: async () => {
        const found = await client.get(signal, resources.customers, { name: customer })
        const ready = found.status?.conditions?.find(({ type }) => type === 'DatabaseReady')
        const looked =
          (ready?.observedGeneration ?? 0) > (before === restoreFrom ? generation - 1 : generation)
        if (!ready || !looked)
          return { state: 'waiting', says: 'the operator has not looked at it yet.' }
        return ready.status === 'True'
          ? { state: 'proven', says: ready.message }
          : { state: 'waiting', says: `${ready.reason}: ${ready.message}` }
      },
    },
    options,
  )
}

async function theCustomer(session: Session, name: string): Promise<CustomerOrganization> {
  const { signal, client } = session
  const found = await seen(client.get(signal, resources.customers, { name }))
  if (found) return found
  throw new Failure(
    'NOT_ALLOWED',
    `There is no customer ${name}, or ${await session.person()} may not see it: this is the platform's.`,
  )
}
