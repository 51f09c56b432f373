// The devices of customers as their assignments say it: what is wanted, and what came of it. For whoever
// has no login in the registry.

import type { DeviceAssignment } from '../api/kinds.generated.ts'
import { customerNamespace } from '../api/names.ts'
import { resources } from '../api/resources.ts'
import type { Device } from './devices-filter.ts'
import { pagesOf, type Session } from './session.ts'

const pageSize = 50

export async function assignedDevices(
  session: Session,
  customer: string,
): Promise<readonly Device[]> {
  const namespace = customerNamespace(customer)
  const found: Device[] = []
  const pages = pagesOf(session, resources.devices, { namespace, limit: pageSize })
  for await (const page of pages) {
    found.push(...page.flatMap((assignment) => devicesIn(assignment, customer)))
  }
  return found
}

function devicesIn({ spec, status }: DeviceAssignment, customer: string): readonly Device[] {
  const rejected = new Map((status?.rejected ?? []).map((each) => [each.id, each.reason]))
  const reason = status?.conditions?.find(({ type }) => type === 'Assigned')?.reason ?? ''
  const isSettled = status !== undefined && (status.pending ?? 0) === 0
  return spec.devices.map(({ id, unitId, name = '', model = '', labels = {} }) => {
    const device = id ?? unitId ?? ''
    const refusal = rejected.get(device)
    const state = refusal === undefined ? (isSettled ? 'assigned' : 'pending') : 'rejected'
    return {
      device,
      name,
      model,
      customer,
      state,
      reason: refusal ?? (isSettled ? '' : reason),
      labels,
    }
  })
}
