// Two replicas, a PostgreSQL that they know by name, and a mail server, each of which can go away and come back. The name is in a
// hosts file that only the operators see: they run in a mount namespace of their own, as pods do, and resolve by the system's resolver.
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { startPostgres, type LocalPostgres } from '../../tools/postgres/start.ts'
import { startPlatform } from '../../tools/local/platform.ts'
import { startMailServer, type MailServer } from './mail-server.ts'
import { startWorld, type World } from './world.ts'

const { signal } = new AbortController()
const name = 'postgres.platform.example'

export type OutageWorld = AsyncDisposable & {
  readonly world: World
  readonly postgres: LocalPostgres
  /** Subjects of all mail that was taken for this address. */
  readonly mailsTo: (address: string) => readonly string[]
  /** Each runs `work` while the thing is away. */
  readonly away: {
    readonly apiserver: (work: () => Promise<void>) => Promise<void>
    readonly postgres: (work: () => Promise<void>) => Promise<void>
    /** No session survives, and the name of the server is known to nobody. */
    readonly name: (work: () => Promise<void>) => Promise<void>
    readonly mail: (work: () => Promise<void>) => Promise<void>
  }
  readonly superuser: <Row>(statement: string) => Promise<Row[]>
}

/** Whether the kernel lets us give a process an own view of a file. */
export function hasMountNamespaces(): boolean {
  try {
    execFileSync('unshare', [...unshared, 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** As root plainly, as anybody else with a user namespace. */
const unshared = [...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']), '--mount']

export async function startOutageWorld(leaseSeconds: number): Promise<OutageWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-outages-'))
  const file = (of: string) => join(directory, of)
  const named = hasMountNamespaces()
  const postgres = await startPostgres(signal, { fsync: false, names: [name] })
  const know = () => writeFile(file('hosts'), `127.0.0.1 localhost ${name}\n`)
  await know()
  await writeFile(file('resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
  await writeFile(file('password'), postgres.password, { mode: 0o600 })
  await writeFile(file('ca.crt'), postgres.ca ?? '')
  let mail = await startMailServer()
  const mailPort = mail.port
  const taken: MailServer['mails'][] = [mail.mails]
  const mounts = ['hosts', 'resolv.conf'].map((of) => `mount --bind '${file(of)}' /etc/${of}`)
  const world = await startWorld({
    replicas: 2,
    notesRights: false,
    postgres: false,
    start: (starting, options) =>
      startPlatform(starting, {
        ...options,
        ...(named && {
          operatorCommand: [
            'unshare',
            ...unshared,
            'sh',
            '-c',
            `${mounts.join(' && ')} && exec "$@"`,
            'sh',
            process.execPath,
          ],
        }),
      }),
    config: {
      leaseSeconds,
      notifications: {
        portalURL: 'https://portal.platform.example/{customer}',
        smtp: { host: '127.0.0.1', port: mailPort, from: 'tenantry@platform.example' },
      },
      databases: {
        servers: [
          {
            name: 'main',
            host: named ? name : postgres.host,
            port: postgres.port,
            user: postgres.user,
            passwordFile: file('password'),
            caFile: file('ca.crt'),
            advertise: { host: postgres.host, port: postgres.port },
          },
        ],
        control: { server: 'main' },
      },
    },
  })
  const superuser: OutageWorld['superuser'] = async <Row>(statement: string) => {
    const client = new Client({ connectionString: postgres.url, ssl: { ca: postgres.ca } })
    await client.connect()
    try {
      return (await client.query<Row & object>(statement)).rows
    } finally {
      await client.end()
    }
  }
  return {
    world,
    postgres,
    superuser,
    mailsTo: (address) =>
      taken
        .flat()
        .filter(({ to }) => to.includes(address))
        .map(({ subject }) => subject),
    away: {
      apiserver: (work) => world.platform.plane.withoutApiserver(signal, work),
      async postgres(work) {
        await postgres.kill()
        await inBetween(work, () => postgres.restart(signal))
      },
      async name(work) {
        await writeFile(file('hosts'), '127.0.0.1 localhost\n')
        await superuser(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenantry'`,
        )
        await inBetween(work, know)
      },
      async mail(work) {
        await mail[Symbol.asyncDispose]()
        await work()
        mail = await startMailServer({}, mailPort)
        taken.push(mail.mails)
      },
    },
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await Promise.all([postgres.stop(), mail[Symbol.asyncDispose]()])
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** It comes back also when what was to be shown meanwhile is not so: the next drill begins whole. */
async function inBetween(work: () => Promise<void>, back: () => Promise<void>): Promise<void> {
  try {
    await work()
  } finally {
    await back()
  }
}
