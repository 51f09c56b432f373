// How urgent a run is, and which controllers there are.

import type { Queue } from '../runtime/index.ts'

export const lanes = ['revoke', 'delete', 'change', 'new', 'resync'] as const
export type Lane = (typeof lanes)[number]

export const controllerNames = [
  'customers',
  'partners',
  'members',
  'grants',
  'links',
  'devices',
] as const

export type ControllerName = (typeof controllerNames)[number]

export type Queues = Readonly<Record<ControllerName, Queue>>

/** What triggers need of queues. */
export type Additions = Readonly<
  Record<ControllerName, Pick<Queue, 'add' | 'addAfter' | 'isRunning'>>
>
