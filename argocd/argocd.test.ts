// Health checks and actions in the machine that Argo CD runs them in, over manifests that a real
// platform has said of itself; and what Flux reads from the same manifests.
import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { describe, expect, test } from 'vitest'
import { isReason } from '../test/support/reasons.ts'
import { kstatusOf } from '../test/support/kstatus.ts'
import { runLua } from './lua.ts'
import { argocdFragment, readCustomizations } from './tree.ts'

type Health = { readonly status: string; readonly message?: string }
type HealthTest = { readonly healthStatus: Health; readonly inputPath: string }
type Action = {
  readonly name: string
  readonly displayName: string
  readonly iconClass: string
  readonly disabled: boolean
}
type ActionTests = {
  readonly discoveryTests: readonly { readonly inputPath: string; readonly result: Action[] }[]
  readonly actionTests: readonly {
    readonly action: string
    readonly inputPath: string
    readonly expectedOutputPath: string
  }[]
}

const read = (...path: readonly string[]) => readFileSync(join(...path), 'utf8')
const customizations = readCustomizations()
const crds = readdirSync('crds').map((file) => parse(read('crds', file)))
const kinds = crds.map((crd): string => crd.spec.names.kind).sort()
const ajv = new Ajv({ strict: false, validateFormats: false })

function healthTestsOf(folder: string): readonly HealthTest[] {
  const { tests }: { readonly tests: readonly HealthTest[] } = parse(
    read(folder, 'health_test.yaml'),
  )
  return tests
}

test('each kind has a health check', () => {
  expect(customizations.map(({ kind }) => kind)).toEqual(kinds)
})

describe.each(customizations)('$kind', ({ kind, folder, health, discovery, actions }) => {
  const healthTests = healthTestsOf(folder)

  test.each(healthTests)('is $healthStatus.status by $inputPath', ({ inputPath, healthStatus }) => {
    expect(runLua(health, parse(read(folder, inputPath)))).toEqual(healthStatus)
  })

  test('has a case for each manifest that was recorded', () => {
    const recorded = readdirSync(join(folder, 'testdata')).map((file) => `testdata/${file}`)
    expect(healthTests.map(({ inputPath }) => inputPath).sort()).toEqual(recorded.sort())
  })

  test('is never reported by a reason that nobody gives', () => {
    const named = [...health.matchAll(/^ {2}(\w+) = true,$/gm)].map(([, reason = '']) => reason)
    expect(named.filter((reason) => !isReason(reason))).toEqual([])
  })

  test('says to Flux what it says to Argo CD', () => {
    for (const { inputPath, healthStatus } of healthTests) {
      const object: { readonly status?: object } = parse(read(folder, inputPath))
      // kstatus knows nothing of an object without a status; the example brings expressions for it.
      if (!object.status) continue
      const expected = healthStatus.status === 'Healthy' ? 'Current' : 'InProgress'
      expect(kstatusOf(object), inputPath).toBe(expected)
    }
  })

  test('is recorded as its CRD has it', () => {
    const crd = crds.find((each) => each.spec.names.kind === kind)
    const validate = ajv.compile(closed(crd.spec.versions[0].schema.openAPIV3Schema))
    const folders = [join(folder, 'testdata'), join(folder, 'actions', 'testdata')]
    for (const each of folders.filter((path) => existsSync(path))) {
      for (const file of readdirSync(each)) {
        validate(parse(read(each, file)))
        expect(validate.errors ?? [], join(each, file)).toEqual([])
      }
    }
  })

  test('a check without the string library fails here as in production', () => {
    expect(() => runLua('return string.format("%s", obj.kind)', { kind })).toThrow(/nil/)
  })

  if (discovery === undefined) return
  const { discoveryTests, actionTests }: ActionTests = parse(
    read(folder, 'actions', 'action_test.yaml'),
  )

  test.each(discoveryTests)('offers actions by $inputPath', ({ inputPath, result }) => {
    const offered = runLua(discovery, parse(read(folder, 'actions', inputPath)))
    const byName = Object.fromEntries(result.map(({ name, ...rest }) => [name, rest]))
    expect(offered).toEqual(byName)
    expect(Object.keys(byName).sort()).toEqual(actions.map(({ name }) => name))
  })

  test.each(actionTests)('$action changes $inputPath', (each) => {
    const script = actions.find(({ name }) => name === each.action)?.script ?? ''
    const input: unknown = parse(read(folder, 'actions', each.inputPath))
    expect(runLua(script, input)).toEqual(parse(read(folder, 'actions', each.expectedOutputPath)))
  })
})

test('the example for Flux gives up on the same reasons as the checks of Argo CD', () => {
  for (const file of ['organizations', 'people']) {
    const {
      spec,
    }: {
      readonly spec: { readonly healthCheckExprs: readonly { kind: string; failed?: string }[] }
    } = parse(read('examples', 'flux', `${file}.yaml`))
    for (const { kind, failed = '' } of spec.healthCheckExprs) {
      const health = customizations.find((each) => each.kind === kind)?.health ?? ''
      const stuck = /local stuck = \{(.*?)\}/s.exec(health)?.[1] ?? ''
      const reasons = [...stuck.matchAll(/(\w+) = true/g)].map(([, reason]) => reason)
      const listed = [...(/in \[(.*?)\]/s.exec(failed)?.[1] ?? '').matchAll(/"(\w+)"/g)]
      expect(
        listed.map(([, reason]) => reason),
        kind,
      ).toEqual(reasons)
    }
  }
})

test('the applications of the example have folders and files that exist', () => {
  for (const file of ['root', 'apps/operator', 'apps/organizations', 'apps/people']) {
    const {
      spec,
    }: {
      readonly spec: { readonly source: { path: string; directory?: { include: string } } }
    } = parse(read('examples', 'argocd', `${file}.yaml`))
    const { path, directory } = spec.source
    expect(globSync(join(path, directory?.include ?? '*')).length, file).toBeGreaterThan(0)
  }
})

test('the fragment of argocd-cm holds the very same scripts', () => {
  const { data }: { readonly data: Record<string, string> } = parse(argocdFragment())
  for (const { kind, health, discovery, actions } of customizations) {
    expect(data[`resource.customizations.health.tenantry.dev_${kind}`]).toBe(health)
    if (discovery === undefined) continue
    expect(parse(data[`resource.customizations.actions.tenantry.dev_${kind}`] ?? '')).toEqual({
      'discovery.lua': discovery,
      definitions: actions.map(({ name, script }) => ({ name, 'action.lua': script })),
    })
  }
})

type Schema = { readonly [key: string]: unknown }

/** A field that the schema does not know is one that the API server would have dropped. */
function closed(schema: Schema, isObject = false): Schema {
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (key === 'properties' && isSchema(value)) return [key, closedProperties(value)]
    return [key, key === 'items' && isSchema(value) ? closed(value, true) : value]
  })
  const mayHaveOthers = !isObject || !schema['properties'] || 'additionalProperties' in schema
  return { ...Object.fromEntries(entries), ...(!mayHaveOthers && { additionalProperties: false }) }
}

function closedProperties(properties: Schema): Schema {
  const entries = Object.entries(properties)
  return Object.fromEntries(
    entries.map(([name, each]) => [name, isSchema(each) ? closed(each, true) : each]),
  )
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null
}
