// Kills the servers of a process that died without stopping them, kill -9 included, and removes their directories.
// It holds the reading end of a pipe from that process: the kernel closes the pipe whatever the process died of.
// One JSON line each: {"watch": pid}, {"forget": pid}, {"remove": directory}, {"keep": directory}.
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'

const groups = new Set()
const directories = new Set()

// Ctrl-C reaches the whole terminal group; the guardian outlives it to do its work.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const order = JSON.parse(line)
  if (order.watch !== undefined) groups.add(order.watch)
  if (order.forget !== undefined) groups.delete(order.forget)
  if (order.remove !== undefined) directories.add(order.remove)
  if (order.keep !== undefined) directories.delete(order.keep)
})
lines.on('close', () => {
  for (const group of groups) kill(group)
  for (const directory of directories) {
    // Dying servers may still write for a moment, hence the retries.
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  process.exit(0)
})

/** The whole group: a server may have started others. */
function kill(group) {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // gone already
  }
}
