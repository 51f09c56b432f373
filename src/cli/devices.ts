// `devices [text]`: the devices of one customer, or of all customers that the person may enter: as the
// registry has them where the person has a login there, else as assignments say it. What a device measures
// is in the customer's database and not here.

import { assignedDevices } from './devices-assigned.ts'
import { listedCustomers } from './customers.ts'
import { filterOf, type Device, type Filter } from './devices-filter.ts'
import { Failure } from './failures.ts'
import type { Answer } from './output.ts'
import { plural } from './progress.ts'
import { readDevices, readEntered, type Ask, type DeviceRow } from './registry.sql.ts'
import { customerIn } from './scope.ts'
import { seen, show, type CommonOptions, type Session } from './session.ts'

export type DevicesOptions = CommonOptions & {
  readonly all?: boolean
  readonly customer?: string
  readonly selector?: string
}

export async function devices(
  session: Session,
  options: DevicesOptions,
  text: string | undefined,
): Promise<void> {
  const { scope } = session
  const { all = false, customer } = options
  if (all && customer !== undefined)
    throw new Failure('WRONG_USE', 'Give --all or --customer, not both.')
  const one =
    all || (customer === undefined && scope.works !== 'customer')
      ? undefined
      : customerIn(scope, customer)
  const filter = filterOf(options.selector, text)
  await show(session, options, async () => answerOf(await gather(session, one, filter)), one)
}

type Gathered = { readonly found: readonly Device[]; readonly notes: readonly string[] }

async function gather(
  session: Session,
  one: string | undefined,
  filter: Filter,
): Promise<Gathered> {
  const { askRegistry } = await import('./registry.ts')
  const asked = await askRegistry(session, async (ask) => ({
    found: await registered(ask, one, filter),
    entered: await readEntered(ask),
  }))
  if (asked.from === 'nowhere') {
    const { found, notes } = await fromAssignments(session, one, filter)
    return { found, notes: [...notes, `As assignments say it: ${asked.why}.`] }
  }
  const { found, entered } = asked.answer
  if (one === undefined) {
    const customers = await listedCustomers(session)
    return { found, notes: hidden(customers.filter(({ id }) => !entered.includes(id)).length) }
  }
  // Whoever does not enter it sees nothing of it here, but may see what is assigned.
  return found.length > 0 ? { found, notes: [] } : fromAssignments(session, one, filter)
}

async function registered(
  ask: Ask,
  customer: string | undefined,
  { labels, text, fits }: Filter,
): Promise<readonly Device[]> {
  const found: Device[] = []
  for await (const rows of readDevices(ask, { customer, labels, text })) {
    const shown = rows.map(deviceOf).filter(fits)
    found.push(...shown.filter((each) => customer === undefined || each.customer === customer))
  }
  return found
}

function deviceOf({ id, name, model, ...rest }: DeviceRow): Device {
  const texts = { name: name ?? '', model: model ?? '' }
  return { ...rest, ...texts, device: id, state: 'assigned', reason: '' }
}

async function fromAssignments(
  session: Session,
  one: string | undefined,
  { fits }: Filter,
): Promise<Gathered> {
  if (one !== undefined) {
    const found = await seen(assignedDevices(session, one))
    if (found) return { found: found.filter(fits), notes: [] }
    throw new Failure(
      'NOT_ALLOWED',
      `${await session.person()} may not see the devices of ${one}, or there is no such customer.`,
    )
  }
  const customers = await listedCustomers(session)
  const each = await Promise.all(customers.map(({ name }) => seen(assignedDevices(session, name))))
  const readable = each.filter((devices) => devices !== undefined)
  return { found: readable.flat().filter(fits), notes: hidden(each.length - readable.length) }
}

function hidden(count: number): readonly string[] {
  return count > 0 ? [`Not shown: ${plural(count, 'customer')} whose devices you may not see.`] : []
}

function answerOf({ found, notes }: Gathered): Answer {
  return {
    columns: ['DEVICE', 'NAME', 'MODEL', 'CUSTOMER', 'STATE', 'REASON'],
    rows: found.map((each) => ({
      name: each.device,
      cells: [each.device, each.name, each.model, each.customer, each.state, each.reason],
      value: each,
    })),
    none: 'No device.',
    notes: [...(found.length > 0 ? [`${plural(found.length, 'device')}.`] : []), ...notes],
  }
}
