// On what was measured: without it a figure is a rumour.
import { execFile } from 'node:child_process'
import { cpus, platform, release, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { etcdVersion } from '../../tools/control-plane/programs.ts'
import { nodeFlags } from '../../tools/local/operator.ts'
import { field, text } from '../support/world.ts'
import type { BenchWorld } from './world.ts'

export type Machine = Readonly<Record<string, string>>

const run = promisify(execFile)
const showVersion = 'SHOW server_version'

export async function describeMachine(signal: AbortSignal, world: BenchWorld): Promise<Machine> {
  const version = await world.clients.driver.request(signal, { method: 'GET', path: '/version' })
  const processors = cpus()
  const model = processors[0]?.model.trim() || 'unknown'
  return {
    processors: `${processors.length} × ${model}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${platform()} ${release()}`,
    node: process.version,
    'flags of the operator': nodeFlags.join(' '),
    kubernetes: text(field(version, 'gitVersion')),
    etcd: `${etcdVersion}, fsync on`,
    ...(world.platform.postgres && {
      postgresql: `${await postgresVersion(world.platform.postgres)}, fsync on`,
    }),
    commit: await commit(signal),
    date: new Date().toISOString().slice(0, 10),
  }
}

async function postgresVersion({
  host,
  port,
  user,
  password,
  ca,
}: NonNullable<BenchWorld['platform']['postgres']>): Promise<string> {
  const ssl = ca === undefined ? {} : { ssl: { ca } }
  const client = new Client({ host, port, user, password, database: 'postgres', ...ssl })
  await client.connect()
  try {
    const { rows } = await client.query<{ server_version: string }>(showVersion)
    return rows[0]?.server_version ?? 'unknown'
  } finally {
    await client.end()
  }
}

/** Figures of what is not committed belong to no commit, and say so. */
async function commit(signal: AbortSignal): Promise<string> {
  try {
    const head = await run('git', ['rev-parse', '--short', 'HEAD'], { signal })
    const changed = await run('git', ['status', '--porcelain', '--', 'src'], { signal })
    return head.stdout.trim() + (changed.stdout === '' ? '' : ', changed')
  } catch {
    signal.throwIfAborted()
    return 'unknown'
  }
}
