// A lock between processes: a file that names its holder.
// Stale when its holder is dead, or has not touched it for a minute (the holder's machine, or its container, is gone).
// Two can hold it for a moment if a stale lock is taken over just as its place is taken: what it guards must end in an atomic
// rename, so that the lock saves work and never correctness.
import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type LockOptions = {
  /** Called once, when somebody else holds the lock. */
  readonly onWait?: (holder: string) => void
  /** Default 200. */
  readonly pollMs?: number
}

const heartbeatMs = 5_000
const silentTooLongMs = 60_000

export async function withLock<Result>(
  signal: AbortSignal,
  file: string,
  work: () => Promise<Result>,
  options: LockOptions = {},
): Promise<Result> {
  const content = `${process.pid} ${hostname()} ${randomUUID()}\n`
  await take(signal, file, content, options)
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(file, now, now).catch(() => {}) // taken over: the rename at the end decides
  }, heartbeatMs)
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    if ((await contentOf(file)) === content) await rm(file, { force: true })
  }
}

async function take(
  signal: AbortSignal,
  file: string,
  content: string,
  { onWait, pollMs = 200 }: LockOptions,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const mine = `${file}.${randomUUID()}`
  await writeFile(mine, content, { mode: 0o600 })
  try {
    for (let told = false; ;) {
      // link, unlike open, makes the file appear with its content: no reader sees an empty lock
      if (await linked(mine, file)) return
      const holder = await contentOf(file)
      if (holder === undefined) continue // released just now
      if (await isStale(file, holder)) {
        await removeStale(file, holder)
        continue
      }
      if (!told) onWait?.(`process ${holder.split(' ')[0]}`)
      told = true
      await sleep(pollMs, undefined, { signal })
    }
  } finally {
    await rm(mine, { force: true })
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function isStale(file: string, holder: string): Promise<boolean> {
  const [pid = '', host = ''] = holder.split(' ')
  // A pid says something only on the machine that it is from.
  if (host === hostname() && !isAlive(Number(pid))) return true
  try {
    return Date.now() - (await stat(file)).mtimeMs > silentTooLongMs
  } catch {
    return false // released just now
  }
}

/** Moves the lock aside first, to see that it is still the one that was judged. */
async function removeStale(file: string, holder: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  try {
    await rename(file, aside)
  } catch {
    return // somebody else did it
  }
  if ((await contentOf(aside)) !== holder) await linked(aside, file) // a live one: put it back
  await rm(aside, { force: true })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM' // somebody else's, but alive
  }
}

async function contentOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    return undefined
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
