// Starts a PostgreSQL server for development and tests, or uses the one that TENANTRY_POSTGRES_URL names.
// Passwords by SCRAM only, over TLS or loopback; nothing outlives the process that started it.
import { randomBytes } from 'node:crypto'
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { createAuthority } from '../control-plane/certificates.ts'
import { runCommand } from '../control-plane/command.ts'
import { freePorts } from '../control-plane/network.ts'
import { startGuardian, startServer, type Account, type Server } from '../control-plane/servers.ts'
import { findPostgres, type PostgresPrograms } from './programs.ts'

export type PostgresOptions = {
  /** Default true; tests, whose data need not survive a power cut, pass false. */
  readonly fsync?: boolean
  /** Default: a free one. */
  readonly port?: number
  /** Names in its certificate beside `localhost`. */
  readonly names?: readonly string[]
  /** Parameters of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
}

export type LocalPostgres = AsyncDisposable & {
  /** The superuser's; holds the password. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** The authority of its certificate, PEM. Undefined where TENANTRY_POSTGRES_URL names the server. */
  readonly ca: string | undefined
  readonly logFile: string | undefined
  /** Its files. Undefined where TENANTRY_POSTGRES_URL names the server. */
  readonly data: string | undefined
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>
  /** Starts it again, after `kill`, with its data. */
  restart(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

const host = '127.0.0.1'
const user = 'postgres'
const patienceMs = 30_000
const pollMs = 25

export async function startPostgres(
  signal: AbortSignal,
  options: PostgresOptions = {},
): Promise<LocalPostgres> {
  const named = process.env['TENANTRY_POSTGRES_URL']
  if (named) return existing(new URL(named))
  const programs = await findPostgres(signal)
  const guardian = startGuardian()
  // Not inside a directory of root's: the account that runs it must be able to enter.
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-pg-'))
  guardian.remove(directory)
  let server: Server | undefined
  const stop = async (): Promise<void> => {
    await server?.kill('SIGINT') // fast shutdown: sessions are ended, data is written
    await rm(directory, { recursive: true, force: true })
    await guardian.stop()
  }
  try {
    const password = randomBytes(24).toString('base64url')
    const ca = await initialize(signal, programs, {
      directory,
      password,
      names: options.names ?? [],
    })
    const port = options.port ?? (await freePorts(1))[0]
    const logFile = join(directory, 'log')
    const launch = async (launchSignal: AbortSignal): Promise<void> => {
      server = startServer(guardian, {
        name: 'postgres',
        program: programs.postgres,
        args: serverArguments(directory, port, options),
        logFile,
        cwd: directory,
        ...(programs.account ? { account: programs.account } : {}),
      })
      await untilItAnswers(launchSignal, server, { host, port, user, password, ca })
    }
    await launch(signal)
    return {
      url: `postgresql://${user}:${password}@${host}:${port}/postgres`,
      host,
      port,
      user,
      password,
      ca,
      logFile,
      data: join(directory, 'data'),
      kill: async () => {
        await server?.kill('SIGQUIT')
      },
      restart: launch,
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function existing(url: URL): LocalPostgres {
  const refuse = async (): Promise<void> => {
    throw new Error('The server that TENANTRY_POSTGRES_URL names is not ours to stop.')
  }
  return {
    url: url.href,
    host: url.hostname,
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    ca: undefined,
    logFile: undefined,
    data: undefined,
    kill: refuse,
    restart: refuse,
    stop: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
}

/** Makes the cluster and its certificate; returns the authority. */
async function initialize(
  signal: AbortSignal,
  { initdb, account }: PostgresPrograms,
  {
    directory,
    password,
    names,
  }: {
    readonly directory: string
    readonly password: string
    readonly names: readonly string[]
  },
): Promise<string> {
  const data = join(directory, 'data')
  const passwordFile = join(directory, 'password')
  await mkdir(data, { mode: 0o700 })
  const authority = createAuthority('tenantry-local-postgres', new Date())
  const certificate = authority.issueServer('postgres', [host, 'localhost', ...names])
  const files = { password, 'server.crt': certificate.certificate, 'server.key': certificate.key }
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(directory, name), content, { mode: 0o600 })
  }
  await give(account, directory, data, ...Object.keys(files).map((name) => join(directory, name)))
  const { code, stderr } = await runCommand(
    signal,
    initdb,
    [
      `--pgdata=${data}`,
      `--username=${user}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      // Written once more by the operating system anyway; `fsync` is the server's setting.
      '--no-sync',
    ],
    { cwd: directory, ...(account ? { account } : {}) },
  )
  if (code !== 0) throw new Error(`initdb failed: ${stderr.trim()}`)
  await rm(passwordFile)
  return authority.certificate
}

async function give(account: Account | undefined, ...paths: readonly string[]): Promise<void> {
  if (!account) return
  for (const path of paths) await chown(path, account.uid, account.gid)
}

function serverArguments(
  directory: string,
  port: number,
  { fsync = true, settings = {} }: PostgresOptions,
): readonly string[] {
  const all = {
    listen_addresses: host,
    unix_socket_directories: '',
    port: String(port),
    ssl: 'on',
    ssl_cert_file: join(directory, 'server.crt'),
    ssl_key_file: join(directory, 'server.key'),
    password_encryption: 'scram-sha-256',
    max_connections: '200',
    fsync: fsync ? 'on' : 'off',
    ...settings,
  }
  const parameters = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return ['-D', join(directory, 'data'), ...parameters]
}

async function untilItAnswers(
  signal: AbortSignal,
  server: Server,
  at: { host: string; port: number; user: string; password: string; ca: string },
): Promise<void> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    signal.throwIfAborted()
    const client = new Client({ ...at, database: 'postgres', ssl: { ca: at.ca } })
    client.on('error', () => {}) // told by connect
    try {
      await client.connect()
      return
    } catch (error) {
      if (server.exit()) {
        throw new Error(`PostgreSQL ended:\n${server.lastLines(8)}`, { cause: error })
      }
      if (performance.now() > deadline) {
        throw new Error(`PostgreSQL did not answer within ${patienceMs / 1000} s.`, {
          cause: error,
        })
      }
    } finally {
      await client.end()
    }
    await sleep(pollMs, undefined, { signal })
  }
}
