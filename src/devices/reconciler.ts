// One run of one DeviceAssignment: gather, plan, apply, report. Level-triggered: why it runs is forgotten.
// What only others can end sends no event here (a device that is released elsewhere, a unit that is imported), so a run that was
// refused something asks again now and then, without a write.

import { newsOf, type Finding } from '../api/conditions.ts'
import { finalizer } from '../api/names.ts'
import type { Result } from '../runtime/index.ts'
import { assign, releaseAll, type Facts } from './apply.ts'
import { gather, type Seen } from './gather.ts'
import { isWork, planAssignment, type Plan } from './plan.ts'
import type { Ports } from './ports.ts'
import {
  reportAssigned,
  reportLeaving,
  reportPreview,
  reportWaiting,
  type Report,
} from './report.ts'

const askAgainMs = 600_000
const atOnceMs = 100

export function deviceReconciler(ports: Ports) {
  return async (signal: AbortSignal, key: string): Promise<Result> => {
    if (!ports.gives()) {
      ports.compared.clear() // another leader may have changed what this one has compared
      return { outcome: 'done' }
    }
    const now = ports.clock.now() // the only reading: one run, one moment
    const seen = await gather(signal, ports, key, now)
    if (!seen) {
      ports.deadlines.set(key, undefined)
      return { outcome: 'done' }
    }
    const plan = planAssignment(seen, now)
    ports.deadlines.set(key, 'nextChange' in plan ? plan.nextChange : undefined)
    return carryOut(signal, ports, seen, plan, now)
  }
}

async function carryOut(
  signal: AbortSignal,
  ports: Ports,
  seen: Seen,
  plan: Plan,
  now: number,
): Promise<Result> {
  switch (plan.act) {
    case 'let go':
      await ports.applier.removeFinalizer(signal, ports.stores.devices, seen.object, finalizer)
      return { outcome: 'done' }
    case 'wait':
      await publish(signal, ports, seen, reportWaiting(seen, plan, now))
      return failed(plan.error)
    case 'release': {
      const waits = await releaseAll(signal, ports, seen, plan)
      if (!waits) return { outcome: 'done' }
      await publish(signal, ports, seen, reportLeaving(seen, waits.why, now))
      return failed(waits.error)
    }
    case 'preview':
      await publish(signal, ports, seen, reportPreview(seen, plan, now))
      return { outcome: 'again', afterMs: askAgainMs }
    case 'assign': {
      const facts = await assign(signal, ports, seen, plan)
      const { object } = facts
      await publish(signal, ports, { ...seen, object }, reportAssigned(seen, plan, facts, now))
      return verdict(plan, facts)
    }
  }
}

function verdict(plan: Extract<Plan, { act: 'assign' }>, { outcomes, notShown }: Facts): Result {
  if (notShown?.error !== undefined) return failed(notShown.error)
  // Another assignment was faster, and what it left is free again by now.
  if (plan.claims && outcomes.some(isWork)) return { outcome: 'again', afterMs: atOnceMs }
  const isRefused =
    plan.rejected.length > 0 || outcomes.some(({ outcome }) => outcome !== 'Assigned')
  return isRefused ? { outcome: 'again', afterMs: askAgainMs } : { outcome: 'done' }
}

function failed(error: unknown): Result {
  return error === undefined ? { outcome: 'done' } : { outcome: 'failed', error, lane: 'resync' }
}

async function publish(
  signal: AbortSignal,
  { applier, stores, events }: Ports,
  { object }: Seen,
  { status, findings }: Report,
): Promise<void> {
  const { wrote } = await applier.writeStatus(signal, stores.devices, object, status)
  if (!wrote) return
  // Events remember what they are about for minutes: that must not be a list of a thousand devices.
  const regarding = stores.devices.get(object.metadata)
  if (!regarding) return
  for (const each of newsOf(findings, object.status?.conditions, isWorthAnEvent)) {
    events.record(regarding, each)
  }
}

/** Ready would repeat the others, and a license that is there is no news. */
function isWorthAnEvent({ type, status, reason }: Finding): boolean {
  return type === 'Assigned' ? reason !== 'Preview' : type === 'Licensed' && status !== 'True'
}
