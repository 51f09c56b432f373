// What an assignment asks for, read once: the devices that can be asked about, and those whose text nobody could trust. Pure.
// An id is printable ASCII: of two that look alike one would be somebody else's device.

import type { DeviceAssignmentSpec } from '../api/kinds.generated.ts'
import type { Reason } from '../api/reasons.ts'
import type { AskedDevice } from '../databases/registry/devices.sql.ts'

export type Rejected = { readonly id: string; readonly reason: Reason }

type Device = DeviceAssignmentSpec['devices'][number]

export type Asked = {
  /** By the id that the list names: a device's, or a unit's. A repeated one is one device. */
  readonly devices: ReadonlyMap<string, Device>
  readonly rejected: readonly Rejected[]
}

const plain = /^[\x21-\x7e]+$/

export function askedFor({ idType, devices }: DeviceAssignmentSpec): Asked {
  const asked = new Map<string, Device>()
  const rejected = new Map<string, Rejected>()
  for (const device of devices) {
    const id = (idType === 'UnitID' ? device.unitId : device.id) ?? ''
    if (plain.test(id)) {
      if (!asked.has(id)) asked.set(id, device)
    } else {
      rejected.set(id, { id, reason: 'IdUnreadable' })
    }
  }
  return { devices: asked, rejected: [...rejected.values()] }
}

export type Named = {
  /** What the registry is asked about. */
  readonly devices: readonly AskedDevice[]
  /** By device, as the list names it. */
  readonly listedAs: ReadonlyMap<string, string>
  readonly rejected: readonly Rejected[]
  /** Every device of the list, whether it can be asked about or not; `undefined`: one is not known. */
  readonly kept: readonly string[] | undefined
}

/** @param units the devices that unit ids stand for; `undefined`: the list has device ids */
export function named(asked: Asked, units: ReadonlyMap<string, string> | undefined): Named {
  const listedAs = new Map<string, string>()
  const devices: AskedDevice[] = []
  const rejected = [...asked.rejected]
  let allKnown = true
  for (const [listed, { name, model, labels = {} }] of asked.devices) {
    const id = units ? units.get(listed) : listed
    if (id === undefined) {
      allKnown = false
      rejected.push({ id: listed, reason: 'UnknownUnit' })
      continue
    }
    if (listedAs.has(id)) continue // two units of one device
    listedAs.set(id, listed)
    if (hasZero([name, model, ...Object.entries(labels).flat()])) {
      rejected.push({ id: listed, reason: 'TextUnreadable' })
    } else {
      devices.push({ id, name: name ?? null, model: model ?? null, labels })
    }
  }
  return { devices, listedAs, rejected, kept: allKnown ? [...listedAs.keys()] : undefined }
}

/** PostgreSQL takes no such text, and one of them would fail the whole batch. */
function hasZero(texts: readonly (string | undefined)[]): boolean {
  return texts.some((text) => text?.includes('\0') === true)
}
