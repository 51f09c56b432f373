// From plan and facts to the status of a partner. Holds QUIET.

import { superAdminStatus } from '../access/last-super-admin.ts'
import { standingsOf } from '../access/members.ts'
import { ownersStatus } from '../access/owners.ts'
import { conditionsFrom, isFalse, isTrue, readyFrom, type Finding } from '../api/conditions.ts'
import type { PartnerOrganizationStatus } from '../api/kinds.generated.ts'
import type { EpochMs } from '../api/time.ts'
import type { Facts } from './apply.ts'
import type { Seen } from './gather.ts'

export type Report = {
  readonly status: PartnerOrganizationStatus
  readonly findings: readonly Finding[]
}

export function report(seen: Seen, facts: Facts, now: EpochMs): Report {
  const { object, partner, namespace, customers } = seen
  const { generation } = object.metadata
  const findings = findingsOf(seen, facts)
  const owners = ownersStatus(partner, object.status?.owners, now)
  const superAdmin = superAdminStatus(partner, object.status?.superAdmin, now)
  return {
    findings,
    status: {
      ...(generation !== undefined && { observedGeneration: generation }),
      namespace,
      customers: customers.length,
      ...(superAdmin && { superAdmin }),
      ...(owners.length > 0 && { owners }),
      conditions: conditionsFrom(findings, object.status?.conditions, { now, generation }),
    },
  }
}

function findingsOf(seen: Seen, facts: Facts): readonly Finding[] {
  const findings = [
    namespaceReady(seen, facts),
    accredited(seen),
    signInReady(seen),
    hasPeople(seen),
  ]
  return [
    ...findings.filter(({ type }) => type !== 'People'),
    readyFrom(findings, ['NamespaceReady', 'Accredited', 'SSOReady', 'People']),
  ]
}

function namespaceReady({ namespace }: Seen, facts: Facts): Finding {
  return facts.namespace === 'there'
    ? isTrue('NamespaceReady', 'Ready', `Namespace ${namespace} is in place.`)
    : isFalse('NamespaceReady', facts.namespace.why.reason, facts.namespace.why.message)
}

function accredited({ partner }: Seen): Finding {
  if (partner.suspended) {
    return isFalse(
      'Accredited',
      'Suspended',
      'The platform has suspended the partner: all of its access is off, nothing is deleted. Access returns when spec.suspended is false.',
    )
  }
  return partner.accredited
    ? isTrue('Accredited', 'Accredited', 'The platform has accredited the partner.')
    : isFalse(
        'Accredited',
        'NotAccredited',
        'The partner is not accredited and has no access. The platform sets spec.accredited.',
      )
}

function signInReady({ partner, namespace }: Seen): Finding {
  return partner.signInReady
    ? isTrue('SSOReady', 'SignInReady', 'The partner has an identity provider.')
    : isFalse(
        'SSOReady',
        'SignInMissing',
        `The partner has no identity provider, so its people have no access. Write an IdentityProvider named sso in ${namespace}, or spec.identityProvider.`,
      )
}

/** Not a condition of its own: a pattern that is somebody else's keeps the partner from Ready. */
function hasPeople({ partner }: Seen): Finding {
  const refused = standingsOf(partner).find(
    (standing) => standing.holds === 'Nothing' && standing.why.reason === 'UsernamesConflict',
  )
  if (partner.usernames !== 'later' && !refused)
    return isTrue('People', 'Ready', 'Its people are told apart from everybody else.')
  return isFalse(
    'People',
    'UsernamesConflict',
    `spec.usernames of ${partner.ref.name} overlaps an older organization's. Its people get nothing until it has a pattern of its own.`,
  )
}
