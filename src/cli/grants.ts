// The one grant of a customer, as the commands that change it read and write it: over the version that
// was shown, so that what was not seen is not changed.

import type { PartnerAccessGrant } from '../api/kinds.generated.ts'
import { customerNamespace, grantName } from '../api/names.ts'
import { resources } from '../api/resources.ts'
import { parseTime } from '../api/time.ts'
import { Failure } from './failures.ts'
import { seen, type Session } from './session.ts'

export const fieldManager = 'kubectl-tenantry'

export function refOf(customer: string) {
  return { name: grantName, namespace: customerNamespace(customer) }
}

export async function theGrant(session: Session, customer: string): Promise<PartnerAccessGrant> {
  const { signal, client } = session
  const { namespace } = refOf(customer)
  const grants = await seen(client.list(signal, resources.grants, { namespace }))
  if (!grants) {
    throw new Failure(
      'NOT_ALLOWED',
      `${await session.person()} may not see the partner of ${customer}, or there is no such customer.`,
    )
  }
  const found = grants.items.find(({ metadata }) => metadata.name === grantName)
  if (found) return found
  throw new Failure(
    'NOT_FOUND',
    `Customer ${customer} has no partner. Its SuperAdmin invites one: kubectl tenantry invite partner <name>.`,
  )
}

/** Guarded by the version that was shown: somebody else's change is never overwritten. */
export function patchGrant(
  { signal, client }: Session,
  { metadata }: PartnerAccessGrant,
  spec: object,
  dryRun: boolean,
) {
  return client.patch(
    signal,
    resources.grants,
    metadata,
    { metadata: versionIn(metadata), spec },
    { type: 'merge', fieldManager, dryRun },
  )
}

export function versionIn({ resourceVersion }: { readonly resourceVersion?: string }) {
  return resourceVersion === undefined ? {} : { resourceVersion }
}

export function timeOf(option: string, text: string): number {
  const time = parseTime(text)
  if (time !== undefined) return time
  throw new Failure(
    'WRONG_USE',
    `${option} needs an RFC 3339 time with an offset, such as 2026-12-01T08:00:00+01:00, not ${text}.`,
  )
}
