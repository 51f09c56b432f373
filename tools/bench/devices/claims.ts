// A million tries for the same ten thousand devices: fifty writers claim, move and release them for twenty customers, some of these by
// the last of a license, while connections are cut at random from both ends. Then the registry is asked. Holds ONE-OWNER.
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { TenantryError } from '../../../src/api/errors.ts'
import { claim, type AskedDevice, type Terms } from '../../../src/databases/registry/devices.sql.ts'
import type { Figure } from '../../../test/bench/bench.ts'
import { sum } from '../../../test/bench/statistics.ts'
import { tornDevices } from '../../../test/support/registry.ts'
import { startPostgres, type LocalPostgres } from '../../postgres/start.ts'
import { connect, controlOf, idOf, termsOf } from './fleet.ts'

const devices = 10_000
const customers = 20
const assignmentsEach = 5
const writers = 50
const largestBatch = 400
const licensed = 5
const licenses = 300
/** Of a hundred works, how many move and how many release; the others claim. */
const moving = 25
const releasing = 15
/** Of a hundred works, how many the writer itself leaves in the middle. */
const dying = 2
/** A released device is its last customer's for so long; a day would leave nothing to fight for. */
const reserved = '20 ms'
const cutEveryMs = 40

type Counts = {
  /** Devices about which a writer got an answer. */
  tries: number
  cuts: number
  wishes: number
  /** By customer and device: how often its writers were told that it is theirs now. */
  readonly told: Map<string, number>
  refused: number
}

export async function* benchClaims(
  signal: AbortSignal,
  wanted: number,
  say: (line: string) => void,
): AsyncGenerator<readonly Figure[]> {
  await using postgres = await startPostgres(signal, { settings: { max_connections: '300' } })
  const first = controlOf(postgres)
  await first.work(signal, 'opening', async () => {})
  await first.stop()
  const root = await connect(postgres, 'tenantry')
  const owners = ownersAndTheirAssignments()
  const counts: Counts = { tries: 0, cuts: 0, wishes: 0, told: new Map(), refused: 0 }
  const done = new AbortController()
  const begun = performance.now()
  const disturbing = [cutConnections(postgres, done.signal), report(counts, done.signal, say)]
  const isEnough = () => counts.tries >= wanted || done.signal.aborted
  const working = Array.from({ length: writers }, () =>
    write(signal, postgres, owners, counts, isEnough),
  )
  await Promise.all(working).finally(() => done.abort())
  const seconds = (performance.now() - begun) / 1000
  await Promise.all(disturbing)
  await untilAlone(root)
  const found = await judge(root, counts)
  await root.end()
  const tries = `${counts.tries.toLocaleString('en-US')} tries by ${writers} writers for ${customers} customers`
  yield [
    { what: tries, value: counts.tries / seconds, unit: 'per s' },
    { what: '… connections cut meanwhile', value: counts.cuts, unit: '' },
    { what: '… devices told that they are refused', value: counts.refused, unit: '' },
    { what: '… claimed or moved', value: found.given, unit: '' },
    { what: 'devices with two owners at once', value: found.torn, unit: '', goal: 'duplicates' },
    { what: 'told yes, and it is not so', value: found.untrue, unit: '', goal: 'duplicates' },
    { what: 'licenses beyond the quantity', value: found.over, unit: '', goal: 'duplicates' },
  ]
}

/** Per customer the terms of each of its assignments. */
function ownersAndTheirAssignments(): readonly (readonly Terms[])[] {
  return Array.from({ length: customers }, (_, index) => {
    const { customerUid } = termsOf(index)
    const own = Array.from({ length: assignmentsEach }, () => ({ ...termsOf(index), customerUid }))
    const license =
      index < licensed ? { sku: 'pro', quantity: licenses, refusal: undefined } : undefined
    return own.map((terms) => ({
      ...terms,
      license,
      others: own.filter((other) => other !== terms).map(({ assignment }) => assignment),
    }))
  })
}

