// How far the deletion of a customer may go. Holds NOTHING-LOST. Pure.
// Held: nothing has begun. Paused: people are out, and nothing else happens. Closing: the policies are carried out.

import { isMassDeletion, massDeletion } from '../access/mass-deletion.ts'
import type { Verdict } from '../api/reasons.ts'
import { annotations } from '../api/names.ts'
import { parseTime } from '../api/time.ts'
import type { Seen } from './gather.ts'

export type Deletion =
  | { readonly state: 'None' }
  | { readonly state: 'Held' | 'Paused' | 'Closing'; readonly why: Verdict }

export function planDeletion(seen: Seen): Deletion {
  const { object, deletions } = seen
  const { name, deletionTimestamp } = object.metadata
  if (deletionTimestamp === undefined) return { state: 'None' }
  if (object.metadata.annotations?.[annotations.confirmDelete] === name) return closing(name)
  const held = whatHoldsDeletion(seen)
  if (held) return { state: 'Held', why: held }
  const at = parseTime(deletionTimestamp)
  const isOneOfMany = at !== undefined && deletions !== undefined && isMassDeletion(at, deletions)
  if (isOneOfMany || wasPaused(seen)) return { state: 'Paused', why: massDeletion(name) }
  return closing(name)
}

function closing(name: string): Deletion {
  return {
    state: 'Closing',
    why: {
      reason: 'Deleting',
      message: `${name} is being deleted: its people are taken out, and what the reclaim policies keep stays as it is.`,
    },
  }
}

/** Neither time nor a restart is a confirmation. */
function wasPaused({ object }: Seen): boolean {
  const ready = object.status?.conditions?.find(({ type }) => type === 'Ready')
  return ready?.reason === 'MassDeletion'
}

function whatHoldsDeletion({ object, nestedCustomers, devices }: Seen): Verdict | undefined {
  const { name } = object.metadata
  if (nestedCustomers.length === 0 && devices === 0) return undefined
  const what = [
    nestedCustomers.length > 0 && `nested customers (${nestedCustomers.slice(0, 10).join(', ')})`,
    devices > 0 && `${devices} devices`,
  ].filter((part) => part !== false)
  return {
    reason: 'HasChildren',
    message: `The deletion of ${name} waits: it has ${what.join(' and ')}. Remove them, or annotate it with ${annotations.confirmDelete}=${name}.`,
  }
}
