// The sockets of this process as the kernel counts them: a client's own book would not show a leak.
import { readFile, readdir, readlink } from 'node:fs/promises'

const established = '01'

/** Open connections of this process to a port of 127.0.0.1; `undefined` without Linux' /proc. */
export async function connectionsTo(port: number): Promise<number | undefined> {
  const table = await readFile('/proc/self/net/tcp', 'utf8').catch(() => undefined)
  if (table === undefined) return undefined
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const mine = await inodes()
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , to, state, , , , , , inode]) => {
      return to === remote && state === established && inode !== undefined && mine.has(inode)
    }).length
}

async function inodes(): Promise<ReadonlySet<string>> {
  const handles = await readdir('/proc/self/fd')
  // The handle of the reading itself is closed by now.
  const targets = await Promise.all(
    handles.map((handle) => readlink(`/proc/self/fd/${handle}`).catch(() => '')),
  )
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []))
}
