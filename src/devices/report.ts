// The status of a DeviceAssignment while the operator has no registry of devices: everything waits,
// nothing is lost, and the condition says what to do. Holds ONE-OWNER: without a registry nobody owns.

import { conditionsFrom, isFalse } from '../api/conditions.ts'
import type { DeviceAssignment, DeviceAssignmentStatus } from '../api/kinds.generated.ts'
import type { EpochMs } from '../api/time.ts'

export function report(
  { metadata, spec, status }: DeviceAssignment,
  now: EpochMs,
): DeviceAssignmentStatus {
  const { generation } = metadata
  const message =
    'The operator has no registry of devices in this version. The assignment is kept and waits; no device is owned by anybody.'
  const findings = [
    isFalse('Assigned', 'RegistryMissing', message),
    isFalse('Ready', 'RegistryMissing', message),
  ]
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    assigned: 0,
    pending: devicesIn(spec.devices),
    conditions: conditionsFrom(findings, status?.conditions, { now, generation }),
  }
}

/** A repeated id is one device. */
function devicesIn(devices: DeviceAssignment['spec']['devices']): number {
  return new Set(devices.map(({ id, unitId }) => id ?? unitId)).size
}
