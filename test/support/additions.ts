// Queues that only remember what was added to them, by controller.
import type { Additions, ControllerName } from '../../src/operator/lanes.ts'

export function recordAdditions() {
  const added = new Map<ControllerName, Set<string>>()
  const to = (name: ControllerName): Additions[ControllerName] => {
    const keys = new Set<string>()
    added.set(name, keys)
    const add = (key: string) => void keys.add(key)
    return { add, addAfter: add, isRunning: () => false }
  }
  const queues: Additions = {
    customers: to('customers'),
    partners: to('partners'),
    members: to('members'),
    grants: to('grants'),
    links: to('links'),
    devices: to('devices'),
  }
  return {
    queues,
    /** Keys in alphabetical order. */
    added: () =>
      Object.fromEntries([...added].map(([queue, keys]) => [queue, [...keys].toSorted()])),
    clear: () => {
      for (const keys of added.values()) keys.clear()
    },
  }
}
