// What status says of the people in `spec.owners`: since when they are claimed, and whether this is
// their home. The time is written at first sight and stays, since it decides between two claims.

import { formatTime, parseTime, type EpochMs } from '../api/time.ts'
import { isHome } from './home.ts'
import { standingsOf } from './members.ts'
import type { Organization } from './organization.ts'

export type OwnerStatus = {
  readonly user: string
  readonly home?: boolean
  readonly since?: string
  readonly reason?: string
}

export function ownersStatus(
  organization: Organization,
  before: readonly OwnerStatus[] | undefined,
  now: EpochMs,
) {
  return standingsOf(organization)
    .filter(({ member }) => member.source === 'owner')
    .map((standing) => {
      const { person } = standing.member
      const since = before?.find(({ user }) => user === person.name)?.since
      return {
        user: person.name,
        home: isHome(person, organization.ref),
        since: since && parseTime(since) !== undefined ? since : formatTime(now),
        ...(standing.holds === 'Nothing' && { reason: standing.why.reason }),
      }
    })
}
