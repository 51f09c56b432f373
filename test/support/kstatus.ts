// How Flux reads an object: the generic rules of kstatus, in its order.
import { field, text } from './world.ts'

export type Kstatus = 'Terminating' | 'InProgress' | 'Failed' | 'Current'

export function kstatusOf(object: unknown): Kstatus {
  if (field(object, 'metadata', 'deletionTimestamp') !== undefined) return 'Terminating'
  const observed = field(object, 'status', 'observedGeneration')
  if (observed !== undefined && observed !== field(object, 'metadata', 'generation')) {
    return 'InProgress'
  }
  const conditions = field(object, 'status', 'conditions')
  const statusOf = (type: string) => {
    const found: unknown = Array.isArray(conditions)
      ? conditions.find((condition) => field(condition, 'type') === type)
      : undefined
    return found === undefined ? undefined : text(field(found, 'status'))
  }
  if (statusOf('Reconciling') === 'True') return 'InProgress'
  if (statusOf('Stalled') === 'True') return 'Failed'
  const ready = statusOf('Ready')
  return ready === undefined || ready === 'True' ? 'Current' : 'InProgress'
}
