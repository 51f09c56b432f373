// What the core knows of an organization and its people: plain values, no objects of the API.

import type { EpochMs } from '../api/time.ts'

export type OrganizationRef = { readonly kind: 'partner' | 'customer'; readonly name: string }

export function sameOrganization(a: OrganizationRef, b: OrganizationRef): boolean {
  return a.kind === b.kind && a.name === b.name
}

/** One place that says "this person is ours": a member object or a line in `spec.owners`. */
export type Claim = {
  readonly organization: OrganizationRef
  /** When the claim was first seen; a claim without a time has none that counts. */
  readonly since: EpochMs
  /** UID of the object that makes the claim: the last tie-breaker. */
  readonly uid: string
  /** Status says that this organization was found to be the home. It stays. */
  readonly recorded: boolean
}

export type Person = {
  readonly name: string
  /** All claims in the cluster on this person, this organization's included. */
  readonly claims: readonly Claim[]
  /** Organizations whose user name pattern fits the name. */
  readonly fits: readonly OrganizationRef[]
}

export type MemberFact = {
  /** `record`: status keeps this person as the last SuperAdmin, whatever became of the member. */
  readonly source: 'owner' | 'member' | 'record'
  /** Name of the member object; the person's name for an owner. */
  readonly object: string
  readonly uid: string
  /** Of that object. */
  readonly generation?: number
  readonly since: EpochMs
  readonly person: Person
  readonly role: string | undefined
  /** The role that status has kept for a member written without one. */
  readonly recordedRole: string | undefined
  /** ClusterRoles of the platform beside the role; only those that such an organization may name. */
  readonly permissions?: readonly string[]
  readonly deleting: boolean
  /** Written while the policy was missing that lets only the right people write it. */
  readonly unguarded?: boolean
}

export type Organization = {
  readonly ref: OrganizationRef
  readonly uid: string
  readonly generation?: number
  readonly deleting: boolean
  /** `later`: the pattern overlaps an older organization's, so it gives nothing. */
  readonly usernames: 'none' | 'own' | 'later'
  readonly members: readonly MemberFact[]
  /** Stays a SuperAdmin until there is another. */
  readonly lastSuperAdmin?: MemberFact
}

export type Customer = Organization & { readonly portalActive: boolean }

export type Partner = Organization & {
  readonly accredited: boolean
  readonly suspended: boolean
  readonly signInReady: boolean
}
