// Who acts as whom from now on, and who does no longer: told where both sides look, in the customer's namespace and in the
// partner's. Pure. The cluster's audit log has both names with each request, and the reason with the write that opened it.

import type { Access } from '../access/access.ts'
import type { News } from '../api/conditions.ts'
import type { PartnerAccessGrantStatus } from '../api/kinds.generated.ts'
import { formatTime } from '../api/time.ts'

type People = NonNullable<PartnerAccessGrantStatus['people']>

export function impersonationNews(
  customer: string,
  before: People | undefined,
  decided: Access | undefined,
): readonly News[] {
  const acted = new Set((before ?? []).filter(isActing).map(({ name }) => name))
  const acting = (decided?.technicians ?? []).filter(isActing)
  const names = new Set(acting.map(({ person }) => person))
  return [
    ...acting
      .filter(({ person }) => !acted.has(person))
      .map((each) => {
        const until = each.may === 'Enter' && each.until !== 'open' ? formatTime(each.until) : ''
        return news(
          'ImpersonationOpened',
          `${each.person} may act as ${each.actsAs.join(', ')} in ${customer} until ${until}. Reason: ${each.reason ?? ''}`,
        )
      }),
    ...[...acted]
      .filter((name) => !names.has(name))
      .map((name) =>
        news('ImpersonationClosed', `${name} acts as nobody of ${customer} any more.`),
      ),
  ]
}

function news(reason: News['reason'], note: string): News {
  return { type: 'Normal', reason, action: 'Impersonation', note }
}

function isActing({ scope, may }: { readonly scope?: string; readonly may: string }): boolean {
  return scope === 'Impersonate' && may === 'Enter'
}
