// `devices assign|move|release -f devices.csv`: the whole file is read before anything is written; then a
// preview, a question, and the batches, a few at a time. However it ends, the result file and the journal
// say what was done, and the same command goes on from there.

import { setFlagsFromString } from 'node:v8'
import { stoppedImport } from './devices-failure.ts'
import { ask, parseDuration } from './change.ts'
import { batchesOf, type Batch } from './devices-batches.ts'
import { readRows, type CsvRow } from './devices-csv.ts'
import { openJournal, type Journal } from './devices-journal.ts'
import {
  assignmentOf,
  outcomesOf,
  release,
  write,
  type RowOutcome,
  type WriteOptions,
} from './devices-write.ts'
import { Failure } from './failures.ts'
import { customerIn, isCustomerName, type Scope } from './scope.ts'
import { note, say, type CommonOptions, type Session } from './session.ts'
import { makeProgress, plural } from './progress.ts'

export type ImportOptions = CommonOptions &
  WriteOptions & {
    readonly file: string
    readonly customer?: string
    readonly from?: string
    readonly encoding?: string
    readonly skipBroken?: boolean
    readonly yes?: boolean
    readonly timeout: string
  }

/** A million rows pass through as garbage; left alone, V8 lets 300 MB of it lie about before it collects. */
const sparing = ['--optimize-for-size', '--semi-space-growth-factor=1'] as const

/** As many devices as an assignment holds; a release reads all assignments once per batch. */
const batchSizes = { assign: 1_000, move: 1_000, release: 100_000 } as const
const atOnce = { assign: 4, move: 4, release: 1 } as const

export async function importDevices(session: Session, options: ImportOptions): Promise<void> {
  for (const flag of sparing) setFlagsFromString(flag)
  const { signal } = session
  const { file, verb } = options
  const journal = await openJournal(signal, { file, verb, command: commandOf(options) })
  try {
    const preview = await look(session, options)
    say(session, sayCustomers(preview))
    tellPreview(session, options, preview, journal)
    await dryRun(session, options, preview)
    if (options.yes !== true) await ask(session)
    const counts = await work(session, options, { journal, total: preview.rows })
    await journal.finish()
    const said = [...counts].map(([result, count]) => `${count} ${result}`).join(', ')
    note(session, `Done: ${said}. ${journal.resultFile} has a line for each row.`)
    const good =
      (counts.get('assigned') ?? 0) + (counts.get('moved') ?? 0) + (counts.get('released') ?? 0)
    if (good < preview.rows + preview.broken.length + preview.brokenMore) {
      throw new Failure(
        'IN_PART',
        `Not every row is ${verb === 'assign' ? 'assigned' : verb === 'move' ? 'moved' : 'released'}: ${journal.resultFile} says why.`,
      )
    }
  } finally {
    await journal.release()
  }
}

/** What must be the same for a run to go on where another one has stopped. */
function commandOf({ verb, customer, from, sku, dataPolicy }: ImportOptions): string {
  const words = ['devices', verb, customer, from, sku, dataPolicy]
  return words.filter((word) => word !== undefined).join(' ')
}

type Preview = {
  readonly rows: number
  readonly batches: number
  readonly customers: ReadonlyMap<string, number>
  /** The first of them. */
  readonly broken: readonly CsvRow[]
  readonly brokenMore: number
  /** One row of each customer, for a dry run. */
  readonly samples: readonly Batch[]
}

const shownAtMost = 10

async function look(session: Session, options: ImportOptions): Promise<Preview> {
  const broken: CsvRow[] = []
  let brokenMore = 0
  const customers = new Map<string, number>()
  const samples: Batch[] = []
  let rows = 0
  let batches = 0
  const usable = usableRows(session, options, (row) => {
    if (broken.length < shownAtMost) broken.push(row)
    else brokenMore += 1
  })
  for await (const batch of batchesOf(usable, batchOptions(session.scope, options))) {
    rows += batch.rows.length
    batches += 1
    const before = customers.get(batch.customer)
    customers.set(batch.customer, (before ?? 0) + batch.rows.length)
    if (before === undefined && samples.length < shownAtMost) {
      samples.push({ ...batch, rows: batch.rows.slice(0, 1) })
    }
  }
  return { rows, batches, customers, broken, brokenMore, samples }
}

async function* usableRows(
  { signal, scope }: Session,
  options: ImportOptions,
  onBroken: (row: CsvRow) => void,
): AsyncGenerator<CsvRow, void, undefined> {
  const { file, encoding } = options
  for await (const row of readRows(signal, { file, encoding })) {
    const why = row.broken ?? missing(scope, options, row)
    if (why === undefined) yield row
    else onBroken({ ...row, broken: why })
  }
}

function missing(scope: Scope, { verb, customer, from }: ImportOptions, { values }: CsvRow) {
  const to = values.customer ?? customer ?? scope.customer
  if (to === undefined) return 'no customer: add the column, or give --customer'
  if (!isCustomerName(to)) return `${to} is no name of a customer`
  if (verb === 'move' && (values.from ?? from) === undefined) {
    return 'no customer that has it now: add the column from, or give --from'
  }
  return undefined
}