async function write(
  signal: AbortSignal,
  postgres: LocalPostgres,
  owners: readonly (readonly Terms[])[],
  counts: Counts,
  isEnough: () => boolean,
): Promise<void> {
  let control = controlOf(postgres)
  while (!isEnough()) {
    signal.throwIfAborted()
    const terms = oneOf(oneOf(owners))
    const source = oneOf(owners.filter(([each]) => each?.customerUid !== terms.customerUid))
    const list = someDevices()
    const life = randomInt(100) < dying ? AbortSignal.timeout(1 + randomInt(60)) : signal
    const act = randomInt(100)
    try {
      if (act < releasing) {
        await control.work(life, 'releasing', (sql) =>
          sql.query(
            life,
            `SELECT id FROM tenantry.release_devices($1, $2, 'Retain', '${reserved}')`,
            [terms.assignment, list.map(({ id }) => id)],
          ),
        )
        continue
      }
      const isMove = act < releasing + moving
      const asked = {
        ...terms,
        generation: (counts.wishes += 1), // a new one each time: what was moved away is wanted back
        fromUid: isMove ? source[0]?.customerUid : undefined,
      }
      const outcomes = await control.work(life, 'claiming', (sql) =>
        claim(life, sql, asked, list, 'Retain'),
      )
      if (outcomes.length !== list.length) throw new Error('A device was left without an answer.')
      for (const { id, outcome } of outcomes) {
        counts.tries += 1
        if (outcome === 'Claim' || outcome === 'Move') {
          const key = `${terms.customerUid} ${id}`
          counts.told.set(key, (counts.told.get(key) ?? 0) + 1)
        } else if (outcome !== 'Assigned' && outcome !== 'Update') counts.refused += 1
      }
    } catch (error) {
      if (!life.aborted && !wasCut(error)) throw error
      // As after the death of the process: nobody knows what became of it, and another goes on.
      signal.throwIfAborted()
      counts.cuts += 1
      await control.stop()
      control = controlOf(postgres)
    }
  }
  await control.stop()
}

/** Neighbours in an order of their own, from anywhere in the list. */
function someDevices(): readonly AskedDevice[] {
  const from = randomInt(devices)
  const list = Array.from({ length: 1 + randomInt(largestBatch) }, (_, at) => ({
    id: idOf((from + at) % devices),
    name: null,
    model: null,
    labels: {},
  }))
  return randomInt(2) === 0 ? list : list.toReversed()
}

function oneOf<T>(list: readonly T[]): T {
  const one = list[randomInt(list.length)]
  if (one === undefined) throw new RangeError('There is nothing to choose from.')
  return one
}

function wasCut(error: unknown): boolean {
  const codes: readonly string[] = ['SERVER_UNREACHABLE', 'DATABASE_LOCKED']
  return error instanceof TenantryError && codes.includes(error.code)
}

async function cutConnections(postgres: LocalPostgres, done: AbortSignal): Promise<void> {
  const root = await connect(postgres, 'postgres')
  while (!done.aborted) {
    await sleep(randomInt(2 * cutEveryMs))
    await root.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'tenantry' AND datname = 'tenantry' AND state = 'active'
       ORDER BY random() LIMIT 1`,
    )
  }
  await root.end()
}

async function report(
  counts: Counts,
  done: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  while (!done.aborted) {
    await sleep(5_000, undefined, { signal: done }).catch(() => {})
    say(
      `claims: ${counts.tries.toLocaleString('en-US')} tries, ${counts.cuts} connections were cut`,
    )
  }
}

/** What a writer has left in the middle may still be carried out. */
async function untilAlone(root: Client): Promise<void> {
  for (;;) {
    const { rows } = await root.query(
      "SELECT FROM pg_stat_activity WHERE application_name = 'tenantry' AND datname = 'tenantry'",
    )
    if (rows.length === 0) return
    await sleep(50)
  }
}

async function judge(root: Client, { told }: Counts) {
  const { rows: torn } = await root.query(tornDevices)
  const { rows: given } = await root.query<{ key: string; times: number }>(
    `SELECT h.customer_uid || ' ' || device AS key, count(*)::int AS times
     FROM tenantry.history h, unnest(h.devices) AS device WHERE h.action IN ('Claim', 'Move') GROUP BY 1`,
  )
  const times = new Map(given.map((row) => [row.key, row.times]))
  const { rows: used } = await root.query<{ over: number }>(
    `SELECT coalesce(sum(greatest(n - ${licenses}, 0)), 0)::int AS over
     FROM (SELECT count(*) AS n FROM tenantry.owned_devices WHERE sku = 'pro' GROUP BY customer_uid) counted`,
  )
  return {
    torn: torn.length,
    untrue: [...told].filter(([key, yes]) => yes > (times.get(key) ?? 0)).length,
    over: used[0]?.over ?? NaN,
    given: sum([...times.values()]),
  }
}
