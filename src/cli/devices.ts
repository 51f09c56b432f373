// `devices [text]`: the devices of one customer, or of all customers that the person may enter, as their
// assignments say it. What a device measures is in the customer's database and not here.

import type { DeviceAssignment } from '../api/kinds.generated.ts'
import { customerNamespace } from '../api/names.ts'
import { resources } from '../api/resources.ts'
import { listedCustomers } from './customers.ts'
import { Failure } from './failures.ts'
import type { Answer } from './output.ts'
import { plural } from './progress.ts'
import { customerIn } from './scope.ts'
import { pagesOf, seen, show, type CommonOptions, type Session } from './session.ts'

export type DevicesOptions = CommonOptions & {
  readonly all?: boolean
  readonly customer?: string
  readonly selector?: string
}

type Device = {
  readonly device: string
  readonly name: string
  readonly model: string
  readonly customer: string
  readonly state: string
  readonly reason: string
  readonly labels: Readonly<Record<string, string>>
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
  const fits = filterOf(options.selector, text)
  await show(session, options, async () => answerOf(await gather(session, one), fits), one)
}

type Gathered = { readonly found: readonly Device[]; readonly hidden: number }

async function gather(session: Session, one: string | undefined): Promise<Gathered> {
  if (one !== undefined) {
    const found = await seen(devicesOf(session, one))
    if (found) return { found, hidden: 0 }
    throw new Failure(
      'NOT_ALLOWED',
      `${await session.person()} may not see the devices of ${one}, or there is no such customer.`,
    )
  }
  const customers = await listedCustomers(session)
  const each = await Promise.all(customers.map(({ name }) => seen(devicesOf(session, name))))
  const readable = each.filter((devices) => devices !== undefined)
  return { found: readable.flat(), hidden: each.length - readable.length }
}

const pageSize = 50

async function devicesOf(session: Session, customer: string): Promise<readonly Device[]> {
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

type Filter = (device: Device) => boolean

function filterOf(selector: string | undefined, text: string | undefined): Filter {
  const wanted = text?.toLowerCase()
  const terms = (selector ?? '')
    .split(',')
    .filter((term) => term !== '')
    .map(termOf)
  return (device) =>
    terms.every((fits) => fits(device)) &&
    (wanted === undefined ||
      [device.device, device.name, device.model].some((cell) =>
        cell.toLowerCase().includes(wanted),
      ))
}

/** As kubectl's -l has it: `key`, `!key`, `key=value`, `key!=value`. */
function termOf(term: string): Filter {
  const [, not = '', key = '', operator, value = ''] =
    /^(!?)([\w./-]+)(?:(!=|==?)([\w.-]*))?$/.exec(term.trim()) ?? []
  if (key === '' || (not !== '' && operator !== undefined)) {
    throw new Failure(
      'WRONG_USE',
      `-l ${term} is no selector. Write key=value, key!=value, key or !key.`,
    )
  }
  return ({ labels }) => {
    if (operator === undefined) return key in labels === (not === '')
    return (labels[key] === value) === (operator !== '!=')
  }
}

function answerOf({ found, hidden }: Gathered, fits: Filter): Answer {
  const rows = found.filter(fits)
  return {
    columns: ['DEVICE', 'NAME', 'MODEL', 'CUSTOMER', 'STATE', 'REASON'],
    rows: rows.map((each) => ({
      name: each.device,
      cells: [each.device, each.name, each.model, each.customer, each.state, each.reason],
      value: each,
    })),
    none: 'No device.',
    notes: [
      ...(rows.length > 0 ? [`${plural(rows.length, 'device')}.`] : []),
      ...(hidden > 0
        ? [`Not shown: ${plural(hidden, 'customer')} whose devices you may not see.`]
        : []),
    ],
  }
}
