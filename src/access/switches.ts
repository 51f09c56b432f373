// The dead man's switch of a window that ends: a Job without pods, complete the moment it is made,
// whose time to live runs out at the end. With it go the RoleBindings that name it as their owner,
// by the cluster's own controllers: nobody of ours need be alive. Holds NO-LATE.
//
// The cluster counts from when it completed the Job, and it may be late with that; then the time to
// live is shortened by the lag. A switch is armed only when completion + time to live <= the end.

import { labels } from '../api/names.ts'
import {
  apiVersionOf,
  resources,
  type ClusterRole,
  type Job,
  type RoleBinding,
} from '../api/resources.ts'
import { parseTime, type EpochMs } from '../api/time.ts'

const lastCallMs = 2_000

/**
 * So shortly before its end a window is not opened any more: the time to live of its switch has whole seconds, and the cluster may be
 * closing it already. What is done then would be in the way of the end itself.
 */
export function isLastCall(end: EpochMs, now: EpochMs): boolean {
  return end - now < lastCallMs
}

export type PartOfAWindow = Job | RoleBinding | ClusterRole

/** When its window ends, by its label; `Infinity`: never. */
export function endOf({ metadata }: PartOfAWindow): EpochMs {
  const seconds = metadata.labels?.[labels.end]
  return seconds === undefined ? Infinity : Number(seconds) * 1000
}

export function switchName(endSeconds: number): string {
  return `window-end-${endSeconds}`
}

export function isArmed(job: Job | undefined, endSeconds: number): boolean {
  const completed = completionOf(job)
  const lasts = job?.spec?.ttlSecondsAfterFinished
  return completed !== undefined && lasts !== undefined && completed + lasts <= endSeconds
}

/** How long the Job is to last after its completion, in whole seconds. */
export function timeToLive(job: Job | undefined, endSeconds: number, now: EpochMs): number {
  const lasts = job?.spec?.ttlSecondsAfterFinished
  const completed = completionOf(job)
  if (completed === undefined) {
    // Not completed yet: one that is there is corrected once the lag is known.
    return lasts ?? Math.max(0, Math.floor(endSeconds - now / 1000))
  }
  const left = Math.max(0, endSeconds - completed)
  return lasts === undefined ? left : Math.min(lasts, left)
}

export function switchJob(
  namespace: string,
  endSeconds: number,
  lasts: number,
  marks: Readonly<Record<string, string>>,
): Job {
  const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  return {
    apiVersion: apiVersionOf(resources.jobs),
    kind: resources.jobs.kind,
    metadata: {
      name: switchName(endSeconds),
      namespace,
      labels: { ...marks, [labels.end]: String(endSeconds) },
    },
    spec: {
      completions: 0,
      parallelism: 0,
      ttlSecondsAfterFinished: lasts,
      // Never becomes a pod; the API asks for one all the same.
      template: {
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [{ name: 'none', image: 'none', securityContext: restricted }],
        },
      },
    },
  }
}

/** In seconds since the epoch; the cluster's stamp has whole ones, rounded down. */
function completionOf(job: Job | undefined): number | undefined {
  const text = job?.status?.completionTime
  const ms = text === undefined ? undefined : parseTime(text)
  return ms === undefined ? undefined : ms / 1000
}
