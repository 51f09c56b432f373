// What Helm makes of the chart for four sets of values, without a cluster. charts/rendered/local.yaml has the whole of it;
// a snapshot here holds the documents of a set that differ from it, and names those that it has no more.
import { readFile, writeFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { findHelm } from '../../tools/helm/find.ts'
import { runHelm } from '../../tools/helm/helm.ts'
import { chart, render, renderedFile, systemNamespace } from '../../tools/helm/render.ts'

const { signal } = new AbortController()
const sets = [
  { name: 'default' },
  { name: 'minimal', valuesFile: 'test/api/chart-values/minimal.yaml' },
  { name: 'full', valuesFile: 'test/api/chart-values/full.yaml' },
  {
    name: 'old-kubernetes',
    valuesFile: 'test/api/chart-values/old-kubernetes.yaml',
    kubernetes: 'v1.33.0',
  },
] as const

let helm: string
let directory: string
beforeAll(async () => {
  helm = await findHelm(signal, console.log)
  directory = await mkdtemp(join(tmpdir(), 'tenantry-values-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe.each(sets)('with the values of "$name"', ({ name, ...rendering }) => {
  test('helm lint finds nothing', async () => {
    const values = 'valuesFile' in rendering ? ['--values', rendering.valuesFile] : []
    const args = ['lint', chart, '--strict', '--namespace', systemNamespace, ...values]
    const { stdout } = await runHelm(signal, helm, args)
    expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed')
  })

  test('helm template makes what was reviewed', async () => {
    const usual = documentsOf(await readFile(renderedFile, 'utf8'))
    const found = documentsOf(await render(signal, helm, rendering))
    const differs = [...found].filter(([title, document]) => usual.get(title) !== document)
    const gone = [...usual.keys()]
      .filter((title) => !found.has(title))
      .map((each) => `# no ${each}`)
    const text = [...differs.map(([, document]) => document), gone.join('\n')].join('\n---\n')
    await expect(`${text}\n`).toMatchFileSnapshot(`snapshots/chart-${name}.yaml`)
  })
})

test('what is to stay without the release is marked so, unless the values say no', async () => {
  const kept = /helm\.sh\/resource-policy: keep/
  expect(await readFile(renderedFile, 'utf8')).toMatch(kept)
  const file = join(directory, 'keep.yaml')
  await writeFile(file, stringify({ crds: { keep: false }, access: { keep: false } }))
  expect(await render(signal, helm, { valuesFile: file })).not.toMatch(kept)
})

describe('helm install refuses', () => {
  test.each([
    ['a key that nobody reads', { replica: 3 }, /replica'? not allowed/],
    ['a word where a number belongs', { replicas: 'two' }, /replicas.*want integer/s],
    ["a key of the operator's configuration", { config: { worker: 3 } }, /config.*'worker'/s],
    [
      'what the chart decides itself',
      { config: { namespace: 'elsewhere' } },
      /config.*'namespace'/s,
    ],
    [
      'a Secret that the operator could not read',
      {
        config: {
          databases: {
            servers: [
              {
                name: 'main',
                host: 'postgres',
                user: 'tenantry',
                passwordSecret: { namespace: 'elsewhere', name: 'postgres', key: 'password' },
              },
            ],
          },
        },
      },
      /Secret postgres is in namespace elsewhere.*Put it into tenantry-system/s,
    ],
    ['an image whose digest is none', { image: { digest: 'latest' } }, /image.*digest/s],
  ])('%s, and says which', async (_, values, words) => {
    const file = join(directory, 'values.yaml')
    await writeFile(file, stringify(values))
    await expect(render(signal, helm, { valuesFile: file })).rejects.toThrow(words)
  })
})

/** By kind and name. */
function documentsOf(rendering: string): ReadonlyMap<string, string> {
  const documents = new Map<string, string>()
  for (const document of rendering.split(/^---$/m)) {
    const kind = /^kind: (\S+)/m.exec(document)?.[1]
    const name = /^metadata:\n(?: {2}.*\n)*? {2}name: (\S+)/m.exec(document)?.[1]
    if (kind !== undefined) documents.set(`${kind} ${name}`, document.trim())
  }
  return documents
}
