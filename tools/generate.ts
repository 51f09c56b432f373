// `npm run generate`: what is written from crds/, the catalogues and the chart; `--check` fails when a file differs from it.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { compile } from 'json-schema-to-typescript'
import { argocdFragment } from '../argocd/tree.ts'
import { chart, crdsInChart, localRendering, renderedFile } from './helm/render.ts'
import { valuesSchema } from './helm/values-schema.ts'
import { errorsPage, reasonsPage } from './reference/catalogues.ts'
import { isSchema, readCrds, type Schema } from './reference/crds.ts'
import { kindsPage } from './reference/kinds.ts'
import { metricsPage } from './reference/metrics.ts'
import { requirementsPage } from './reference/requirements.ts'
import { rolesPage } from './reference/roles.ts'

type Output = { readonly file: string; readonly make: () => Promise<string> }

const conditions = { tsType: 'Condition[]' }
const outputs: readonly Output[] = [
  { file: 'src/api/kinds.generated.ts', make: kinds },
  { file: 'docs/reference/reasons.md', make: reasonsPage },
  { file: 'docs/reference/errors.md', make: errorsPage },
  { file: 'argocd/argocd-cm.yaml', make: async () => argocdFragment() },
  { file: 'docs/reference/kinds.md', make: kindsPage },
  { file: 'docs/reference/metrics.md', make: metricsPage },
  { file: 'docs/requirements.md', make: requirementsPage },
  ...readdirSync('crds').map((file) => ({
    file: `${chart}/${crdsInChart}/${file}`,
    make: async () => readFileSync(`crds/${file}`, 'utf8'),
  })),
  {
    file: `${chart}/values.schema.json`,
    make: async () => `${JSON.stringify(valuesSchema, undefined, 2)}\n`,
  },
  // Last: they are made from the files above.
  { file: renderedFile, make: rendering },
  { file: 'docs/reference/roles.md', make: async () => rolesPage(await rendering()) },
]

const onlyCheck = process.argv.includes('--check')
for (const { file, make } of outputs) {
  const text = await make()
  if (!onlyCheck) writeFileSync(file, text)
  else if (readOrEmpty(file) !== text) {
    console.error(`${file} differs from its source. Run "npm run generate" and commit the result.`)
    process.exitCode = 1
  }
}

function rendering(): Promise<string> {
  return localRendering(new AbortController().signal, console.error)
}

async function kinds(): Promise<string> {
  const parts = [
    '// Written by `npm run generate` from crds/. Change the CRD, not this file.',
    "import type { Condition, ObjectMeta } from './object.ts'\n",
  ]
  for (const crd of readCrds()) {
    parts.push(
      `/** ${crd.description} */`,
      `export type ${crd.kind} = {`,
      `  apiVersion: 'tenantry.dev/v1alpha1'`,
      `  kind: '${crd.kind}'`,
      `  metadata: ObjectMeta`,
      `  spec${crd.specRequired ? '' : '?'}: ${crd.kind}Spec`,
      `  status?: ${crd.kind}Status`,
      `}\n`,
      await typeOf(`${crd.kind}Spec`, crd.spec),
      await typeOf(`${crd.kind}Status`, crd.status),
    )
  }
  return `${parts.join('\n').trimEnd()}\n`
}

async function typeOf(name: string, schema: Schema): Promise<string> {
  const text = await compile(closed(schema), name, {
    bannerComment: '',
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    style: { semi: false, singleQuote: true, printWidth: 100 },
  })
  return text.replace(/^export interface (\w+) \{/gm, 'export type $1 = {')
}

/** The schema without what only a server reads; conditions become the type that the code shares. */
function closed(schema: Schema): Schema {
  const entries = Object.entries(schema)
    .filter(([key]) => !key.startsWith('x-kubernetes') && key !== 'default')
    .map(([key, value]) => [
      key,
      key === 'properties' ? closedProperties(value) : closedValue(value),
    ])
  return Object.fromEntries(entries)
}

/** Here the keys are names that a user writes: one of them may be called `default`. */
function closedProperties(properties: unknown): unknown {
  if (!isSchema(properties)) return properties
  const entries = Object.entries(properties).map(([name, schema]) => [
    name,
    name === 'conditions' ? conditions : closedValue(schema),
  ])
  return Object.fromEntries(entries)
}

function closedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedValue)
  return isSchema(value) ? closed(value) : value
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
