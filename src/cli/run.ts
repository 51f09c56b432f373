// Runs the command of this process and ends with its exit code. Ctrl-C stops what runs and says what was
// done; a reader that has gone away (`| head`) ends it in silence.

import { runCommandLine } from './command-line.ts'

const stopping = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => stopping.abort())
}
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await runCommandLine(stopping.signal, process.argv.slice(2), process)
