// Everything that bears on one DeviceAssignment: from the caches, the list of devices from the API server where it was not told
// just now, and whose they are from the registry. Judges nothing. A registry that does not answer is a fact like any other.

import { namespaceStep } from '../access/namespace.ts'
import { parseTime, type EpochMs } from '../api/time.ts'
import type { CustomerOrganization, DeviceAssignment } from '../api/kinds.generated.ts'
import { organizationOf } from '../api/names.ts'
import type { Verdict } from '../api/reasons.ts'
import { resources } from '../api/resources.ts'
import { verdictOf } from '../api/verdict.ts'
import { databaseUidOf } from '../databases/names.ts'
import type { License, Terms } from '../databases/registry/devices.sql.ts'
import type { Place } from '../databases/registry/inventory.ts'
import type { Looked } from '../databases/registry/registry.ts'
import { askedFor, named, type Named } from './asked.ts'
import type { Ports } from './ports.ts'

export type Seen = {
  /** With its list of devices. */
  readonly object: DeviceAssignment
  readonly customer: CustomerOrganization | undefined
  /** Why its namespace is no customer's, if it is none's. */
  readonly notOurs: Verdict | undefined
  readonly source: CustomerOrganization | undefined
  readonly movesAreGuarded: boolean
  readonly registry:
    | { readonly state: 'Missing' }
    | { readonly state: 'Silent'; readonly why: Verdict; readonly error: unknown }
    /** Not asked: there is nobody to ask for, or the object goes. */
    | { readonly state: 'Unasked' }
    | {
        readonly state: 'Asked'
        readonly terms: Terms
        readonly names: Named
        readonly looked: Looked
      }
}

/** `undefined`: it is gone. */
export async function gather(
  signal: AbortSignal,
  ports: Ports,
  key: string,
  now: EpochMs,
): Promise<Seen | undefined> {
  const [namespace = '', name = ''] = key.split('/')
  const { stores, client } = ports
  const known = stores.devices.get({ namespace, name })
  if (!known) return undefined
  const object =
    stores.recentAssignments.take(known) ??
    (await client.find<DeviceAssignment>(signal, resources.devices, { namespace, name }))
  if (!object) return undefined
  const ref = organizationOf(namespace)
  const customer = ref?.kind === 'customer' ? stores.customers.get({ name: ref.name }) : undefined
  const from = object.spec.from?.customer
  const step = ref && namespaceStep(stores.namespaces.get({ name: namespace }), namespace, ref)
  const seen = {
    object,
    customer,
    notOurs: step?.step === 'leave' ? step.why : undefined,
    source: from === undefined ? undefined : stores.customers.get({ name: from }),
    movesAreGuarded: ports.movesAreGuarded(),
  }
  return { ...seen, registry: await askRegistry(signal, ports, seen, now) }
}

async function askRegistry(
  signal: AbortSignal,
  { registry, stores }: Ports,
  { object, customer, source }: Omit<Seen, 'registry'>,
  now: EpochMs,
): Promise<Seen['registry']> {
  if (!registry) return { state: 'Missing' }
  if (!customer || object.metadata.deletionTimestamp) return { state: 'Unasked' }
  const { uid: assignment = '', generation = 0, namespace = '' } = object.metadata
  const siblings = stores.devices.byNamespace(namespace).map(({ metadata }) => metadata.uid ?? '')
  const terms: Terms = {
    customerUid: customer.metadata.uid ?? '',
    customer: customer.metadata.name,
    assignment,
    generation,
    // A source that nobody knows has nothing: no device is claimed for want of it.
    fromUid: object.spec.from && (source?.metadata.uid ?? nobody),
    others: siblings.filter((uid) => uid !== assignment),
    license: licenseOf(customer, object.spec.sku, now),
  }
  try {
    const asked = askedFor(object.spec)
    const units =
      object.spec.idType === 'UnitID'
        ? await registry.units(signal, [...asked.devices.keys()])
        : undefined
    const names = named(asked, units)
    const looked = await registry.look(signal, terms, names.devices, names.kept)
    return { state: 'Asked', terms, names, looked }
  } catch (error) {
    signal.throwIfAborted()
    return { state: 'Silent', why: verdictOf(error), error }
  }
}

const nobody = '00000000-0000-0000-0000-000000000000'

function licenseOf(
  { spec }: CustomerOrganization,
  sku: string | undefined,
  now: EpochMs,
): License | undefined {
  if (sku === undefined) return undefined
  const found = spec.licenses?.find((license) => license.sku === sku)
  if (!found) return { sku, quantity: 0, refusal: 'LicenseMissing' }
  const end = found.notAfter === undefined ? undefined : parseTime(found.notAfter)
  const hasEnded = found.notAfter !== undefined && (end === undefined || now >= end)
  return { sku, quantity: found.quantity, refusal: hasEnded ? 'LicenseEnded' : undefined }
}

/** The customer's database, as far as it was placed. */
export function placeOf(customer: CustomerOrganization | undefined): Place | undefined {
  const server = customer?.status?.database?.server
  if (!customer || server === undefined) return undefined
  return { server, madeFor: databaseUidOf(customer) }
}
