// Rows in batches: one customer each, in the order of the file, and the same whenever the same file is
// read, so that a batch's number means the same after an interruption. Memory is bounded: when many
// customers are mixed, batches close before they are full.

import type { CsvRow } from './devices-csv.ts'

export type Batch = {
  readonly number: number
  readonly customer: string
  /** Of a move: who has the devices now. */
  readonly from: string | undefined
  readonly rows: readonly CsvRow[]
}

export type BatchOptions = {
  readonly size: number
  /** For rows that do not say it themselves. */
  readonly customer: string | undefined
  readonly from: string | undefined
  /** Rows held at once, at most. Default 50,000. */
  readonly held?: number
}

export async function* batchesOf(
  rows: AsyncIterable<CsvRow>,
  { size, customer = '', from, held = 50_000 }: BatchOptions,
): AsyncGenerator<Batch, void, undefined> {
  const open = new Map<string, { customer: string; from: string | undefined; rows: CsvRow[] }>()
  let number = 0
  let holding = 0
  const close = (key: string): Batch | undefined => {
    const batch = open.get(key)
    if (!batch) return undefined
    open.delete(key)
    holding -= batch.rows.length
    return { number: (number += 1), ...batch }
  }
  for await (const row of rows) {
    const to = row.values.customer ?? customer
    const source = row.values.from ?? from
    const key = `${to}\n${source ?? ''}`
    const batch = open.get(key) ?? { customer: to, from: source, rows: [] }
    open.set(key, batch)
    batch.rows.push(row)
    holding += 1
    const full =
      batch.rows.length >= size ? key : holding >= Math.max(held, size) ? fullest(open) : undefined
    const closed = full === undefined ? undefined : close(full)
    if (closed) yield closed
  }
  for (const key of open.keys()) {
    const closed = close(key)
    if (closed) yield closed
  }
}

function fullest(open: ReadonlyMap<string, { readonly rows: readonly unknown[] }>): string {
  let [best = ''] = open.keys()
  for (const [key, { rows }] of open) {
    if (rows.length > (open.get(best)?.rows.length ?? 0)) best = key
  }
  return best
}
