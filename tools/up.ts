// `npm run up`: control plane and PostgreSQL with CRDs and roles, kept in the background until
// `npm run down`. The operator is not in it: `npm run dev` runs it from source.
import { spawn } from 'node:child_process'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  clear,
  holder,
  keeperFile,
  kubeconfigFile,
  localDirectory,
  postgresUrlFile,
  publish,
} from './local/directory.ts'
import { startPlatform } from './local/platform.ts'
import { aborted, untilAsked } from './local/signals.ts'

const readyFile = join(localDirectory, 'ready')
const patienceMs = 20 * 60_000 // the first time, the control plane is built

if (process.argv.includes('--keep')) await keep()
else await launch()

async function launch(): Promise<void> {
  const pid = holder()
  if (pid !== undefined) {
    console.error(`Process ${pid} holds .local/ already. Run \`npm run down\`, or end the demo.`)
    process.exitCode = 1
    return
  }
  await clear()
  await mkdir(localDirectory, { recursive: true, mode: 0o700 })
  const logFile = join(localDirectory, 'keeper.log')
  const log = openSync(logFile, 'w', 0o600)
  const keeper = spawn(process.execPath, ['tools/up.ts', '--keep'], {
    detached: true,
    stdio: ['ignore', log, log],
  })
  const ended = new AbortController()
  keeper.once('exit', () => ended.abort())
  const asked = untilAsked()
  asked.addEventListener('abort', () => keeper.kill('SIGTERM'))
  await writeFile(keeperFile, String(keeper.pid))
  const deadline = performance.now() + patienceMs
  while (!existsSync(readyFile) && !ended.signal.aborted && performance.now() < deadline)
    await sleep(100)
  if (!existsSync(readyFile)) {
    console.error(`It did not come up:\n${readFileSync(logFile, 'utf8')}`)
    keeper.kill('SIGTERM')
    await clear()
    process.exitCode = 1
    return
  }
  console.log(`export KUBECONFIG=${kubeconfigFile}`)
  console.log(`export TENANTRY_POSTGRES_URL="$(cat ${postgresUrlFile})"`)
  process.exit(0) // the keeper stays
}

/** The process that stays: it holds the servers, and they end with it. */
async function keep(): Promise<void> {
  const signal = untilAsked()
  try {
    await using platform = await startPlatform(signal, {
      directory: localDirectory,
      say: (line) => console.log(line),
    })
    await publish(platform)
    await writeFile(join(localDirectory, 'operator.kubeconfig.path'), platform.operatorKubeconfig)
    await writeFile(readyFile, '')
    await aborted(signal)
  } finally {
    if (signal.aborted) await clear()
  }
}