function batchOptions(scope: Scope, { verb, customer, from }: ImportOptions) {
  const named = customer === undefined ? scope.customer : customerIn(scope, customer)
  return { size: batchSizes[verb], customer: named, from }
}

function sayCustomers({ customers }: Preview): string {
  const names = [...customers.keys()]
  if (names.length === 1) return `customer ${names[0]}`
  return `${names.length} customers: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`
}

function tellPreview(
  session: Session,
  { file, verb, skipBroken = false }: ImportOptions,
  preview: Preview,
  journal: Journal,
): void {
  const { broken, brokenMore, rows, batches, customers } = preview
  for (const { line, broken: why } of broken) note(session, `  line ${line}: ${why}`)
  if (brokenMore > 0) note(session, `  and ${brokenMore} more`)
  const count = broken.length + brokenMore
  if (count > 0 && !skipBroken) {
    throw new Failure(
      'WRONG_USE',
      `${file} has ${plural(count, 'line')} that cannot be used. Nothing was written. Correct the file, or leave them out with --skip-broken.`,
    )
  }
  note(session, `${verb} ${plural(rows, 'device')} in ${plural(batches, 'batch', 'batches')}:`)
  const most = [...customers].toSorted(([, a], [, b]) => b - a)
  for (const [customer, devices] of most.slice(0, shownAtMost)) {
    note(session, `  ${customer}: ${plural(devices, 'device')}`)
  }
  if (most.length > shownAtMost) note(session, `  and ${most.length - shownAtMost} more customers`)
  if (journal.doneRows > 0) {
    note(
      session,
      `An earlier run has done ${plural(journal.doneRows, 'row')}; this one goes on after them.`,
    )
  }
}

/** The server says before the question whether the person may do this at all. */
async function dryRun(
  session: Session,
  options: ImportOptions,
  { samples }: Preview,
): Promise<void> {
  if (options.verb === 'release') return
  for (const sample of samples) await write(session, assignmentOf(sample, options), true)
}

async function work(
  session: Session,
  options: ImportOptions,
  { journal, total }: { readonly journal: Journal; readonly total: number },
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  const broken: RowOutcome[] = []
  const progress = makeProgress(session.screen, { total, what: 'rows', from: journal.doneRows })
  let doneRows = journal.doneRows
  let patienceMs = parseDuration(options.timeout)
  const one = async (batch: Batch): Promise<void> => {
    const outcomes = await workBatch(session, options, batch, patienceMs)
    // The operator is down or far behind: waiting for each batch anew would take days.
    if (outcomes.some(({ result }) => result === 'written')) patienceMs = 0
    count(counts, outcomes)
    await journal.done(batch.number, batch.rows.length, linesOf(batch.customer, outcomes))
    doneRows += batch.rows.length
    progress.at(doneRows)
  }
  const running = new Set<Promise<void>>()
  try {
    const usable = usableRows(session, options, (row) => {
      broken.push({ row, result: 'broken', reason: 'Broken', message: row.broken ?? '' })
    })
    for await (const batch of batchesOf(usable, batchOptions(session.scope, options))) {
      if (journal.isDone(batch.number)) continue
      const task = one(batch).finally(() => running.delete(task))
      task.catch(() => {}) // heard below
      running.add(task)
      if (running.size >= atOnce[options.verb]) await Promise.race(running)
      session.signal.throwIfAborted()
    }
    await Promise.all(running)
  } catch (error) {
    await Promise.allSettled(running)
    progress.end()
    throw stoppedImport(error, session.signal, { doneRows, total, resultFile: journal.resultFile })
  }
  progress.end()
  if (broken.length > 0) {
    count(counts, broken)
    await journal.done(0, 0, linesOf('', broken))
  }
  return counts
}

async function workBatch(
  session: Session,
  options: ImportOptions,
  batch: Batch,
  patienceMs: number,
): Promise<readonly RowOutcome[]> {
  if (options.verb === 'release') return release(session, batch)
  const assignment = assignmentOf(batch, options)
  await write(session, assignment)
  return outcomesOf(session, assignment, batch, patienceMs)
}

function count(counts: Map<string, number>, outcomes: readonly RowOutcome[]): void {
  for (const { result } of outcomes) counts.set(result, (counts.get(result) ?? 0) + 1)
}

function linesOf(customer: string, outcomes: readonly RowOutcome[]): string {
  return outcomes
    .map(({ row, result, reason, message }) => {
      const id = row.values.id ?? row.values.unitId ?? ''
      return `${[String(row.line), customer, id, result, reason, message].map(quoted).join(',')}\n`
    })
    .join('')
}

/** Beginning with one of these a cell is a formula in a spreadsheet, and somebody else has typed it. */
function quoted(cell: string): string {
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
