// Who we are and whom we trust, while both change under way.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { createAuthority } from '../../tools/control-plane/certificates.ts'
import { writeKubeconfig } from '../../tools/control-plane/kubeconfig.ts'
import { Client, connectInCluster, connectKubeconfig } from '../../src/runtime/index.ts'
import { authority } from './fake-api-server.ts'
import { startWorld, widgets, type World } from './world.ts'

const a = { namespace: 'default', name: 'a' }
const body = { metadata: a }

function writeToken(world: World, token: string): Promise<void> {
  return writeFile(join(world.directory, 'token'), token)
}

describe('a token that was replaced', () => {
  test('is read at once when the server says 401, also by what makes an object', async () => {
    await using world = await startWorld()
    await writeToken(world, 'token-2')
    world.server.token = 'token-2'
    await world.client.create(world.signal, widgets, body)
    expect(world.server.asked.slice(-2).map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ])
    await world.agrees()
  })

  test('is read by a watch that resumes', async () => {
    await using world = await startWorld()
    await writeToken(world, 'token-2')
    world.server.token = 'token-2'
    world.server.reset()
    world.server.put('a')
    await world.agrees()
    expect(world.server.count('list')).toBe(1)
  })

  test('is read within a minute, before the old one is refused', async () => {
    let now = 0
    await using world = await startWorld({ connection: { now: () => now } })
    await writeToken(world, 'token-2')
    await world.client.find(world.signal, widgets, a)
    expect(world.server.asked.at(-1)?.headers.authorization).toBe('Bearer token-1')
    now = 60_000
    world.server.token = 'token-2'
    await world.client.find(world.signal, widgets, a)
    expect(world.server.asked.at(-1)?.headers.authorization).toBe('Bearer token-2')
    expect(world.requests.some(({ code }) => code === '401')).toBe(false)
  })

  test('by one that the server refuses too ends in 401, not in a circle', async () => {
    await using world = await startWorld()
    world.server.token = 'of somebody else'
    await expect(world.client.get(world.signal, widgets, a)).rejects.toMatchObject({ status: 401 })
    expect(world.server.count('call')).toBe(1) // the file is as it was: no second try
    await writeToken(world, 'wrong too')
    await expect(world.client.get(world.signal, widgets, a)).rejects.toMatchObject({ status: 401 })
    expect(world.server.count('call')).toBe(3)
  })

  test('by nothing leaves the old one in use and says so', async () => {
    let now = 0
    const reported: unknown[] = []
    const report = (error: unknown) => reported.push(error)
    await using world = await startWorld({ connection: { now: () => now, report } })
    await rm(join(world.directory, 'token'))
    now = 60_000
    expect(await world.client.find(world.signal, widgets, a)).toBeUndefined()
    expect(reported).toMatchObject([{ code: 'ENOENT' }])
  })
})

describe("a server's certificate of another authority", () => {
  test('is trusted as soon as the CA file has it, and the watch resumes', async () => {
    await using world = await startWorld()
    const other = createAuthority('rotated', new Date())
    await world.server.restart(other)
    await expect(world.client.get(world.signal, widgets, a)).rejects.toMatchObject({
      code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO|SIGNATURE/),
    })
    await writeFile(join(world.directory, 'ca.crt'), authority.certificate + other.certificate)
    world.server.put('a')
    await world.agrees()
    expect(await world.client.find(world.signal, widgets, a)).toBeDefined()
    expect(world.server.count('list')).toBe(1)
  })

  test('is never trusted without it', async () => {
    await using world = await startWorld()
    await world.server.restart(createAuthority('fake-cluster', new Date())) // the same name, other keys
    await expect(world.client.create(world.signal, widgets, body)).rejects.toThrow()
    expect(world.server.asked.some(({ method }) => method === 'POST')).toBe(false)
    await world.server.restart(authority)
    world.server.put('a')
    await world.agrees()
  })
})

