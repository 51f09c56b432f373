// The corpus of manifests against the real API server: what is accepted, and what is refused with which sentence.
// A case of test/api/manifests/<plural>.yaml: `says` completes the sentence of the test; `spec` is tried under `name`;
// `refused` is a part of the message; with `then` the first spec is stored and the second is what is judged.
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { startControlPlane, type ControlPlane } from '../../tools/control-plane/start.ts'
import { connect, type ApiServer } from '../support/api-server.ts'
import { applyCrds } from '../support/crds.ts'

type Corpus = {
  readonly kind: string
  readonly namespaced: boolean
  /** The name where a case gives none; `*` gives each case its own. */
  readonly name: string
  readonly cases: readonly Case[]
}
type Case = {
  readonly says: string
  readonly name?: string
  readonly spec?: unknown
  readonly then?: unknown
  readonly refused?: string
}

const { signal } = new AbortController()
let plane: ControlPlane
let server: ApiServer

beforeAll(async () => {
  plane = await startControlPlane(signal)
  await applyCrds(signal, plane)
  server = connect(plane.kubeconfig)
})
afterAll(async () => {
  server[Symbol.dispose]()
  await plane.stop()
})

const corpora = globSync('test/api/manifests/*.yaml').sort()
const read = (file: string): Corpus => parse(readFileSync(file, 'utf8'))

test('the corpus has at least 120 manifests', () => {
  const count = corpora.reduce((sum, file) => sum + read(file).cases.length, 0)
  expect(count).toBeGreaterThanOrEqual(120)
})

describe.each(corpora.map((file) => [basename(file, '.yaml'), read(file)] as const))(
  '%s',
  (plural, corpus) => {
    test.each(corpus.cases.map((each, index) => [each.says, each, index] as const))(
      '%s',
      async (_says, each, index) => {
        const answer = await judge(plural, corpus, each, index)
        if (each.refused === undefined) {
          expect(answer).toMatchObject({ status: expect.toBeOneOf([200, 201]) })
        } else {
          expect(answer).toMatchObject({
            status: expect.toBeOneOf([400, 422]),
            body: { message: expect.stringContaining(each.refused) },
          })
        }
      },
    )
  },
)

async function judge(plural: string, corpus: Corpus, each: Case, index: number) {
  // Each case that is stored gets a namespace of its own: grants and providers have one fixed name.
  const namespace = corpus.namespaced && each.then !== undefined ? await makeNamespace() : 'default'
  const name = each.name ?? corpus.name.replace('*', `case-${index}`)
  const at = `/apis/tenantry.dev/v1alpha1${corpus.namespaced ? `/namespaces/${namespace}` : ''}/${plural}`
  const object = (spec: unknown) => ({
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: corpus.kind,
    metadata: { name },
    ...(spec === undefined ? {} : { spec }),
  })
  const query = 'fieldValidation=Strict'
  if (each.then === undefined) {
    return server.ask('POST', `${at}?dryRun=All&${query}`, object(each.spec))
  }
  expect(await server.ask('POST', `${at}?${query}`, object(each.spec))).toMatchObject({
    status: 201,
  })
  return server.ask('PATCH', `${at}/${name}?${query}`, { spec: each.then })
}

let namespaces = 0
async function makeNamespace(): Promise<string> {
  const name = `corpus-${(namespaces += 1)}`
  const metadata = { name }
  await server.ask('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata })
  return name
}
