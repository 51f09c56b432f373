// What becomes of one batch in the cluster. Assign and move write one DeviceAssignment whose name is a
// digest of what it says: written twice it is the same object, and never anybody else's. Release takes
// devices out of the assignments that hold them, over the version that was read.

import { createHash } from 'node:crypto'
import type { DeviceAssignment } from '../api/kinds.generated.ts'
import { apiVersion, customerNamespace } from '../api/names.ts'
import { resources } from '../api/resources.ts'
import { isAlreadyExists, isConflict, sleep } from '../runtime/index.ts'
import type { Batch } from './devices-batches.ts'
import type { CsvRow } from './devices-csv.ts'
import { fieldManager } from './grants.ts'
import { pagesOf, type Session } from './session.ts'

export type Outcome = { readonly result: string; readonly reason: string; readonly message: string }
export type RowOutcome = Outcome & { readonly row: CsvRow }

export type WriteOptions = {
  readonly verb: 'assign' | 'move' | 'release'
  readonly sku: string | undefined
  readonly dataPolicy: 'Retain' | 'Migrate' | 'Purge' | undefined
}

type Device = DeviceAssignment['spec']['devices'][number]

export function assignmentOf(
  batch: Batch,
  { verb, sku, dataPolicy }: WriteOptions,
): DeviceAssignment {
  const byUnit = batch.rows.every(({ values }) => values.id === undefined)
  const spec: DeviceAssignment['spec'] = {
    idType: byUnit ? 'UnitID' : 'DeviceID',
    ...(sku !== undefined && { sku }),
    ...(dataPolicy !== undefined && { dataPolicy }),
    ...(verb === 'move' && { from: { customer: batch.from ?? '' } }),
    devices: batch.rows.map(deviceOf),
  }
  const digest = createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 20)
  return {
    apiVersion,
    kind: 'DeviceAssignment',
    metadata: { name: `${verb}-${digest}`, namespace: customerNamespace(batch.customer) },
    spec,
  }
}

function deviceOf({ values: { id, unitId, name, model, labels } }: CsvRow): Device {
  return {
    ...(id !== undefined && { id }),
    ...(unitId !== undefined && { unitId }),
    ...(name !== undefined && { name }),
    ...(model !== undefined && { model }),
    ...(labels !== undefined && {
      labels: Object.fromEntries(
        labels.split(';').map((label): [string, string] => {
          const [key = '', value = ''] = label.split('=')
          return [key.trim(), value.trim()]
        }),
      ),
    }),
  }
}

/** After a lost answer the object may be there: it says the same, so it is ours. */
export async function write(
  { signal, client }: Session,
  assignment: DeviceAssignment,
  dryRun = false,
): Promise<void> {
  try {
    await client.create(signal, resources.devices, assignment, { fieldManager, dryRun })
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
  }
}

const lookEveryMs = 250
/** The reason by which the operator says that waiting does not help. */
const waitsForRegistry = 'RegistryMissing'

/** What the operator says of each row, once it has said something about all, or `withinMs` are over. */
export async function outcomesOf(
  { signal, client }: Session,
  { metadata }: DeviceAssignment,
  { rows }: Batch,
  withinMs: number,
): Promise<readonly RowOutcome[]> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await client.find(signal, resources.devices, metadata)
    const looked = found?.status?.observedGeneration === found?.metadata.generation
    const assigned = found?.status?.conditions?.find(({ type }) => type === 'Assigned')
    const settled =
      looked && ((found?.status?.pending ?? 0) === 0 || assigned?.reason === waitsForRegistry)
    if (settled || performance.now() >= deadline)
      return rows.map(outcomeIn(looked ? found : undefined))
    await sleep(signal, lookEveryMs)
  }
}

function outcomeIn(found: DeviceAssignment | undefined): (row: CsvRow) => RowOutcome {
  const { status } = found ?? {}
  const rejected = new Map((status?.rejected ?? []).map((each) => [each.id, each]))
  const assigned = status?.conditions?.find(({ type }) => type === 'Assigned')
  const isPending = !status || (status.pending ?? 0) > 0
  return (row) => {
    const refusal = rejected.get(row.values.id ?? row.values.unitId ?? '')
    if (refusal) {
      return { row, result: 'rejected', reason: refusal.reason, message: refusal.message ?? '' }
    }
    if (!status) {
      return {
        row,
        result: 'written',
        reason: '',
        message: 'The operator has not looked at it yet.',
      }
    }
    if (isPending) {
      return {
        row,
        result: 'pending',
        reason: assigned?.reason ?? '',
        message: assigned?.message ?? '',
      }
    }
    return { row, result: found?.spec.from ? 'moved' : 'assigned', reason: '', message: '' }
  }
}

const pageSize = 20

export async function release(
  session: Session,
  { customer, rows }: Batch,
): Promise<readonly RowOutcome[]> {
  const namespace = customerNamespace(customer)
  const wanted = new Set(rows.map(({ values }) => values.id ?? values.unitId ?? ''))
  const released = new Set<string>()
  const pages = pagesOf(session, resources.devices, { namespace, limit: pageSize })
  for await (const page of pages) {
    for (const assignment of page) await shorten(session, assignment, wanted, released)
  }
  return rows.map((row): RowOutcome => {
    if (released.has(row.values.id ?? row.values.unitId ?? '')) {
      return { row, result: 'released', reason: '', message: '' }
    }
    return {
      row,
      result: 'rejected',
      reason: 'NotAssigned',
      message: `No assignment of ${customer} names this device.`,
    }
  })
}

async function shorten(
  { signal, client }: Session,
  seen: DeviceAssignment,
  wanted: ReadonlySet<string>,
  released: Set<string>,
): Promise<void> {
  const isWanted = (device: Device) =>
    wanted.has(device.id ?? '') || wanted.has(device.unitId ?? '')
  for (let found: DeviceAssignment | undefined = seen; found;) {
    const metadata: DeviceAssignment['metadata'] = found.metadata
    const leaving = found.spec.devices.filter(isWanted)
    if (leaving.length === 0 || metadata.deletionTimestamp !== undefined) return
    const staying = found.spec.devices.filter((device) => !isWanted(device))
    const { uid, resourceVersion } = metadata
    try {
      const guard = {
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      }
      if (staying.length === 0) await client.remove(signal, resources.devices, metadata, guard)
      else {
        await client.patch(
          signal,
          resources.devices,
          metadata,
          { metadata: { resourceVersion }, spec: { devices: staying } },
          { type: 'merge', fieldManager },
        )
      }
      for (const { id, unitId } of leaving) {
        for (const each of [id, unitId]) if (each !== undefined) released.add(each)
      }
      return
    } catch (error) {
      if (!isConflict(error)) throw error
      // Somebody wrote meanwhile (most often the operator, its status): look again.
      found = await client.find(signal, resources.devices, metadata)
    }
  }
}
