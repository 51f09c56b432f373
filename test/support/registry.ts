// A registry of devices for a test file: what an assignment would ask of it, and what a gateway hears.
import { randomUUID } from 'node:crypto'
import type { Control } from '../../src/databases/control/control.ts'
import {
  claim,
  judge,
  readLeftBehind,
  release,
  type AskedDevice,
  type DataPolicy,
  type Outcome,
  type Terms,
} from '../../src/databases/registry/devices.sql.ts'

const { signal } = new AbortController()

export function newTerms(change: Partial<Terms> = {}): Terms {
  const customerUid = randomUUID()
  return {
    customerUid,
    customer: `customer-${customerUid.slice(0, 8)}`,
    assignment: randomUUID(),
    generation: 1,
    fromUid: undefined,
    others: [],
    license: undefined,
    ...change,
  }
}

export function named(...ids: readonly string[]): readonly AskedDevice[] {
  return ids.map((id) => ({ id, name: null, model: null, labels: {} }))
}

/** `count` ids that no other call gives. */
export function newIds(count: number): readonly string[] {
  const batch = randomUUID().slice(0, 8)
  return Array.from({ length: count }, (_, index) => `${batch}-${String(index).padStart(6, '0')}`)
}

export function registryOf(control: Control) {
  return {
    judge: (terms: Terms, devices: readonly AskedDevice[]) =>
      control.work(signal, 'judging', (sql) => judge(signal, sql, terms, devices)),
    claim: (terms: Terms, devices: readonly AskedDevice[], policy: DataPolicy = 'Retain') =>
      control.work(signal, 'claiming', (sql) => claim(signal, sql, terms, devices, policy)),
    release: (assignment: string, kept: readonly string[] = [], policy: DataPolicy = 'Retain') =>
      control.work(signal, 'releasing', (sql) => release(signal, sql, assignment, kept, policy)),
    leftBehind: (ids: readonly string[]) =>
      control.work(signal, 'looking', (sql) => readLeftBehind(signal, sql, ids)),
  }
}

/** Outcomes by id. */
export function told(outcomes: readonly Outcome[]): Readonly<Record<string, string>> {
  return Object.fromEntries(outcomes.map(({ id, outcome }) => [id, outcome]))
}

/** How often each outcome came. */
export function tally(outcomes: readonly Outcome[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

/**
 * Asks for devices that had two owners at a time: a primary key makes one owner at the end, and history, which the same statements
 * write, tells that there was one all the while. Each step has to begin where the one before has ended, the last where the device is.
 */
export const tornDevices = `WITH steps AS (
    SELECT device, h.action, h.customer_uid, h.from_uid, lead(h.id) OVER own AS next,
      lag(CASE WHEN h.action <> 'Release' THEN h.customer_uid END) OVER own AS owner
    FROM tenantry.history h, unnest(h.devices) AS device WINDOW own AS (PARTITION BY device ORDER BY h.id)
  )
  SELECT device FROM steps WHERE owner IS DISTINCT FROM
    CASE action WHEN 'Claim' THEN NULL WHEN 'Release' THEN customer_uid ELSE from_uid END
  UNION
  SELECT coalesce(s.device, d.id) FROM (SELECT * FROM steps WHERE next IS NULL AND action <> 'Release') s
  FULL JOIN tenantry.owned_devices d ON d.id = s.device WHERE d.customer_uid IS DISTINCT FROM s.customer_uid`
