// Runs a script of this repository on Node 24 with its packages installed: `node tools/bootstrap.mjs tools/x.ts`.
// Plain JavaScript that Node 18 can read, because it is what makes a newer Node available. It installs only when
// package-lock.json is not what node_modules was made from; a lock keeps two runs from installing at once.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'node_modules', '.tenantry-lock')
const lock = join(root, '.install-lock')
const oldestNode = 24
const staleLockMs = 15 * 60_000

const [script, ...args] = process.argv.slice(2)
if (script === undefined) fail('Usage: node tools/bootstrap.mjs <script> [arguments]')

await install()
run(findNode())

function wantedStamp() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wantedStamp()
}

async function install() {
  if (isInstalled()) return
  await takeLock()
  try {
    if (isInstalled()) return // another run did it while this one waited
    process.stderr.write('Installing packages (npm ci) ...\n')
    const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (done.status !== 0) {
      fail('npm ci failed; its message is above. Check that the package registry can be reached.')
    }
    writeFileSync(stamp, wantedStamp())
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

async function takeLock() {
  for (;;) {
    try {
      mkdirSync(lock) // atomic: only one run succeeds
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const age = lockAgeMs()
    if (age !== undefined && age > staleLockMs) rmSync(lock, { recursive: true, force: true })
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

function lockAgeMs() {
  try {
    return Date.now() - statSync(lock).mtimeMs
  } catch {
    return undefined // released meanwhile
  }
}

function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= oldestNode) return process.execPath
  const local = join(root, 'node_modules', '.bin', 'node')
  if (!works(local)) {
    // Under an npm that blocks install scripts the package is there without its binary.
    spawnSync('npm', ['rebuild', 'node', '--loglevel=error'], { cwd: root, stdio: 'ignore' })
  }
  if (works(local)) return local
  return fail(`Node ${oldestNode} or newer is needed: install it, or run "npm rebuild node" here.`)
}

function works(node) {
  const asked = spawnSync(node, ['--version'], { encoding: 'utf8' })
  return asked.status === 0 && Number(asked.stdout.slice(1).split('.')[0]) >= oldestNode
}

function run(node) {
  const bin = join(root, 'node_modules', '.bin')
  const child = spawn(node, [script, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${dirname(node)}:${bin}:${process.env.PATH}` },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
