// `npm run dev`: the operator from source against what `npm run up` has started, restarted on save.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { localDirectory } from './local/directory.ts'

const path = join(localDirectory, 'operator.kubeconfig.path')
if (!existsSync(path)) {
  console.error('Nothing is up. Run `npm run up` first.')
  process.exitCode = 1
} else {
  const kubeconfig = readFileSync(path, 'utf8')
  const config = join(localDirectory, 'operator.yaml')
  const child = spawn(
    process.execPath,
    ['--watch', 'src/main.ts', '--config', config, '--kubeconfig', kubeconfig],
    { stdio: 'inherit' },
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  child.on('exit', (code) => process.exit(code ?? 0))
}