describe('a kubeconfig', () => {
  test('with a token leads to the server', async () => {
    await using world = await startWorld()
    const file = join(world.directory, 'kubeconfig')
    const server = `https://127.0.0.1:${world.server.port}`
    await writeKubeconfig(file, server, authority.certificate, { token: world.server.token })
    await asks(world, file)
  })

  test('with paths beside it, a tokenFile and somebody to impersonate leads there too', async () => {
    await using world = await startWorld()
    const file = await write(world, {
      cluster: { 'certificate-authority': 'ca.crt', 'tls-server-name': 'localhost' },
      user: { tokenFile: 'token', as: 'tina@example.com' },
    })
    await asks(world, file)
    expect(world.server.asked.at(-1)?.headers['impersonate-user']).toBe('tina@example.com')
  })

  test('with an exec plugin asks the plugin', async () => {
    await using world = await startWorld()
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: world.server.token },
    }
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'echo',
      args: [JSON.stringify(credential)],
      interactiveMode: 'Never',
    }
    await asks(world, await write(world, { user: { exec } }))
  })

  test('of a proxy that serves several clusters keeps the path of its cluster', async () => {
    await using world = await startWorld()
    const server = `https://127.0.0.1:${world.server.port}/k8s/clusters/c-1/`
    const file = await write(world, { cluster: { server }, user: { tokenFile: 'token' } })
    const connection = await connectKubeconfig(world.signal, file)
    const call = { method: 'GET', path: '/version' } as const
    await new Client(connection).request(world.signal, call).catch(() => undefined)
    expect(world.server.asked.at(-1)?.path).toBe('/k8s/clusters/c-1/version')
    await connection.stop()
  })

  test.each([
    ['no such context', { 'current-context': 'other' }, /has no context "other"/],
    ['no server', { clusters: [] }, /names no cluster with a server/],
    ['nothing that can be read', { contexts: 7 }, /has no context/],
  ])('with %s says so and names the file', async (_, change, message) => {
    await using world = await startWorld()
    const file = await write(world, {}, change)
    const connecting = connectKubeconfig(world.signal, file)
    await expect(connecting).rejects.toThrow(message)
    await expect(connecting).rejects.toThrow(file)
  })
})

test('a kubeconfig that asks not to verify the server is refused, and nothing is sent', async () => {
  await using world = await startWorld()
  const cluster = { 'insecure-skip-tls-verify': true }
  const file = await write(world, { cluster, user: { tokenFile: 'token' } })
  const asked = world.server.asked.length
  await expect(connectKubeconfig(world.signal, file)).rejects.toThrow(
    /CA into certificate-authority/,
  )
  expect(world.server.asked).toHaveLength(asked)
})

describe('outside of a pod', () => {
  test('the in-cluster connection says what to do', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'wire-'))
    const { signal } = new AbortController()
    const connecting = connectInCluster(signal, { env: {}, directory })
    await expect(connecting).rejects.toThrow('Give a kubeconfig instead.')
    await rm(directory, { recursive: true })
  })
})

async function asks(world: World, file: string): Promise<void> {
  const connection = await connectKubeconfig(world.signal, file)
  try {
    const client = new Client(connection)
    const version = await client.request(world.signal, { method: 'GET', path: '/version' })
    expect(version).toEqual({ gitVersion: 'v1.36.3' })
  } finally {
    await connection.stop()
  }
}

async function write(
  world: World,
  parts: { readonly cluster?: object; readonly user?: object },
  change: object = {},
): Promise<string> {
  const file = join(world.directory, 'kubeconfig')
  const server = `https://127.0.0.1:${world.server.port}`
  const cluster = {
    server,
    'certificate-authority': join(world.directory, 'ca.crt'),
    ...parts.cluster,
  }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: parts.user ?? {} }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'here',
    ...change,
  }
  await writeFile(file, stringify(config))
  return file
}
