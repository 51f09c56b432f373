// What is done of an import, kept beside its file so that it can go on after Ctrl-C, a lost connection or
// a crash: one line per batch, written after the batch's rows stand in the result file. It belongs to
// exactly this content of the file and to this command; one run at a time.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { Failure } from './failures.ts'

export type Journal = {
  readonly resultFile: string
  /** Rows that an earlier run has done. */
  readonly doneRows: number
  isDone(batch: number): boolean
  /** @param lines of the result file, one per row */
  done(batch: number, rows: number, lines: string): Promise<void>
  /** Everything is done: the result file stays. */
  finish(): Promise<void>
  /** Another run may take over. */
  release(): Promise<void>
}

type Head = { readonly sha256: string; readonly command: string }
type Done = { readonly batch: number; readonly rows: number; readonly size: number }

const resultHeader = 'line,customer,id,result,reason,message\n'

export async function openJournal(
  signal: AbortSignal,
  {
    file,
    verb,
    command,
  }: { readonly file: string; readonly verb: string; readonly command: string },
): Promise<Journal> {
  const path = `${file}.${verb}.journal`
  const resultFile = `${file.replace(/\.csv$/i, '')}.${verb}.result.csv`
  const lockFile = `${path}.lock`
  await lock(lockFile)
  const release = () => rm(lockFile, { force: true })
  try {
    const head: Head = { sha256: await sha256Of(signal, file), command }
    const before = await read(path)
    if (before) await resume(path, { head, before, resultFile })
    else if (await exists(resultFile)) {
      throw new Failure(
        'WRONG_USE',
        `${resultFile} is there from an earlier import. Move it away first.`,
      )
    }
    const done = before?.done ?? []
    // Until the first batch is done there is nothing to say, and nothing is left behind.
    let writing = before ? Promise.resolve() : undefined
    const append = async (earlier: Promise<void>, entry: Omit<Done, 'size'>, lines: string) => {
      await earlier
      await appendFile(resultFile, lines)
      const { size } = await stat(resultFile)
      await appendFile(path, `${JSON.stringify({ ...entry, size })}\n`)
    }
    const finished = new Set(done.map(({ batch }) => batch))
    return {
      resultFile,
      doneRows: done.reduce((sum, { rows }) => sum + rows, 0),
      isDone: (batch) => finished.has(batch),
      done(batch, rows, lines) {
        // One after the other, into both files: what the journal counts stands in the result file.
        writing = append(writing ?? begin(path, head, resultFile), { batch, rows }, lines)
        return writing
      },
      finish: () => rm(path, { force: true }),
      release,
    }
  } catch (error) {
    await release()
    throw error
  }
}

async function begin(path: string, head: Head, resultFile: string): Promise<void> {
  await writeFile(resultFile, resultHeader, { flag: 'wx' })
  await writeFile(path, `${JSON.stringify(head)}\n`)
}

type Before = { readonly head: Head; readonly done: readonly Done[] }

/** Rows that were written after the last line of the journal are written again. */
async function resume(
  path: string,
  {
    head,
    before,
    resultFile,
  }: { readonly head: Head; readonly before: Before; readonly resultFile: string },
): Promise<void> {
  if (before.head.sha256 !== head.sha256 || before.head.command !== head.command) {
    throw new Failure(
      'WRONG_USE',
      `${path} belongs to an import that was not finished, of another content or by another command (${before.head.command}). Run that to its end, or remove ${path} to begin anew.`,
    )
  }
  await truncate(resultFile, before.done.at(-1)?.size ?? resultHeader.length)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

async function lock(path: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' })
      return
    } catch (cause) {
      const holder = Number(await readFile(path, 'utf8').catch(() => ''))
      if (isAlive(holder) || tries > 1) {
        throw new Failure(
          'WRONG_USE',
          `Another run (process ${holder}) works on this file. Wait for it, or stop it; if there is none, remove ${path}.`,
          { cause },
        )
      }
      await rm(path, { force: true })
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return Reflect.get(Object(error), 'code') === 'EPERM'
  }
}

async function read(path: string): Promise<Before | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // The last line may be cut off by a crash: that batch is done again.
  const lines = text.split('\n').slice(0, -1)
  const [head, ...done] = lines.map((line): unknown => JSON.parse(line))
  if (!isHead(head)) return undefined
  return { head, done: done.filter(isDone) }
}

function isHead(value: unknown): value is Head {
  return typeof Reflect.get(Object(value), 'sha256') === 'string'
}

function isDone(value: unknown): value is Done {
  return typeof Reflect.get(Object(value), 'size') === 'number'
}

async function sha256Of(signal: AbortSignal, file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { signal })) hash.update(chunk)
  return hash.digest('hex')
}
