// How far something long has come: a bar on a terminal, a line per tenth anywhere else.

import type { Screen } from './output.ts'

export type Progress = { readonly at: (done: number) => void; readonly end: () => void }

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}

const width = 30
const drawEveryMs = 100

export function makeProgress(
  { err, live }: Pick<Screen, 'err' | 'live'>,
  { total, what, from }: { readonly total: number; readonly what: string; readonly from: number },
): Progress {
  const startedMs = performance.now()
  let drawnMs = -Infinity
  let tenth = Math.floor((from / Math.max(total, 1)) * 10)
  const lineAt = (done: number): string => {
    const part = total === 0 ? 1 : done / total
    const seconds = Math.max((performance.now() - startedMs) / 1000, 0.001)
    const speed = Math.round((done - from) / seconds)
    const count = `${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} ${what}`
    return `${Math.floor(part * 100)} %, ${count}, ${speed.toLocaleString('en-US')} a second`
  }
  const bar = (done: number): string => {
    const full = total === 0 ? width : Math.round((done / total) * width)
    return `[${'#'.repeat(full)}${'-'.repeat(width - full)}]`
  }
  return {
    at(done) {
      if (!live) {
        const now = Math.floor((done / Math.max(total, 1)) * 10)
        if (now > tenth) err.write(`${lineAt(done)}\n`)
        tenth = now
        return
      }
      if (performance.now() - drawnMs < drawEveryMs && done < total) return
      drawnMs = performance.now()
      err.write(`\r\u001B[2K${bar(done)} ${lineAt(done)}`)
    },
    end: () => {
      if (live && drawnMs > 0) err.write('\n')
    },
  }
}
