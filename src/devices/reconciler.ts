// One run of one DeviceAssignment. Assignments wait until the registry is there.

import type { DeviceAssignment } from '../api/kinds.generated.ts'
import type { EpochMs } from '../api/time.ts'
import type { Applier, Result, Store } from '../runtime/index.ts'
import { report } from './report.ts'

export type Ports = {
  readonly devices: Store<DeviceAssignment>
  readonly applier: Applier
  readonly clock: { readonly now: () => EpochMs }
  readonly gives: () => boolean
}

export function deviceReconciler({ devices, applier, clock, gives }: Ports) {
  return async (signal: AbortSignal, key: string): Promise<Result> => {
    const [namespace = '', name = ''] = key.split('/')
    const object = gives() ? devices.get({ namespace, name }) : undefined
    if (object) await applier.writeStatus(signal, devices, object, report(object, clock.now()))
    return { outcome: 'done' }
  }
}
