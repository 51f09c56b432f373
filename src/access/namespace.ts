// Whether an organization's namespace is its own. Holds NOTHING-LOST, ISOLATED: a namespace that
// exists is never taken over unless somebody with platform rights labelled it.

import { labels } from '../api/names.ts'
import type { Verdict } from '../api/reasons.ts'
import type { Namespace } from '../api/resources.ts'
import type { OrganizationRef } from './organization.ts'

export type NamespaceStep =
  { readonly step: 'create' | 'keep' } | { readonly step: 'leave'; readonly why: Verdict }

export function namespaceStep(
  found: Namespace | undefined,
  name: string,
  { kind, name: organization }: OrganizationRef,
): NamespaceStep {
  if (!found) return { step: 'create' }
  const label = labels[kind]
  if (found.metadata.labels?.[label] !== organization) {
    return leave(
      'NamespaceNotOurs',
      `Namespace ${name} exists and was not made for ${organization}. Nothing in it is touched. Remove it, or label it ${label}=${organization} to hand it over.`,
    )
  }
  if (found.metadata.deletionTimestamp) {
    return leave(
      'NamespaceTerminating',
      `Namespace ${name} is being deleted. It is made again when it is gone.`,
    )
  }
  return { step: 'keep' }
}

/** The namespace was not there when it was looked for, and is there now. */
export function hasJustAppeared(name: string): Verdict {
  return {
    reason: 'NamespaceMissing',
    message: `Namespace ${name} has just appeared. Whether it is ours is decided in the next run.`,
  }
}

function leave(reason: Verdict['reason'], message: string): NamespaceStep {
  return { step: 'leave', why: { reason, message } }
}
