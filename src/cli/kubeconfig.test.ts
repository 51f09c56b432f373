// What `use` writes into a kubeconfig, and what it leaves alone.
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kubeconfigPath, readContext, writeContext, type Context } from './kubeconfig.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-kubeconfig-'))
})
afterAll(() => rm(directory, { recursive: true }))

const byKubectl = `apiVersion: v1
# the cluster of the plant
clusters:
- cluster:
    certificate-authority-data: ${'QUJD'.repeat(60)}
    server: https://10.0.0.1:6443
  name: prod
contexts:
- context:
    cluster: prod
    user: tina # by mail
  name: prod
current-context: prod
kind: Config
preferences: {}
users:
- name: tina
  user:
    token: "0123"
`

const acme: Context = {
  name: 'customer-acme@prod',
  cluster: 'prod',
  user: 'tina',
  namespace: 'customer-acme',
  mark: { organization: 'partner/nordic', base: 'prod', scope: 'customer' },
}

async function fileOf(content: string): Promise<string> {
  const file = join(await mkdtemp(join(directory, 'one-')), 'config')
  await writeFile(file, content, { mode: 0o600 })
  return file
}

describe('using a customer', () => {
  test('adds one context, makes it the current one, and changes no other line', async () => {
    const file = await fileOf(byKubectl)
    await writeContext(file, acme)
    expect(await readFile(file, 'utf8')).toBe(
      byKubectl.replace(
        'current-context: prod\n',
        `- name: customer-acme@prod
  context:
    cluster: prod
    user: tina
    namespace: customer-acme
    extensions:
    - name: tenantry.dev
      extension:
        organization: partner/nordic
        base: prod
        scope: customer
current-context: customer-acme@prod
`,
      ),
    )
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(file, '..'))).toEqual(['config'])
    expect(await readContext(file, undefined)).toEqual(acme)
  })

  test('twice writes nothing the second time (QUIET)', async () => {
    const file = await fileOf(byKubectl)
    await writeContext(file, acme)
    await chmod(file, 0o400)
    const before = await stat(file)
    await writeContext(file, acme)
    expect((await stat(file)).mtimeMs).toBe(before.mtimeMs)
  })

  test('never takes over a context that somebody else has made', async () => {
    const file = await fileOf(byKubectl.replaceAll(' prod', ' customer-acme@prod'))
    const before = await readFile(file, 'utf8')
    await expect(writeContext(file, acme)).rejects.toThrow('has not made')
    expect(await readFile(file, 'utf8')).toBe(before)
  })

  test('waits for nobody who writes at the same time, and says so', async () => {
    const file = await fileOf(byKubectl)
    await writeFile(`${file}.lock`, '')
    await expect(writeContext(file, acme)).rejects.toThrow('another program writes')
    expect(await readFile(file, 'utf8')).toBe(byKubectl)
  })
})

describe('the kubeconfig', () => {
  test('is found as kubectl finds it', async () => {
    const file = await fileOf(byKubectl)
    expect(await kubeconfigPath(undefined, { KUBECONFIG: `/nowhere:${file}` })).toBe(file)
    expect(await kubeconfigPath(file, { KUBECONFIG: '/nowhere' })).toBe(file)
    await expect(kubeconfigPath(undefined, { HOME: directory })).rejects.toThrow('--kubeconfig')
  })

  test('that is no YAML, or lacks the context, says what to do', async () => {
    await expect(readContext(await fileOf('{'), undefined)).rejects.toThrow('is not YAML')
    await expect(readContext(await fileOf(byKubectl), 'dev')).rejects.toThrow('no context dev')
  })
})
