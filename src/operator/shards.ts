// Which shard an organization belongs to, and which organization a key. A shard is a range of hashes: what has one name has one
// shard, so all that is done for a customer is done by one replica at a time (ONE-PARTNER), and so is all that is done for a
// partner's own namespace. Pure. The rule nobody would guess: the number of shards decides every answer, so replicas that are
// configured with different numbers must never lead together; leadership.ts sees to that.

import { organizationOf } from '../api/names.ts'
import type { ControllerName } from './lanes.ts'

/** In [0, shards). */
export function shardOf(organization: string, shards: number): number {
  return Math.floor((hashOf(organization) / 2 ** 32) * shards)
}

/** Of a namespace that is no organization's, the namespace itself. */
export function organizationOfKey(controller: ControllerName, key: string): string {
  switch (controller) {
    case 'customers':
    case 'partners':
    case 'grants':
    case 'links':
      return key
    case 'members':
      return organizationIn(key)
    case 'devices':
      return organizationIn(key.split('/', 1)[0] ?? '')
  }
}

function organizationIn(namespace: string): string {
  return organizationOf(namespace)?.name ?? namespace
}

const fnvOffset = 0x811c9dc5
const fnvPrime = 0x01000193

/**
 * FNV-1a, then mixed as in MurmurHash3: names that differ in their last letter alone would else lie side by side. It is
 * written out, since another version of a library must not move customers between replicas.
 */
function hashOf(name: string): number {
  let hash = fnvOffset
  for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, fnvPrime)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
