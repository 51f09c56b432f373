// Asks the etcd behind a local control plane to forget its history, as a cluster does every five
// minutes: through its JSON gateway, because etcdctl is not among the programs.
import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { runCommand } from '../../tools/control-plane/command.ts'
import type { ControlPlane } from '../../tools/control-plane/start.ts'

/** Forgets what was before now; gives the revision, which is a resourceVersion too. */
export async function compactEtcd(signal: AbortSignal, plane: ControlPlane): Promise<number> {
  const { stdout } = await runCommand(signal, 'ps', ['-o', 'args=', '-p', `${plane.pids.etcd}`])
  const url = /--listen-client-urls=(\S+)/.exec(stdout)?.[1]
  if (url === undefined) throw new Error(`This is no etcd: ${stdout}`)
  const file = (name: string) => readFile(join(plane.directory, name))
  const [ca, cert, key] = await Promise.all(
    ['ca.crt', 'etcd-client.crt', 'etcd-client.key'].map(file),
  )
  const agent = new Agent({ ca, cert, key })
  const ask = (path: string, body: object) =>
    new Promise<string>((resolve, reject) => {
      const asked = request(`${url}${path}`, { method: 'POST', agent, signal }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          if (response.statusCode === 200) resolve(text)
          else reject(new Error(`etcd, ${path}: ${response.statusCode} ${text}`))
        })
      })
      asked.on('error', reject)
      asked.end(JSON.stringify(body))
    })
  const status: { header?: { revision?: string } } = JSON.parse(
    await ask('/v3/maintenance/status', {}),
  )
  const revision = Number(status.header?.revision)
  await ask('/v3/kv/compaction', { revision, physical: true })
  return revision
}
