// The local control plane itself: that it is the real thing, that everybody verifies it, and that nothing of it stays behind.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../tools/control-plane/certificates.ts'
import { writeKubeconfig } from '../../tools/control-plane/kubeconfig.ts'
import { startControlPlane, type ControlPlane } from '../../tools/control-plane/start.ts'
import { connect } from '../support/api-server.ts'

const { signal } = new AbortController()

describe('the local control plane', () => {
  let plane: ControlPlane
  beforeAll(async () => {
    plane = await startControlPlane(signal, { auditLog: true })
  })
  afterAll(() => plane.stop())

  test('is Kubernetes 1.36.3, reached with verified certificates', async () => {
    const { stdout } = await plane.run(signal, ['version', '-o', 'json'])
    expect(JSON.parse(stdout)).toMatchObject({ serverVersion: { gitVersion: 'v1.36.3' } })
  })

  test('is refused by a client that trusts another authority', async () => {
    const other = createAuthority('somebody-else', new Date())
    const mine = other.issueClient({ user: 'admin', groups: ['system:masters'] })
    const file = `${plane.directory}/other.kubeconfig`
    await writeKubeconfig(file, plane.server, other.certificate, mine)
    const how = { kubeconfig: file, allowFailure: true }
    const { code, stderr } = await plane.run(signal, ['get', 'namespaces'], how)
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/certificate signed by unknown authority/)
  })

  test('gives a person without rights nothing', async () => {
    const file = await plane.kubeconfigFor('nobody@example.com')
    const how = { kubeconfig: file, allowFailure: true }
    const { stderr } = await plane.run(signal, ['get', 'secrets', '-A'], how)
    expect(stderr).toMatch(/User "nobody@example.com" cannot list resource "secrets"/)
  })

  test('issues tokens for service accounts, and they sign in', async () => {
    await plane.run(signal, ['create', 'serviceaccount', 'probe', '-n', 'default'])
    const { stdout } = await plane.run(signal, ['create', 'token', 'probe', '-n', 'default'])
    const kubeconfig = await plane.kubeconfigForToken('probe', stdout.trim())
    const asked = await plane.run(signal, ['auth', 'whoami', '-o', 'json'], { kubeconfig })
    expect(JSON.parse(asked.stdout)).toMatchObject({
      status: { userInfo: { username: 'system:serviceaccount:default:probe' } },
    })
  })

  test('deletes a namespace to the end', async () => {
    await plane.run(signal, ['create', 'namespace', 'short-lived'])
    await plane.run(signal, ['delete', 'namespace', 'short-lived', '--timeout=60s'])
    using server = connect(plane.kubeconfig)
    expect(await server.ask('GET', '/api/v1/namespaces/short-lived')).toMatchObject({ status: 404 })
  })

  test('keeps its objects when the API server is killed and comes back', async () => {
    await plane.run(signal, ['create', 'namespace', 'kept'])
    await plane.restartApiserver(signal)
    const { stdout } = await plane.run(signal, ['get', 'namespace', 'kept', '-o', 'name'])
    expect(stdout.trim()).toBe('namespace/kept')
  })
})

test('a control plane whose owner is killed leaves no process and no directory', async () => {
  const script = fileURLToPath(new URL('../support/hold-control-plane.ts', import.meta.url))
  const owner = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const held = await new Promise<Held>((resolve, reject) => {
    owner.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString())))
    owner.once('exit', () => reject(new Error('The owner ended before it said what it holds.')))
  })
  expect(held.pids.every(isAlive)).toBe(true)
  owner.kill('SIGKILL')
  await expect.poll(() => held.pids.some(isAlive), { timeout: 10_000 }).toBe(false)
  await expect.poll(() => existsSync(held.directory), { timeout: 10_000 }).toBe(false)
})

type Held = { readonly pids: readonly number[]; readonly directory: string }

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
