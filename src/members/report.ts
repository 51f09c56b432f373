// The status of each member and of the identity provider: effective role, home, and why not.
// Holds ONE-HOME, QUIET. The effective role of a member written without one is kept by status.

import type { Creator } from '../access/creator.ts'
import { formatHome } from '../access/facts.ts'
import { homeOf, isHome } from '../access/home.ts'
import { isLastSuperAdmin } from '../access/last-super-admin.ts'
import { standingsOf, type Standing } from '../access/members.ts'
import type { Organization } from '../access/organization.ts'
import { conditionsFrom, isFalse, isTrue, type Finding, type News } from '../api/conditions.ts'
import type {
  IdentityProvider,
  IdentityProviderStatus,
  OrganizationMember,
  OrganizationMemberStatus,
} from '../api/kinds.generated.ts'
import { formatTime, type EpochMs } from '../api/time.ts'
import type { Seen } from './gather.ts'

export type MemberReport = {
  readonly object: OrganizationMember
  readonly status: OrganizationMemberStatus
  readonly findings: readonly Finding[]
}

export function reportMembers(seen: Seen, now: EpochMs): MemberReport[] {
  const { organization, members } = seen
  if (!organization) return members.map((object) => withoutOrganization(object, now))
  const all = standingsOf(organization)
  const standings = new Map(
    all
      .filter(({ member }) => member.source === 'member')
      .map((standing) => [standing.member.object, standing]),
  )
  return members.flatMap((object) => {
    const standing = standings.get(object.metadata.name)
    if (!standing) return []
    const isLast = isLastSuperAdmin(standing, all)
    const creator = seen.creatorOf(object)
    return [reportMember(object, organization, { standing, isLast, creator, now })]
  })
}

function reportMember(
  object: OrganizationMember,
  organization: Organization,
  {
    standing,
    isLast,
    creator,
    now,
  }: {
    readonly standing: Standing
    readonly isLast: boolean
    readonly creator: Creator | undefined
    readonly now: EpochMs
  },
): MemberReport {
  const { person } = standing.member
  const atHome = isHome(person, organization.ref)
  const findings = [homeFinding(person.name, atHome, standing), readyFinding(standing, object)]
  const since = object.status?.home?.since
  return {
    object,
    findings,
    status: {
      ...generationOf(object),
      ...roleOf(standing, object),
      // The policy of members reads it: the last one is neither removed nor lowered.
      ...(isLast && { lastSuperAdmin: true }),
      ...(creator && { createdBy: creator }),
      ...(atHome &&
        homeOf(person) && {
          home: { organization: formatHome(organization.ref), since: since ?? formatTime(now) },
        }),
      conditions: conditionsFrom(findings, object.status?.conditions, {
        now,
        generation: object.metadata.generation,
      }),
    },
  }
}

/** While an objection stands the recorded role stays too: lifting it must not raise anybody. */
function roleOf(standing: Standing, { status }: OrganizationMember) {
  if (standing.holds !== 'Nothing') return { role: standing.holds }
  return status?.role === undefined ? {} : { role: status.role }
}

function homeFinding(name: string, atHome: boolean, standing: Standing): Finding {
  if (atHome) return isTrue('Home', 'Home', `${name} belongs to this organization.`)
  const why = standing.holds === 'Nothing' ? standing.why : undefined
  return isFalse(
    'Home',
    'PersonHasOtherHome',
    why?.reason === 'PersonHasOtherHome'
      ? why.message
      : `${name} belongs to another organization already.`,
  )
}

function readyFinding(standing: Standing, { spec }: OrganizationMember): Finding {
  if (standing.holds === 'Nothing')
    return isFalse('Ready', standing.why.reason, standing.why.message)
  const unknown = spec.permissions?.filter((each) => !standing.member.permissions?.includes(each))
  if (unknown?.[0] !== undefined) {
    return isFalse(
      'Ready',
      'PermissionUnknown',
      `${standing.member.person.name} is ${standing.holds} here, without ${unknown.join(', ')}: the platform offers no ClusterRole of that name to such organizations. It labels one tenantry.dev/permission, or remove the permission.`,
    )
  }
  return isTrue('Ready', 'Ready', `${standing.member.person.name} is ${standing.holds} here.`)
}

function withoutOrganization(object: OrganizationMember, now: EpochMs): MemberReport {
  const findings = [
    isFalse(
      'Ready',
      'OrganizationNotFound',
      `Namespace ${object.metadata.namespace ?? ''} belongs to no organization that exists. Create the organization, or move this member.`,
    ),
  ]
  return {
    object,
    findings,
    status: {
      ...generationOf(object),
      ...(object.status?.role !== undefined && { role: object.status.role }),
      ...(object.status?.home && { home: object.status.home }),
      ...(object.status?.createdBy && { createdBy: object.status.createdBy }),
      conditions: conditionsFrom(findings, object.status?.conditions, {
        now,
        generation: object.metadata.generation,
      }),
    },
  }
}

export type ProviderReport = {
  readonly object: IdentityProvider
  readonly status: IdentityProviderStatus
  readonly news: readonly News[]
}

export function reportProviders({ organization, identityProviders }: Seen, now: EpochMs) {
  return identityProviders.map((object): ProviderReport => {
    const finding = organization
      ? isTrue('Ready', 'SignInReady', `${organization.ref.name} signs in here.`)
      : isFalse(
          'Ready',
          'OrganizationNotFound',
          `Namespace ${object.metadata.namespace ?? ''} belongs to no organization that exists. Create it, or move this.`,
        )
    return {
      object,
      news: organization ? signInNews(organization.ref.name, object) : [],
      status: {
        issuerURL: object.spec.issuerURL,
        ...generationOf(object),
        conditions: conditionsFrom([finding], object.status?.conditions, {
          now,
          generation: object.metadata.generation,
        }),
      },
    }
  })
}

/** Also of one that was written anew: where there was none before, people signed in elsewhere. */
function signInNews(organization: string, { metadata, spec, status }: IdentityProvider): News[] {
  if (status && status.observedGeneration === metadata.generation) return []
  const was = status?.issuerURL
  const before = was === undefined || was === spec.issuerURL ? '' : ` Before, it was ${was}.`
  const note = `People of ${organization} sign in at ${spec.issuerURL}.${before} If none of its Admins has changed that, correct spec.`
  const of = String(metadata.generation)
  return [{ type: 'Normal', reason: 'SignInChanged', action: 'SignIn', note, of }]
}

function generationOf({ metadata }: OrganizationMember | IdentityProvider) {
  return metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }
}
